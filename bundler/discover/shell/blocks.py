"""The compound commands that a walk through a script is in, and the branches that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bundler.discover.shell.tokens import ShellLimit
from bundler.discover.shell.variables import Variables

MAX_BLOCKS: Final = 200
"""Compound commands within each other."""

_OPENING: Final = {"if": "if", "while": "loop", "until": "loop", "{": "{"}
_CLOSING: Final = {"fi": "if", "done": "loop", "}": "{", "esac": "case"}
_BRANCHES: Final = frozenset({"if", "loop", "case", "("})


@dataclass(frozen=True, slots=True)
class Taken:
    """What a reserved word did.

    Attributes:
        name: of the function that it ended; empty for none.
        start: offset where that function's body begins.
    """

    name: str = ""
    start: int = 0


@dataclass(slots=True)
class _Block:
    kind: str
    silent: bool
    complete: bool = False
    function: str = ""
    start: int = 0


_NONE: Final = Taken()


class Blocks:
    """A stack of compound commands.

    Attributes:
        silent: whether a function's body is passed over, to be walked when it is called.
    """

    def __init__(self, variables: Variables) -> None:
        self.silent = False
        self._variables = variables
        self._open: list[_Block] = []
        self._function = ""

    def take(self, word: str, start: int) -> Taken | None:
        """Take a word in a command's place; return None when it is not reserved."""
        if word in _OPENING:
            self.open(_OPENING[word], start)
            return _NONE
        if word in _CLOSING:
            return self.close(_CLOSING[word])
        if word in ("elif", "else"):
            self._next_branch("if")
            if word == "else":
                self.complete()
            return _NONE
        return None

    def expect_body(self, function: str) -> None:
        """Take the compound command that comes next for the body of `function`."""
        self._function = function

    def open(self, kind: str, start: int) -> None:
        """Begin a compound command.

        Raises:
            ShellLimit: more than 200 within each other.
        """
        if len(self._open) >= MAX_BLOCKS:
            raise ShellLimit(f"compound commands nested deeper than {MAX_BLOCKS}")
        block = _Block(kind, self.silent, function=self._function, start=start)
        self.silent = self.silent or bool(self._function)
        self._function = ""
        self._open.append(block)
        if kind in _BRANCHES and not self.silent:
            self._variables.begin_choice()

    def complete(self) -> None:
        """Note that one of the present command's branches is always taken."""
        if self._open:
            self._open[-1].complete = True

    def next_pattern(self) -> bool:
        """End a branch of `case`; tell whether there was one."""
        if not self._open or self._open[-1].kind != "case":
            return False
        self._next_branch("case")
        return True

    def close(self, kind: str) -> Taken:
        """End a compound command, with all that was left open in it."""
        if all(block.kind != kind for block in self._open):
            return _NONE
        while self._open:
            block = self._open.pop()
            taken = self._end(block)
            if block.kind == kind:
                return taken
        return _NONE

    def close_all(self) -> None:
        """End what a script leaves open."""
        while self._open:
            self._end(self._open.pop())

    def _next_branch(self, kind: str) -> None:
        if self._open and self._open[-1].kind == kind and not self.silent:
            self._variables.next_branch()

    def _end(self, block: _Block) -> Taken:
        if block.kind in _BRANCHES and not self.silent:
            if block.kind == "(":
                self._variables.forget_choice()
            else:
                self._variables.end_choice(complete=block.complete)
        self.silent = block.silent
        return Taken(block.function, block.start) if block.function else _NONE
