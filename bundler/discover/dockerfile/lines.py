"""A Dockerfile's text as instructions, each with the places of its parts.

Owns what a line is: parser directives, comments, line continuations, here-documents, flags and
words. What an instruction means is for `stages`.

Source: BuildKit's Dockerfile reference ("Format", "Parser directives", "Here-Documents"); where
that is silent, what its frontend does.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from manifests.yaml.text import Position

MAX_INSTRUCTIONS: Final = 10_000
"""Instructions of one file."""

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.*\S)\s*", re.ASCII)
_DIRECTIVES: Final = frozenset({"syntax", "escape", "check"})
_HEREDOC = re.compile(r"[0-9]*<<(-?)([^<]+)", re.ASCII)
_WITH_HEREDOCS: Final = frozenset({"ADD", "COPY", "RUN"})
_WORD = re.compile(r"\S+")
_QUOTED: Final = {
    escape: re.compile(
        rf"""(?:[^\s'"{sign}]++|{sign}(?:.|\Z)|'[^']*+'|"(?:[^"{sign}]++|{sign}.)*+")++""",
        re.DOTALL,
    )
    for escape, sign in (("\\", r"\\"), ("`", "`"))
}
"""A word, quotes taken together; never tried twice at one place."""


class MalformedDockerfile(Exception):
    """A text that can't be read on as a Dockerfile; its text says why, without the place."""

    def __init__(self, position: Position, reason: str) -> None:
        super().__init__(reason)
        self.position = position


@dataclass(frozen=True, slots=True)
class Word:
    """A part of an instruction.

    Attributes:
        text: as written; of flags without quotes.
        offset: where it begins in the instruction's text.
        closed: whether every quote in it has its end.
    """

    text: str
    offset: int
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Directive:
    """A parser directive, such as `# syntax=docker/dockerfile:1`."""

    name: str
    value: str
    position: Position


@dataclass(frozen=True, slots=True)
class Instruction:
    r"""One instruction, its continuation lines joined.

    Attributes:
        name: in upper case; empty where the text ends after `ONBUILD`.
        text: the whole, its name included.
        start: offset of what stands after the name.
        pieces: offset in `text`, and place in the file, of each line's text.
        escape: the escape character, `\` or a backtick.
        trigger: whether it stands after `ONBUILD`.
    """

    name: str
    text: str
    start: int
    pieces: tuple[tuple[int, Position], ...]
    escape: str
    trigger: bool = False

    def position(self, offset: int) -> Position:
        """Return where the character at `offset` of the text stands in the file."""
        at = bisect_right(self.pieces, offset, key=itemgetter(0)) - 1
        begin, place = self.pieces[max(at, 0)]
        return Position(place.line, place.column + offset - begin)

    def flags(self) -> tuple[Word, ...]:
        """Return what begins with `--` before the arguments, without quotes."""
        return tuple(Word(_unquoted(word.text), word.offset) for word in self._raw_flags())

    def arguments(self) -> tuple[Word, ...]:
        """Return the words after the flags, split at white space alone."""
        return tuple(_spaced(self.text, self._after_flags()))

    def quoted_arguments(self) -> tuple[Word, ...]:
        """Return the words after the flags, split at white space outside of quotes."""
        return tuple(split_words(self.text, self._after_flags(), self.escape))

    def triggered(self) -> Instruction:
        """Return the instruction that stands after `ONBUILD`."""
        word = next(_spaced(self.text, self.start), Word("", len(self.text)))
        end = word.offset + len(word.text)
        return Instruction(
            word.text.upper(), self.text, end, self.pieces, self.escape, trigger=True
        )

    def _raw_flags(self) -> Iterator[Word]:
        for word in split_words(self.text, self.start, "\\"):
            if not word.text.startswith("--") or word.text == "--":
                return
            yield word

    def _after_flags(self) -> int:
        end = self.start
        for word in self._raw_flags():
            end = word.offset + len(word.text)
        return end


@dataclass(frozen=True, slots=True)
class DockerfileText:
    """All that a Dockerfile says, in its order."""

    directives: tuple[Directive, ...]
    instructions: tuple[Instruction, ...]


def read_lines(text: str) -> DockerfileText:
    """Return the directives and instructions of a Dockerfile.

    Raises:
        MalformedDockerfile: a directive with a wrong value or given twice, a here-document
            without an end, or more than 10 000 instructions.
    """
    directives = tuple(_directives(text))
    escape = next((one.value for one in directives if one.name == "escape"), "\\")
    instructions: list[Instruction] = []
    for instruction in _Reader(text, escape).instructions():
        if len(instructions) == MAX_INSTRUCTIONS:
            raise MalformedDockerfile(
                instruction.position(0), f"expected at most {MAX_INSTRUCTIONS} instructions"
            )
        instructions.append(instruction)
    return DockerfileText(directives, tuple(instructions))


def split_words(text: str, start: int, escape: str) -> Iterator[Word]:
    """Yield the words from `start` on, split at white space outside of quotes.

    Quotes and escapes stay in the words. A quote without its end goes up to the text's end.
    """
    pattern = _QUOTED[escape]
    at = start
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = pattern.match(text, at)
        end = match.end() if match else at
        closed = end == len(text) or text[end].isspace()
        yield Word(text[at:end] if closed else text[at:], at, closed)
        at = end if closed else len(text)


def _unquoted(text: str) -> str:
    """Return a flag without its quotes and backslashes."""
    found: list[str] = []
    quote, skip = "", False
    for letter in text:
        if skip or (letter != "\\" and letter not in (quote or "'\"")):
            found.append(letter)
            skip = False
        elif letter == "\\":
            skip = True
        else:
            quote = "" if quote else letter
    return "".join(found)


def _spaced(text: str, start: int) -> Iterator[Word]:
    for match in _WORD.finditer(text, start):
        yield Word(match[0], match.start())


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line by its number, without its end; only a line feed ends one."""
    begin, number = 0, 1
    while begin < len(text):
        end = text.find("\n", begin)
        end = len(text) if end < 0 else end
        yield number, text[begin:end].rstrip("\r")
        begin, number = end + 1, number + 1


def _directives(text: str) -> Iterator[Directive]:
    """Yield the directives: they precede all else, but for a `#!` line before `# syntax=`."""
    seen: set[str] = set()
    shebang = False
    for number, line in _lines(text):
        if number == 1 and line.startswith("#!"):
            shebang = True
            continue
        match = _DIRECTIVE.fullmatch(line)
        if match is None or (name := match[1].lower()) not in _DIRECTIVES:
            return
        if shebang and name != "syntax":
            continue
        position = Position(number, match.start(2) + 1)
        if name in seen:
            raise MalformedDockerfile(position, f"a second '# {name}=': only one is read")
        if name == "escape" and match[2] not in ("\\", "`"):
            raise MalformedDockerfile(
                position, f"expected '# escape=' with \\ or `, found {match[2][:100]!r}"
            )
        seen.add(name)
        yield Directive(name, match[2], position)


class _Reader:
    """Reads instructions, one after the other; holds one of them."""

    def __init__(self, text: str, escape: str) -> None:
        self._lines = _lines(text)
        self._escape = escape

    def instructions(self) -> Iterator[Instruction]:
        for number, line in self._lines:
            stripped = line.lstrip()
            if not stripped or stripped.startswith("#"):
                continue
            instruction = self._instruction(number, line)
            if instruction is not None:
                yield instruction
                self._skip_heredocs(instruction)

    def _instruction(self, number: int, line: str) -> Instruction | None:
        indent = len(line) - len(line.lstrip())
        content, goes_on = self._continued(line[indent:])
        parts, offset = [content], len(content)
        pieces = [(0, Position(number, indent + 1))]
        while goes_on and (following := next(self._lines, None)) is not None:
            stripped = following[1].lstrip()
            if not stripped or stripped.startswith("#"):
                continue
            content, goes_on = self._continued(following[1])
            if not content:
                continue
            pieces.append((offset, Position(following[0], 1)))
            parts.append(content)
            offset += len(content)
        text = "".join(parts)
        word = next(_spaced(text, 0), None)
        if word is None:
            return None
        end = word.offset + len(word.text)
        return Instruction(word.text.upper(), text, end, tuple(pieces), self._escape)

    def _continued(self, line: str) -> tuple[str, bool]:
        """Return the line without the character that continues it, and whether it had one."""
        stripped = line.rstrip(" \t")
        content = stripped.removesuffix(self._escape)
        if content == stripped or content.endswith(self._escape):
            return line, False
        return content, True

    def _skip_heredocs(self, instruction: Instruction) -> None:
        inner = instruction.triggered() if instruction.name == "ONBUILD" else instruction
        if inner.name not in _WITH_HEREDOCS or "<<" not in inner.text:
            return
        words = tuple(split_words(inner.text, inner.start, inner.escape))
        for word in words if words[-1].closed else ():
            match = _HEREDOC.fullmatch(word.text)
            if match is not None:
                name = _unquoted(match[2])
                self._skip_until(name, "\t" if match[1] else "", inner.position(word.offset))

    def _skip_until(self, name: str, indent: str, position: Position) -> None:
        for _, line in self._lines:
            if line.lstrip(indent) == name:
                return
        raise MalformedDockerfile(position, f"a here-document without its end, {name[:100]!r}")
