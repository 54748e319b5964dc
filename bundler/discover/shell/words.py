"""The words of a shell script, by their places: quotes, variables, substitutions, here-documents.

Owns the lexical rules of the POSIX shell (section 2.2, 2.3, 2.6) and what Bash adds to them, as
far as scripts need them that start containers. Nothing is run and no value is known here. Time
and memory are linear in the text, whatever it holds; `ShellLimit` ends the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bundler.discover.shell.documents import HereDocuments
from bundler.discover.shell.tokens import Kind, Operator, Piece, ShellLimit, Token, Word

MAX_PIECES: Final = 20_000
"""Pieces of words of one command."""
MAX_DEPTH: Final = 8
"""`${a:-${b:-...}}` within each other; and substitutions, for who walks them."""

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_BLANK: Final = re.compile(r"(?:[ \t]|\\\n)+")
_COMMENT: Final = re.compile(r"#[^\n]*")
_EMPTY_LINES: Final = re.compile(r"(?:[ \t]*+(?:\#[^\n]*+)?\n)++")
_DESCRIPTOR: Final = re.compile(r"(?:[0-9]{1,4}|\{[A-Za-z_][A-Za-z0-9_]*\})(?=[<>])", re.ASCII)
_OPERATOR: Final = re.compile(
    r"\n|&&|\|\||;;&|;;|;&|&>>|&>|>&|<&|<<<|<<-|<<|<>|>>|>\||\|&|[|&;()<>]"
)
_PROCESS: Final = re.compile(r"[<>]\(")
_VARIABLE: Final = re.compile(rf"\$({_NAME}|[0-9@*#?$!-])")
_BRACED: Final = re.compile(
    rf"\$\{{([!#]?)({_NAME}|[0-9]+|[@*#?$!-])(?:\[([^]\n]{{0,200}})\])?"
    r"(:[-=?+]|%%|##|//|/[#%]?|\^\^|,,|[-=?+%#^,:@]|(?=\}))"
)
_ARRAY: Final = re.compile(rf"{_NAME}\+?=")
_IN_WORD: Final = re.compile(r"""[^ \t\n\\'"$`|&;()<>]+""")
_IN_QUOTES: Final = re.compile(r"""[^"\\$`]+""")
_IN_BRACES: Final = re.compile(r"""[^}\\'"$`]+""")
_BRACES: Final = re.compile(r"\\.|[{}]", re.DOTALL)
_BACKQUOTED: Final = re.compile(r"`(?:[^`\\]++|\\.)*+`", re.DOTALL)
_ANSI_TEXT: Final = re.compile(r"\$'((?:[^'\\]++|\\.)*+)'", re.DOTALL)
_NESTED: Final = re.compile(
    r"""\\.|'[^']*'|`(?:[^`\\]++|\\.)*+`|[()"]|(?<![^\s;|&(])\#[^\n]*""", re.DOTALL
)
_NESTED_IN_QUOTES: Final = re.compile(r"""\\.|"|\$\(|`(?:[^`\\]++|\\.)*+`""", re.DOTALL)
_ESCAPED_IN_QUOTES: Final = frozenset('$`"\\\n')
_BEFORE: Final = {"!": "indirect", "#": "length"}
_ANSI: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "e": "\x1b"}


class Words:
    """Reads a stretch of a script token by token.

    Attributes:
        at: offset of what comes next.
    """

    def __init__(self, text: str, start: int, end: int) -> None:
        self.at = start
        self._text = text
        self._end = end
        self._pieces = 0
        self._in_items = False
        self._documents = HereDocuments(text, end)

    def renew(self) -> None:
        """Begin a new command, which may have as many pieces as any."""
        self._pieces = 0

    def next(self) -> Token | None:
        """Return the next token; None at the end.

        Raises:
            ShellLimit: more than 20 000 pieces in a command.
        """
        self._blanks()
        if self.at >= self._end:
            return None
        if not _PROCESS.match(self._text, self.at, self._end):
            match = _OPERATOR.match(self._text, self.at, self._end)
            if match:
                return self._operator(match[0])
        return self._word()

    def quoted(self) -> Word:
        """Return all that is left as one word, as if it stood in double quotes."""
        start = self.at
        pieces: list[Piece] = []
        while self.at < self._end:
            pieces.extend(self._read(_IN_QUOTES, quoted=True, depth=0))
            if self.at < self._end:
                pieces.append(Piece(Kind.TEXT, '"', quoted=True, start=self.at, end=self.at + 1))
                self.at += 1
        return Word(tuple(pieces), start, self.at)

    def _blanks(self) -> None:
        for pattern in (_BLANK, _COMMENT, _BLANK, _DESCRIPTOR):
            match = pattern.match(self._text, self.at, self._end)
            self.at = match.end() if match else self.at

    def _operator(self, text: str) -> Operator:
        start = self.at
        self.at += len(text)
        if text in ("<<", "<<-"):
            return self._here_document(text, start)
        if text == "\n":
            self.at = self._documents.behind(start)
            blank = _EMPTY_LINES.match(self._text, self.at, self._end)
            self.at = blank.end() if blank else self.at
        return Operator(text, start)

    def _here_document(self, text: str, start: int) -> Operator:
        self._blanks()
        if _OPERATOR.match(self._text, self.at, self._end) or self.at >= self._end:
            return Operator(text, start)
        word = self._word()
        ending = word.literal
        if ending is None:
            ending = self._text[word.start : word.end]
        body = self._documents.take(ending, self.at, tabs=text == "<<-")
        quoted = any(one.quoted for one in word.pieces)
        return Operator(text, start, body, expands=not quoted)

    def _word(self) -> Word:
        start = self.at
        pieces = tuple(self._read(_IN_WORD, quoted=False, depth=0))
        if self.at == start:
            self.at += 1
            return Word((), start, self.at)
        items = None
        if self._text.startswith("(", self.at, self._end) and self._begins_array(pieces):
            items = () if self._in_items else self._items()
        return Word(pieces, start, self.at, items)

    def _begins_array(self, pieces: tuple[Piece, ...]) -> bool:
        one = pieces[0]
        plain = len(pieces) == 1 and one.kind is Kind.TEXT and not one.quoted
        return plain and _ARRAY.fullmatch(one.text) is not None

    def _items(self) -> tuple[Word, ...]:
        """Read the words of `name=(...)`, of which each may stand on a line of its own."""
        self.at += 1
        items: list[Word] = []
        self._in_items = True
        while self.at < self._end:
            token = self.next()
            if isinstance(token, Word):
                items.append(token)
            elif token is None or token.text != "\n":
                break
        self._in_items = False
        return tuple(items)

    def _read(self, run: re.Pattern[str], *, quoted: bool, depth: int) -> Iterator[Piece]:
        """Yield pieces up to where `run` and all that quotes or expands ends."""
        while self.at < self._end:
            start = self.at
            match = run.match(self._text, start, self._end)
            if match:
                self.at = match.end()
                yield self._count(Piece(Kind.TEXT, match[0], quoted, start, self.at))
                continue
            special = self._text[start]
            if special == "'" and run is not _IN_QUOTES:
                yield self._single(start)
            elif special == '"' and run is not _IN_QUOTES:
                yield from self._double(depth)
            elif special == "\\":
                yield from self._escaped(start, run)
            elif special in "$`":
                yield from self._expansion(quoted=quoted, depth=depth)
            elif _PROCESS.match(self._text, start, self._end) and run is _IN_WORD:
                yield self._output(start, start + 2, quoted=quoted)
            else:
                return

    def _count(self, piece: Piece) -> Piece:
        self._pieces += 1
        if self._pieces > MAX_PIECES:
            raise ShellLimit(f"more than {MAX_PIECES} words and variables in one command")
        return piece

    def _single(self, start: int) -> Piece:
        end = self._text.find("'", start + 1, self._end)
        self.at = self._end if end < 0 else end + 1
        text = self._text[start + 1 : self._end if end < 0 else end]
        return self._count(Piece(Kind.TEXT, text, quoted=True, start=start, end=self.at))

    def _double(self, depth: int) -> Iterator[Piece]:
        start = self.at
        self.at += 1
        yield self._count(Piece(Kind.TEXT, "", quoted=True, start=start, end=self.at))
        yield from self._read(_IN_QUOTES, quoted=True, depth=depth)
        self.at = min(self.at + 1, self._end)

    def _escaped(self, start: int, run: re.Pattern[str]) -> Iterator[Piece]:
        text = self._text[start + 1 : min(start + 2, self._end)]
        self.at = min(start + 2, self._end)
        if run is _IN_QUOTES and text not in _ESCAPED_IN_QUOTES:
            text = f"\\{text}"
        if text != "\n":
            yield self._count(Piece(Kind.TEXT, text, quoted=True, start=start, end=self.at))

    def _expansion(self, *, quoted: bool, depth: int) -> Iterator[Piece]:
        start = self.at
        text = self._text
        if text.startswith("$'", start) and not quoted:
            yield self._ansi(start)
        elif text.startswith('$"', start) and not quoted:
            self.at += 1
            yield from self._double(depth)
        elif text.startswith("$((", start):
            yield self._output(start, start + 2, quoted=quoted, kind=Kind.OTHER)
        elif text.startswith("$(", start):
            yield self._output(start, start + 2, quoted=quoted)
        elif text[start] == "`":
            yield self._backquoted(start, quoted=quoted)
        elif text.startswith("${", start):
            yield self._braced(start, quoted=quoted, depth=depth)
        else:
            yield self._variable(start, quoted=quoted)

    def _ansi(self, start: int) -> Piece:
        match = _ANSI_TEXT.match(self._text, start, self._end)
        self.at = match.end() if match else self._end
        raw = match[1] if match else self._text[start + 2 : self._end]
        text = re.sub(r"\\(.)", lambda one: _ANSI.get(one[1], one[1]), raw, flags=re.DOTALL)
        return self._count(Piece(Kind.TEXT, text, quoted=True, start=start, end=self.at))

    def _variable(self, start: int, *, quoted: bool) -> Piece:
        match = _VARIABLE.match(self._text, start, self._end)
        self.at = match.end() if match else start + 1
        kind, text = (Kind.VARIABLE, match[1]) if match else (Kind.TEXT, "$")
        return self._count(Piece(kind, text, quoted, start, self.at))

    def _braced(self, start: int, *, quoted: bool, depth: int) -> Piece:
        match = _BRACED.match(self._text, start, self._end)
        if match is None or depth >= MAX_DEPTH:
            return self._opaque(start, quoted=quoted)
        self.at = match.end()
        operand_at = self.at
        pieces = tuple(self._read(_IN_BRACES, quoted=quoted, depth=depth + 1))
        operand = Word(pieces, operand_at, self.at)
        self.at = min(self.at + 1, self._end)
        operator = _BEFORE.get(match[1], match[4])
        return self._count(
            Piece(
                Kind.VARIABLE, match[2], quoted, start, self.at, match[3] or "", operator, operand
            )
        )

    def _opaque(self, start: int, *, quoted: bool) -> Piece:
        """Pass over `${...}` of a form that is never filled in."""
        level = 0
        for match in _BRACES.finditer(self._text, start, self._end):
            level += {"{": 1, "}": -1}.get(match[0], 0)
            if level == 0:
                self.at = match.end()
                break
        else:
            self.at = self._end
        return self._count(Piece(Kind.OTHER, self._text[start : self.at], quoted, start, self.at))

    def _backquoted(self, start: int, *, quoted: bool) -> Piece:
        match = _BACKQUOTED.match(self._text, start, self._end)
        self.at = match.end() if match else self._end
        return self._count(Piece(Kind.COMMAND, "", quoted, start + 1, max(self.at - 1, start + 1)))

    def _output(self, start: int, inner: int, *, quoted: bool, kind: Kind = Kind.COMMAND) -> Piece:
        """Pass over `$(...)`, without a look at what is in it."""
        self.at = _closing(self._text, inner, self._end)
        if kind is Kind.OTHER:
            return self._count(Piece(kind, self._text[start : self.at], quoted, start, self.at))
        return self._count(Piece(kind, "", quoted, inner, max(self.at - 1, inner)))


def _closing(text: str, at: int, end: int) -> int:
    """Return the offset behind the `)` that ends what begins at `at`; `end` when none does."""
    open_ones = [")"]
    while open_ones:
        quoted = open_ones[-1] == '"'
        match = (_NESTED_IN_QUOTES if quoted else _NESTED).search(text, at, end)
        if match is None:
            return end
        at = match.end()
        mark = match[0]
        if mark == open_ones[-1]:
            open_ones.pop()
        elif mark in ("(", "$("):
            open_ones.append(")")
        elif mark == '"':
            open_ones.append(mark)
    return at
