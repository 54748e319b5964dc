"""Commands in one text, cut into words as Docker Compose cuts them.

Source: the shell-words grammar that Docker Compose uses: quotes and backslashes as in a shell,
nothing is expanded, and an unquoted `;`, `&`, `|`, `<` or `>` ends the command.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from manifests.interpolation import tokens

_ENDS: Final = frozenset(";&|<>")
_OPENING: Final = {"'": "'", '"': '"', "`": "`", "(": ")"}
_KEPT: Final = frozenset("`)")
"""Signs that quote, as in `$(date)`, and stay: nothing is run in their place."""
_SPACES: Final = frozenset(" \t\r\n")


class MalformedCommand(Exception):
    """A command that can't be cut into words; the exception's text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command in words.

    Attributes:
        words: program and arguments.
        rest: what stands behind an unquoted sign that ends the command, which is not run.
    """

    words: tuple[str, ...]
    rest: str = ""


def cut(text: str) -> Command:
    """Return the words of a command.

    Raises:
        MalformedCommand: a quote without its end, or an unquoted parenthesis.
    """
    return _Cutter().cut(list(text))


def cut_template(text: str) -> Command:
    """Return the words of a command with variables, each of which is taken for a letter.

    Raises:
        MalformedCommand: as `cut`.
        MalformedInterpolation: no closing brace.
    """
    units: list[str] = []
    for token in tokens(text):
        units += [token] if token.startswith("$") else list(token)
    return _Cutter().cut(units)


@dataclass(slots=True)
class _Cutter:
    """Cuts one command; `word` is None between words."""

    words: list[str] = field(default_factory=list)
    word: str | None = None
    quote: str = ""
    escaped: bool = False

    def cut(self, units: list[str]) -> Command:
        for at, unit in enumerate(units):
            if self._ends(unit):
                self._finish()
                return Command(tuple(self.words), "".join(units[at:]))
            self._take(unit)
        if self.escaped or self.quote:
            raise MalformedCommand(f"expected a closing {self.quote or 'letter after a backslash'}")
        self._finish()
        return Command(tuple(self.words))

    def _ends(self, unit: str) -> bool:
        if self.escaped or self.quote:
            return False
        if unit == ")" or (unit == "(" and not (self.word or "").endswith("$")):
            raise MalformedCommand(f"expected no unquoted {unit}: no shell reads the command")
        return unit in _ENDS

    def _take(self, unit: str) -> None:
        if self.escaped:
            self._add(unit)
            self.escaped = False
        elif unit == "\\" and self.quote != "'":
            self.escaped = True
        elif unit == self.quote:
            self.quote = ""
            self._add(unit if unit in _KEPT else "")
        elif self.quote or unit not in _OPENING:
            self._plain(unit)
        else:
            self.quote = _OPENING[unit]
            self._add(unit if self.quote in _KEPT else "")

    def _plain(self, unit: str) -> None:
        if unit in _SPACES and not self.quote:
            self._finish()
        else:
            self._add(unit)

    def _add(self, unit: str) -> None:
        self.word = (self.word or "") + unit

    def _finish(self) -> None:
        if self.word is not None:
            self.words.append(self.word)
        self.word = None
