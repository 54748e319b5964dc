"""The pictures that the self-test drew, in half blocks, as it drew them.

Their colours are read once, which takes a fifth of a second: by the thread that ran the self-test,
so that the screens only paint.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from rich.ansi import AnsiDecoder
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from installer.tui.proof import Proof


class Picture(Widget):
    """The place of the pictures and of what they show; takes no room while there are none."""

    def __init__(self, proof: Proof | None = None) -> None:
        super().__init__(id="picture")
        self._strips = _strips_of(proof)

    def show(self, proof: Proof | None) -> None:
        """Show these pictures instead of those before."""
        strips = _strips_of(proof)
        if strips is not self._strips:
            self._strips = strips
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the rows that they take."""
        del container, viewport, width
        return len(self._strips)

    def render_line(self, y: int) -> Strip:
        """Return a row; what is wider than the screen is cut off."""
        width, base = self.content_size.width, self.visual_style.rich_style
        if y >= len(self._strips):
            return Strip.blank(width, base)
        return self._strips[y].apply_style(base).adjust_cell_length(width, base)


def prepared(proof: Proof) -> Proof:
    """Return a proof whose colours were read; not for the thread that paints."""
    _strips_of(proof)
    return proof


def _strips_of(proof: Proof | None) -> tuple[Strip, ...]:
    return _drawn(proof.picture, proof.caption) if proof is not None and proof.picture else ()


@lru_cache(maxsize=4)
def _drawn(picture: tuple[str, ...], caption: str) -> tuple[Strip, ...]:
    rows = (*(AnsiDecoder().decode_line(line) for line in picture), Text(caption))
    return tuple(Strip(_segments(row)) for row in rows)


def _segments(row: Text) -> Iterator[Segment]:
    """Yield the pieces of a decoded line, whose styles follow each other and never overlap."""
    at = 0
    for span in row.spans:
        if span.start > at:
            yield Segment(row.plain[at : span.start])
        style = span.style if isinstance(span.style, Style) else None
        yield Segment(row.plain[span.start : span.end], style)
        at = span.end
    if at < len(row.plain):
        yield Segment(row.plain[at:])
