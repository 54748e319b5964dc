"""HTML from plain values: everything is escaped here, so that nobody else can forget it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from manifests.safetext import safe_text


def text(value: object) -> str:
    """Return a value as HTML text, without control characters."""
    return escape(safe_text(str(value), limit=70_000), quote=True)


def section(title: str, *content: str) -> str:
    """Return a titled part of the page; nothing when it holds nothing."""
    inside = "\n".join(part for part in content if part)
    return f"<section><h2>{text(title)}</h2>\n{inside}</section>" if inside else ""


def facts(rows: Iterable[tuple[str, object]]) -> str:
    """Return a list of facts; those without a value are left out."""
    made = [
        f"<dt>{text(name)}</dt><dd>{text(value)}</dd>"
        for name, value in rows
        if value not in (None, "")
    ]
    return f"<dl>{''.join(made)}</dl>" if made else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], marked: int = -1) -> str:
    """Return a table; nothing without rows.

    Args:
        heads: of the columns; one that begins with `#` holds numbers.
        rows: the cells.
        marked: the column whose text also is the mark of its row, such as `fail`.
    """
    made = [_row(row, heads, marked) for row in rows]
    if not made:
        return ""
    head = "".join(f"<th{_kind(one)}>{text(one.removeprefix('#'))}</th>" for one in heads)
    body = "\n".join(made)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def preformatted(words: str) -> str:
    """Return text as it stands, line by line; nothing for none."""
    return f"<pre>{text(words)}</pre>" if words else ""


def picture(base64: str, about: str) -> str:
    """Return a PNG that lies in the page itself; nothing for none."""
    if not base64 or not all(_is_base64(part) for part in base64):
        return ""
    return f'<img alt="{text(about)}" src="data:image/png;base64,{base64}">'


def _row(row: Sequence[object], heads: Sequence[str], marked: int) -> str:
    mark = f' class="is-{text(row[marked])}"' if marked >= 0 else ""
    return f"<tr{mark}>{''.join(_cells(row, heads))}</tr>"


def _cells(row: Sequence[object], heads: Sequence[str]) -> Iterator[str]:
    for value, head in zip(row, heads, strict=True):
        yield f"<td{_kind(head)}>{text('' if value is None else value)}</td>"


def _kind(head: str) -> str:
    return ' class="number"' if head.startswith("#") else ""


def _is_base64(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in "+/=")
