"""Env files: one `NAME=VALUE` a line, as the engine's own command line reads them; pure.

Lines that begin with `#` and empty ones are left out; a name without `=` stands for what the host
sets under that name. A value in one pair of quotes loses them, as Compose has it; nothing else in
a value means anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from manifests.errors import NotInstallableHere
from manifests.safetext import safe_line

MAX_BYTES: Final = 1024 * 1024
MAX_LINES: Final = 10_000

Pairs = tuple[tuple[str, str | None], ...]
"""Names and values, in order; a name without `=` has None."""


def parse_env(raw: bytes, path: Path | str) -> Pairs:
    """Return what a file sets.

    Args:
        raw: its bytes.
        path: of it, for messages.

    Raises:
        NotInstallableHere: `settings-malformed`, with the line.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _malformed(path, 1 + raw[: error.start].count(b"\n"), "is not UTF-8") from error
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise _malformed(path, MAX_LINES + 1, "is one line too many")
    return tuple(_pairs(lines, path))


def _pairs(lines: list[str], path: Path | str) -> Iterator[tuple[str, str | None]]:
    for number, line in enumerate(lines, 1):
        stripped = line.removesuffix("\r").lstrip(" \t")
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not name or any(character.isspace() for character in name) or not name.isprintable():
            shown = safe_line(name, limit=60)
            raise _malformed(path, number, f"expected NAME=VALUE, found the name {shown!r}")
        if "\0" in value:
            raise _malformed(path, number, f"the value of {name} holds a NUL")
        yield name, _unquoted(value) if equals else None


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _malformed(path: Path | str, line: int, what: str) -> NotInstallableHere:
    """Build the error; what a line holds is not shown beyond its name: it may be a secret."""
    return NotInstallableHere(
        "settings-malformed",
        f"{path}:{line}: {what}",
        hint="one NAME=VALUE a line; # begins a comment",
        path=str(path),
        line=line,
    )
