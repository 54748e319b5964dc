"""Makes foreign text safe to show: no terminal escape, no bidirectional trick, bounded length.

Every string that comes from a bundle, a registry, an engine or an app manifest passes through
`safe_text` before it reaches a screen, a log or an error message (CWE-150).
"""

from __future__ import annotations

import unicodedata

LIMIT = 4096
"""Characters shown of one foreign string."""

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def safe_text(text: str, *, limit: int = LIMIT) -> str:
    r"""Return `text` with control, format and surrogate characters as visible `\x..` escapes.

    Tabs and line feeds stay. At most `limit` characters of the input are shown; a cut is marked
    with an ellipsis.
    """
    shown = text if len(text) <= limit else text[: limit - 1] + "\u2026"
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(map(_visible, shown))


def safe_line(text: str, *, limit: int = LIMIT) -> str:
    """Return `safe_text` on one line: tabs and line feeds become spaces."""
    return safe_text(text.replace("\t", " ").replace("\n", " "), limit=limit)


def _visible(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    point = ord(character)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"
