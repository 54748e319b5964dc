"""Pictures in a terminal: half blocks, two pixels a character, in as many colours as there are.

Chooses the colours from the environment alone and never asks the terminal, whose answer would
end up in logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

_UPPER: Final = "\u2580"
_MONO: Final = (" ", "\u2584", _UPPER, "\u2588")  # by bits: upper, lower
_RAMP: Final = " .:-=+*#%@"
_RESET: Final = "\x1b[0m"
_LEVELS: Final = (0, 95, 135, 175, 215, 255)  # of the colour cube of 256-colour terminals
_BASIC: Final = (
    (0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0),
    (0, 0, 170), (170, 0, 170), (0, 170, 170), (170, 170, 170),
)  # fmt: skip


class Colours(StrEnum):
    """What a terminal can show."""

    TRUE = "24-bit"
    CUBE = "256"
    BASIC = "16"
    BLOCKS = "none, half blocks"
    ASCII = "none, ASCII"


def choose_colours(environ: Mapping[str, str], encoding: str | None) -> Colours:
    """Return what a terminal shows, by its environment and the output's encoding."""
    if (encoding or "").lower().replace("-", "") != "utf8":
        return Colours.ASCII
    term = environ.get("TERM", "dumb")
    if term in ("", "dumb", "unknown") or term.startswith("vt"):
        return Colours.ASCII
    if environ.get("NO_COLOR"):
        return Colours.BLOCKS
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or term.endswith("-direct"):
        return Colours.TRUE
    return Colours.CUBE if "256color" in term else Colours.BASIC


def render(image: Image.Image, columns: int, colours: Colours) -> list[str]:
    """Return the lines that show a picture `columns` characters wide."""
    rows = max(1, round(columns * image.height / image.width / 2))
    small = image.convert("RGB").resize((columns, 2 * rows), Image.Resampling.LANCZOS)
    match colours:
        case Colours.TRUE:
            return _true(np.asarray(small))
        case Colours.CUBE:
            return _indexed(_quantize(small, _cube()), _cube_codes)
        case Colours.BASIC:
            return _indexed(_quantize(small, _BASIC), _basic_codes)
        case Colours.BLOCKS:
            return _blocks(np.asarray(ImageOps.autocontrast(small.convert("L")).convert("1")))
        case Colours.ASCII:
            return _ascii(np.asarray(small.convert("L"), np.float64))


def side_by_side(pictures: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Return the lines of pictures of the same height, next to each other."""
    return [gap.join(lines) for lines in zip(*pictures, strict=True)]


def _true(pixels: NDArray[np.uint8]) -> list[str]:
    lines = []
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        cells = (
            f"\x1b[38;2;{a[0]};{a[1]};{a[2]};48;2;{b[0]};{b[1]};{b[2]}m{_UPPER}"
            for a, b in zip(upper, lower, strict=True)
        )
        lines.append("".join(cells) + _RESET)
    return lines


def _indexed(pixels: NDArray[np.uint8], codes: Callable[[int, int], str]) -> list[str]:
    lines = []
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        cells = (
            f"\x1b[{codes(int(a), int(b))}m{_UPPER}" for a, b in zip(upper, lower, strict=True)
        )
        lines.append("".join(cells) + _RESET)
    return lines


def _cube_codes(upper: int, lower: int) -> str:
    return f"38;5;{upper + 16};48;5;{lower + 16}"


def _basic_codes(upper: int, lower: int) -> str:
    return f"{upper + 30};{lower + 40}"


def _blocks(pixels: NDArray[np.bool_]) -> list[str]:
    return [
        "".join(_MONO[2 * int(a) + int(b)] for a, b in zip(upper, lower, strict=True))
        for upper, lower in zip(pixels[::2], pixels[1::2], strict=True)
    ]


def _ascii(pixels: NDArray[np.float64]) -> list[str]:
    brightness = (pixels[::2] + pixels[1::2]) / 2 / 256
    return ["".join(_RAMP[int(one * len(_RAMP))] for one in row) for row in brightness]


def _quantize(image: Image.Image, palette: Sequence[tuple[int, int, int]]) -> NDArray[np.uint8]:
    """Return the palette's nearest colours, errors spread over the neighbours."""
    flat = [value for colour in palette for value in colour]
    chart = Image.new("P", (1, 1))
    chart.putpalette(flat + list(palette[0]) * (256 - len(palette)))
    return np.asarray(image.quantize(palette=chart, dither=Image.Dither.FLOYDSTEINBERG))


def _cube() -> list[tuple[int, int, int]]:
    """Return the colours 16 to 255 of 256-colour terminals: a cube and a row of greys."""
    cube = [(r, g, b) for r in _LEVELS for g in _LEVELS for b in _LEVELS]
    return cube + [(grey, grey, grey) for grey in range(8, 248, 10)]
