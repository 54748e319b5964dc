"""JSON of people, read with bounds: plain values, and the place in the file of each.

Strict as RFC 8259 has it, without recursion; what a program would read in two ways is refused:
duplicate keys, lone surrogates, numbers out of range. What a key or value should be is not
judged here. `manifests.strictjson` reads the documents of programs, which need no places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from manifests.yaml.node import Entry, Limits, Node
from manifests.yaml.scalar import Scalar
from manifests.yaml.text import MalformedYaml, Position, decode

JSON_LIMITS: Final = Limits(size=2 * 1024 * 1024, depth=64, nodes=40_000)

_WHITE: Final = re.compile(r"[ \t\r\n]*+")
_STRING: Final = re.compile(r'"((?:[^"\\\x00-\x1f]++|\\.)*+)"')
_ESCAPE: Final = re.compile(
    r"\\(?:(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))",
    re.DOTALL,
)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(\.[0-9]++)?+([eE][-+]?[0-9]++)?+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_SIMPLE: Final = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_NAMES: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None}
_MAX_DIGITS: Final = 40


class MalformedJsonText(ValueError):
    """A text that is not JSON; its text says why, without the place.

    Attributes:
        position: where in the file.
        template: whether a template's braces stand there.
    """

    def __init__(self, position: Position, reason: str, *, template: bool = False) -> None:
        super().__init__(reason)
        self.position = position
        self.template = template


def load(data: bytes, limits: Limits = JSON_LIMITS) -> Node:
    """Parse one document.

    Args:
        data: the whole file, UTF-8, a byte order mark allowed.
        limits: what the file may have; aliases and tags mean nothing here.

    Raises:
        MalformedJsonText: too large, not UTF-8, not JSON, or refused as this module says.
    """
    if len(data) > limits.size:
        raise MalformedJsonText(Position(1, 1), f"larger than {limits.size} bytes")
    try:
        text = decode(data, "")
    except MalformedYaml as error:
        raise MalformedJsonText(error.position, error.reason) from error
    return _Reader(text, limits).document()


@dataclass(slots=True)
class _Open:
    """An object or list that is not yet at its end."""

    position: Position
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] | None = None
    key: tuple[str, Position] | None = None


class _Reader:
    """Reads values from left to right; what is open is on a stack of its own."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._text = text
        self._limits = limits
        self._at = 0
        self._line = 1
        self._line_start = 0
        self._count = 0
        self._stack: list[_Open] = []

    def document(self) -> Node:
        node = self._value()
        while node is None or self._stack:
            if node is not None:
                self._add(node)
            node = self._next(after_value=node is not None)
        self._white()
        if self._at < len(self._text):
            raise self._bad("expected the end after the document")
        return node

    def _next(self, *, after_value: bool) -> Node | None:
        """Read on within the innermost list or object; return what is finished."""
        opened = self._stack[-1]
        end = "]" if opened.entries is None else "}"
        self._white()
        if after_value:
            if self._take(end):
                return self._close()
            if not self._take(","):
                raise self._bad(f"expected ',' or '{end}'")
            self._white()
        elif self._take(end):
            return self._close()
        if opened.entries is not None:
            self._key(opened, opened.entries)
        return self._value()

    def _key(self, opened: _Open, entries: dict[str, Entry]) -> None:
        position = self._position()
        if not self._text.startswith('"', self._at):
            raise self._bad("expected a key in double quotes")
        key = self._string()
        if key in entries:
            first = entries[key].position.line
            raise MalformedJsonText(position, f"duplicate key {key[:100]!r}, first at line {first}")
        self._white()
        if not self._take(":"):
            raise self._bad("expected ':' after the key")
        opened.key = (key, position)

    def _value(self) -> Node | None:
        """Return the value that begins here; None where it is a list or object."""
        self._white()
        position = self._position()
        self._count += 1
        if self._count > self._limits.nodes:
            raise self._bad(f"expected at most {self._limits.nodes} values")
        letter = self._text[self._at : self._at + 1]
        if letter in ("{", "[") and not self._text.startswith("{{", self._at):
            if len(self._stack) >= self._limits.depth:
                raise self._bad(f"nested deeper than {self._limits.depth}")
            self._at += 1
            self._stack.append(_Open(position, entries={} if letter == "{" else None))
            return None
        if letter == '"':
            text = self._string()
            return Node(position, text, text)
        return self._plain(position)

    def _plain(self, position: Position) -> Node:
        match = _NUMBER.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
            return Node(position, self._number(match, position), match[0][:_MAX_DIGITS])
        match = _NAME.match(self._text, self._at)
        if match is None or match[0] not in _NAMES:
            raise self._bad("expected a value")
        self._at = match.end()
        return Node(position, _NAMES[match[0]], match[0])

    def _number(self, match: re.Match[str], position: Position) -> Scalar:
        if len(match[0]) > _MAX_DIGITS:
            raise MalformedJsonText(position, f"a number of {len(match[0])} characters")
        if match[1] is None and match[2] is None:
            return int(match[0])
        value = float(match[0])
        if value in (float("inf"), float("-inf")):
            raise MalformedJsonText(position, f"number {match[0]} is out of range")
        return value

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise self._bad("expected text up to a closing '\"' on the same line")
        self._at = match.end()
        written = match[1]
        if "\\" not in written:
            return written
        return _ESCAPE.sub(lambda one: self._unescaped(one, match.start(1)), written)

    def _unescaped(self, escape: re.Match[str], start: int) -> str:
        if escape[1]:
            return bytes.fromhex(escape[1][1:5] + escape[1][7:]).decode("utf-16-be")
        point = int(escape[2], 16) if escape[2] else 0
        letter = chr(point) if escape[2] else _SIMPLE.get(escape[3], "")
        if not letter or 0xD800 <= point < 0xE000:
            column = start + escape.start() - self._line_start + 1
            reason = f"unknown escape {escape[0][:6]!r}"
            raise MalformedJsonText(Position(self._line, column), reason)
        return letter

    def _add(self, node: Node) -> None:
        opened = self._stack[-1]
        if opened.entries is None:
            opened.items.append(node)
        elif opened.key is not None:
            key, position = opened.key
            opened.entries[key] = Entry(position, node)

    def _close(self) -> Node:
        opened = self._stack.pop()
        if opened.entries is None:
            return Node(opened.position, tuple(opened.items))
        return Node(opened.position, opened.entries)

    def _white(self) -> None:
        match = _WHITE.match(self._text, self._at)
        if match is None or match.end() == self._at:
            return
        lines = match[0].count("\n")
        if lines:
            self._line += lines
            self._line_start = self._at + match[0].rindex("\n") + 1
        self._at = match.end()

    def _take(self, letter: str) -> bool:
        if not self._text.startswith(letter, self._at):
            return False
        self._at += 1
        return True

    def _position(self) -> Position:
        return Position(self._line, self._at - self._line_start + 1)

    def _bad(self, expected: str) -> MalformedJsonText:
        rest = self._text[self._at : self._at + 20].split("\n")[0]
        template = rest.startswith(("{{", "{%", "${", "<%", "$("))
        found = repr(rest) if rest else "the end of the line"
        found = found if self._at < len(self._text) else "the end"
        return MalformedJsonText(self._position(), f"{expected}, found {found}", template=template)
