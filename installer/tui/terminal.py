"""What the terminal can show, by its environment alone, and what is shown instead where it can't.

Pure. Never asks the terminal: a serial line would answer into the next program's input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Glyphs(StrEnum):
    """Which characters there are."""

    UNICODE = "all of Unicode"
    CONSOLE = "the Linux console's font: lines and blocks of code page 437"
    ASCII = "ASCII"


class Palette(StrEnum):
    """Which colours there are."""

    FULL = "256 or more"
    BASIC = "the terminal's own 16"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a terminal can show."""

    glyphs: Glyphs
    palette: Palette

    def translated(self, text: str) -> str:
        """Return text of the program as this terminal can show it, one cell for one cell."""
        if self.glyphs is Glyphs.UNICODE or text.isascii():
            return text
        shown = text.translate(_CONSOLE)
        if self.glyphs is Glyphs.CONSOLE:
            return shown
        return "".join(map(_ascii, shown.translate(_ASCII)))


def choose_terminal(environ: Mapping[str, str], encoding: str | None) -> Terminal:
    """Return what a terminal shows, by its environment and the output's encoding."""
    term = environ.get("TERM", "")
    return Terminal(_glyphs(environ, term, encoding), _palette(environ, term))


def is_usable(environ: Mapping[str, str]) -> bool:
    """Tell whether a screen can be drawn at all: the cursor must be movable."""
    return environ.get("TERM", "") not in ("", "dumb", "unknown")


def _glyphs(environ: Mapping[str, str], term: str, encoding: str | None) -> Glyphs:
    plain = (encoding or "").lower().replace("-", "") != "utf8" or not _is_utf8(environ)
    if plain or term.startswith("vt") or term == "ansi":
        return Glyphs.ASCII
    return Glyphs.CONSOLE if term == "linux" else Glyphs.UNICODE


def _is_utf8(environ: Mapping[str, str]) -> bool:
    """Tell what the locale says; Python itself sets LC_CTYPE=C.UTF-8 where it says nothing."""
    whole, types, lang = (environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    unset = types in ("C.UTF-8", "C.utf8", "UTF-8") and lang in ("", "C", "POSIX")
    chosen = whole or (lang if unset else types) or lang
    return "utf8" in chosen.lower().replace("-", "")


def _palette(environ: Mapping[str, str], term: str) -> Palette:
    if environ.get("NO_COLOR") or term.startswith("vt"):
        return Palette.NONE
    depth = environ.get("COLORTERM", "").lower()
    if "256color" in term or term.endswith("-direct") or depth in ("truecolor", "24bit"):
        return Palette.FULL
    return Palette.BASIC


def _ascii(character: str) -> str:
    return character if character.isascii() else "?"


_CONSOLE: Final = str.maketrans(
    {
        **dict.fromkeys("╸╺━╾╼", "─"),
        **dict.fromkeys("┃╏╎│▏▕▎", "│"),
        **dict.fromkeys("╭┏", "┌"),
        **dict.fromkeys("╮┓", "┐"),
        **dict.fromkeys("╰┗", "└"),
        **dict.fromkeys("╯┛", "┘"),
        **dict.fromkeys("▔🮂", "─"),
        **dict.fromkeys("▁▂▃", "_"),
        **dict.fromkeys("▅▆▇", "▄"),
        **dict.fromkeys("▊▋▉▍", "█"),
        **dict.fromkeys("✓", "√"),
        **dict.fromkeys("✗", "x"),
        **dict.fromkeys("▸▶", ">"),
        **dict.fromkeys("…", "~"),
        **dict.fromkeys("⎵⏎", "_"),
        "•": "·",
    }
)
_ASCII: Final = str.maketrans(
    {
        **dict.fromkeys("─═", "-"),
        **dict.fromkeys("│║", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼", "+"),
        **dict.fromkeys("█", "#"),
        **dict.fromkeys("▀▄▌▐", "="),
        **dict.fromkeys("░▒", "."),
        **dict.fromkeys("▓", "%"),
        **dict.fromkeys("·↑", "^"),
        **dict.fromkeys("↓", "v"),
        **dict.fromkeys("←", "<"),
        **dict.fromkeys("→", ">"),
        "√": "*",
        "·": ".",
        "■": "#",
        "\u00a0": " ",
    }
)
