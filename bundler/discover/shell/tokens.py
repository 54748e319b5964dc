"""What a shell script is made of: words of pieces, operators, by their offsets in the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias


class ShellLimit(Exception):
    """A script that holds more than is looked at; its text says what."""


class Kind(Enum):
    """What a piece of a word is."""

    TEXT = auto()
    VARIABLE = auto()
    COMMAND = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word.

    Attributes:
        kind: text, a variable, a command's output, or what is never known (`$((...))`).
        text: the text, or a variable's name; of the others as written.
        quoted: whether blanks in it leave the word whole.
        start: offset where it begins; of a command's output, where the command does.
        end: offset behind it.
        subscript: of an array; empty for none.
        operator: of `${name:-operand}`; `indirect` for `${!name}`, `length` for `${#name}`.
        operand: what follows the operator.
    """

    kind: Kind
    text: str
    quoted: bool
    start: int
    end: int
    subscript: str = ""
    operator: str = ""
    operand: Word | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """A word as written.

    Attributes:
        pieces: of which it is made; none for an empty one.
        start: offset where it begins.
        end: offset behind it.
        items: words of `name=(...)`, of which `pieces` hold what stands before the parenthesis.
    """

    pieces: tuple[Piece, ...]
    start: int
    end: int
    items: tuple[Word, ...] | None = None

    @property
    def plain(self) -> str:
        """The word, when it is text without any quote; else empty."""
        one = self.pieces[0] if len(self.pieces) == 1 and self.items is None else None
        if one is None or one.kind is not Kind.TEXT or one.quoted:
            return ""
        return one.text

    @property
    def literal(self) -> str | None:
        """The word, when all of it is text, quoted or not."""
        if self.items is not None or any(one.kind is not Kind.TEXT for one in self.pieces):
            return None
        return "".join(one.text for one in self.pieces)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: `;`, `&&`, a line's end, or a here-document with its body.

    Attributes:
        text: as written.
        start: offset where it begins.
        body: offsets of a here-document's lines.
        expands: whether variables in the body are filled in.
    """

    text: str
    start: int
    body: tuple[int, int] | None = None
    expands: bool = True


Token: TypeAlias = Word | Operator


def pieces_of(words: Iterable[Word]) -> Iterator[Piece]:
    """Yield the pieces of words, those of operands and array elements too."""
    for word in words:
        yield from pieces_of(word.items or ())
        for piece in word.pieces:
            yield piece
            if piece.operand is not None:
                yield from pieces_of((piece.operand,))
