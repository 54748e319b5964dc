"""Env files (`.env`): lines `NAME=value` with quotes, comments, `export`, and other variables.

Owns the grammar of one file. Which files are read and who wins is for `project`.

Source: Compose specification, "env_file format". Of what it leaves open this does as Docker
Compose 2.40 does: `NAME: value` is taken too, a name alone takes the value that it has outside,
and what follows a closing quote on its line does not count.
"""

from __future__ import annotations

import re
from collections import ChainMap
from dataclasses import dataclass, field
from typing import Final

from bundler.discover.compose.notes import Notes
from bundler.discover.found import Place
from manifests.interpolation import Filled, MalformedInterpolation, interpolate

ENV_FILE_LIMIT: Final = 1024 * 1024
"""Bytes of one env file."""

_BLANK = re.compile(r"\s*(?:#[^\n]*)?")
_EXPORT = re.compile(r"export[ \t]+")
_NAME = re.compile(r"[\w.\-\[\]]+")
_SEPARATOR = re.compile(r"[ \t]*(?:(?P<sign>[=:])[ \t]*|(?=\r?\n|\Z))")
_QUOTED = {
    "'": re.compile(r"'((?:[^'\\]++|\\.)*+)'[^\n]*", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]++|\\.)*+)"[^\n]*', re.DOTALL),
}
_LINE = re.compile(r"[^\n]*")
_COMMENT = re.compile(r" #.*")
_ESCAPE = re.compile(r"\\([\\\"nrtabfv$])")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "$": "$$"}
_HINT = "write NAME=value, NAME='literal text' or NAME=\"text with $OTHER\" on each line"


@dataclass(frozen=True, slots=True)
class Known:
    """Variables that are there before an env file is read.

    Attributes:
        outside: win over the file's own.
        earlier: of files before it, which it wins over.
    """

    outside: dict[str, str]
    earlier: dict[str, str] = field(default_factory=dict)


class _Malformed(Exception):
    """A line that can't be read; the exception's text says what is wrong."""


def parse_env(data: bytes, file: str, known: Known, notes: Notes) -> dict[str, str]:
    """Return the variables of one env file.

    Args:
        data: the whole file.
        file: its path, for places.
        known: variables that its values may use.
        notes: where problems and remarks are told.

    Raises:
        Refused: no UTF-8, or its values make too much text together.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"expected UTF-8, found byte 0x{data[error.start]:02x}"
        place = Place(file, data.count(b"\n", 0, error.start) + 1)
        raise notes.refuse(place, "compose-env-file", found, "save the file as UTF-8") from error
    return _Parser(text, file, known, notes).parse()


class _Parser:
    """Reads one file from its start to its end; `_at` is how far it got."""

    def __init__(self, text: str, file: str, known: Known, notes: Notes) -> None:
        self._text = text
        self._file = file
        self._outside = known.outside
        self._notes = notes
        self._at = self._line = self._counted = 0
        self._values: dict[str, str] = {}
        self._known = ChainMap(known.outside, self._values, known.earlier)

    def parse(self) -> dict[str, str]:
        while True:
            self._skip_blank()
            if self._at >= len(self._text):
                return self._values
            place = self._place()
            try:
                self._statement(place)
            except _Malformed as error:
                self._notes.problem(place, "compose-env-file", str(error), _HINT)
                self._skip(_LINE)

    def _statement(self, place: Place) -> None:
        self._skip(_EXPORT)
        start = self._at
        name = self._skip(_NAME)
        separator = self._skip(_SEPARATOR)
        if separator is None or (name is None and not separator["sign"]):
            raise _Malformed(f"expected NAME=value, found {self._line_from(start)!r}")
        key = name[0] if name is not None else ""
        if separator["sign"]:
            self._keep(key, self._value(), place)
        elif key in self._known:
            self._values[key] = self._known[key]

    def _keep(self, name: str, filled: Filled, place: Place) -> None:
        for missing in filled.missing:
            raise _Malformed(f"expected a value of {missing.name}: {missing.message}")
        if not name or name in self._outside:
            return
        for unset in filled.unset:
            self._notes.remark(place, f"{unset} is not set: {name} goes without it")
        self._notes.spend(place, characters=len(filled.text))
        self._values[name] = filled.text

    def _value(self) -> Filled:
        quote = self._text[self._at : self._at + 1]
        if quote not in _QUOTED:
            line = self._skip(_LINE)
            return self._fill(_COMMENT.sub("", line[0] if line else "").rstrip())
        quoted = self._skip(_QUOTED[quote])
        if quoted is None:
            raise _Malformed(
                f"expected a closing {quote}, found none after {self._line_from(self._at)!r}"
            )
        if quote == "'":
            return Filled(quoted[1].replace("\\'", "'"))
        return self._fill(_ESCAPE.sub(_unescape, quoted[1]))

    def _fill(self, text: str) -> Filled:
        try:
            return interpolate(text, self._known)
        except MalformedInterpolation as error:
            raise _Malformed(str(error)) from error

    def _skip(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _skip_blank(self) -> None:
        while (match := self._skip(_BLANK)) is not None and match[0]:
            pass

    def _line_from(self, start: int) -> str:
        """Return the rest of a line, or what is shown of it."""
        line = _LINE.match(self._text, start, start + 60)
        return line[0] if line else ""

    def _place(self) -> Place:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return Place(self._file, self._line + 1, self._at - self._text.rfind("\n", 0, self._at))


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[1])
