"""Makes what drivers, loaders and files say safe to show: no terminal escape, bounded length.

The same rule as `manifests.safetext`, which this package may not import.
"""

from __future__ import annotations

import unicodedata

LIMIT = 2000
"""Characters kept of one foreign string."""

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def printable(text: str, limit: int = LIMIT) -> str:
    r"""Return one line: white space as spaces, control and format characters as `\x..`."""
    flat = " ".join(text[: 4 * limit].split())
    shown = flat if len(flat) <= limit else flat[: limit - 1] + "\u2026"
    if shown.isascii() and shown.isprintable():
        return shown
    return "".join(map(_visible, shown))


def last_lines(text: str, count: int) -> tuple[str, ...]:
    """Return the last lines that are not empty, each printable and bounded."""
    lines = [line for line in text[-64 * 1024 :].splitlines() if line.strip()]
    return tuple(printable(line, 300) for line in lines[-count:])


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    point = ord(character)
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"
