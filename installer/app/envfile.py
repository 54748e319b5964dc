"""Env files in their two forms: pure; bytes in, names and templates out.

The engine's own form, for the host's file `env` and env files that are to be taken as they stand:
one `NAME=VALUE` a line, the value to the letter. Compose's form, for all others: values with
variables, in quotes or without; in single quotes they are literal. In both `#` begins a comment
line, and a name alone stands for what the host sets under that name.

Source: moby, opts/file.go; Compose specification, "env_file format".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from manifests.errors import NotInstallableHere
from manifests.safetext import safe_line

MAX_BYTES: Final = 1024 * 1024
MAX_LINES: Final = 10_000

Pairs = tuple[tuple[str, str | None], ...]
"""Names and templates, in order; a name alone has None."""

_BLANK = re.compile(r"(?:\s*(?:#[^\n]*)?(?:\n|\Z))+")
_STATEMENT = re.compile(
    r"""[ \t]*(?:export[ \t]+)?(?P<name>[\w.\-\[\]]+)[ \t]*
    (?:[=:][ \t]*(?:
        '(?P<literal>(?:[^'\\]++|\\.)*+)'[^\n]*
        |"(?P<quoted>(?:[^"\\]++|\\.)*+)"[^\n]*
        |(?P<plain>(?!['"])[^\n]*)
    )|(?=\r?\n|\Z))""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"[ \t]#.*")
_ESCAPE = re.compile(r"\\([\\\"nrtabfv$])")
_ESCAPES: Final = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "$": "$$",
}


@dataclass(frozen=True, slots=True)
class EnvText:
    """The text of an env file.

    Attributes:
        text: all of it.
        path: of it, for messages.
    """

    text: str
    path: str

    @classmethod
    def read(cls, raw: bytes, path: str) -> EnvText:
        """Return the text that `raw` is.

        Raises:
            NotInstallableHere: `settings-malformed`: no UTF-8, too long, or it holds a NUL.
        """
        made = cls(raw.decode("utf-8-sig", "replace"), path)
        for found, what in (("\ufffd", "is not UTF-8"), ("\0", "holds a NUL")):
            if (at := made.text.find(found)) >= 0:
                raise made.malformed(at, what)
        if len(raw) > MAX_BYTES or made.text.count("\n") > MAX_LINES:
            raise made.malformed(0, f"is longer than {MAX_LINES} lines or {MAX_BYTES} bytes")
        return made

    def malformed(self, at: int, what: str) -> NotInstallableHere:
        """Build the error for a place; a value is never shown: it may be a secret."""
        line = self.text.count("\n", 0, at) + 1
        return NotInstallableHere(
            "settings-malformed",
            f"{self.path}:{line}: {what}",
            hint="one NAME=VALUE a line; # begins a comment",
            path=self.path,
            line=line,
        )


def parse_literal(env: EnvText) -> Pairs:
    """Return what a file in the engine's form sets.

    Raises:
        NotInstallableHere: `settings-malformed`, with the line.
    """
    return tuple(_literal_pairs(env))


def parse_compose(env: EnvText) -> Pairs:
    """Return what a file in Compose's form sets.

    Raises:
        NotInstallableHere: `settings-malformed`, with the line.
    """
    return tuple(_compose_pairs(env))


def literal(value: str) -> str:
    """Return the template that stands for a text to the letter."""
    return value.replace("$", "$$")


def unliteral(template: str) -> str:
    """Return the text that such a template stands for."""
    return template.replace("$$", "$")


def _literal_pairs(env: EnvText) -> Iterator[tuple[str, str | None]]:
    at = 0
    for line in env.text.split("\n"):
        stripped = line.removesuffix("\r").lstrip(" \t")
        if stripped and not stripped.startswith("#"):
            name, equals, value = stripped.partition("=")
            if not name or not name.isprintable() or any(map(str.isspace, name)):
                shown = safe_line(name, limit=60)
                raise env.malformed(at, f"expected NAME=VALUE, found the name {shown!r}")
            yield name, literal(value) if equals else None
        at += len(line) + 1


def _compose_pairs(env: EnvText) -> Iterator[tuple[str, str | None]]:
    at = 0
    while True:
        if (blank := _BLANK.match(env.text, at)) is not None:
            at = blank.end()
        if at >= len(env.text):
            return
        found = _STATEMENT.match(env.text, at)
        if found is None:
            raise env.malformed(at, "expected NAME=value, NAME='text' or NAME=\"text\"")
        yield found["name"], _template(found)
        at = found.end()


def _template(found: re.Match[str]) -> str | None:
    if found["literal"] is not None:
        return literal(found["literal"].replace("\\'", "'"))
    if found["quoted"] is not None:
        return _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[1]), found["quoted"])
    return _COMMENT.sub("", found["plain"]).strip() if found["plain"] is not None else None
