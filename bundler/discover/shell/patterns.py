"""What `${name%operand}`, `${name//a/b}` and the like do to a text.

Only forms that need no search by trial: a `*` at one end of a pattern, and literal replacements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from bundler.discover.shell.tokens import Kind, Word

Change: TypeAlias = Callable[[str], str]

_WILD: Final = frozenset("*?[")
_LONGEST_NEW: Final = 100


def change_of(operator: str, operand: Word) -> Change | None:
    """Return what an operator with its operand does; None for forms that are not known here."""
    if operator in (",,", "^^"):
        return str.lower if operator == ",," else str.upper
    if operator in ("/", "//"):
        return _replacement(operator, operand)
    pattern = operand.literal
    if pattern is None or not _WILD.isdisjoint(pattern.strip("*")):
        return None
    return _cut(operator, pattern)


def _cut(operator: str, pattern: str) -> Change | None:
    """Return the removal of a prefix (`#`) or suffix (`%`), the longest when doubled."""
    core = pattern.strip("*")
    ends = f"{'*' if pattern.startswith('*') else ''}.{'*' if pattern.endswith('*') else ''}"
    make = _CUTS.get((operator, ends)) or _CUTS.get((operator[:1], ends))
    return make(core) if make and core else None


_CUTS: Final[Mapping[tuple[str, str], Callable[[str], Change]]] = {
    ("#", "."): lambda core: lambda text: text.removeprefix(core),
    ("#", ".*"): lambda core: lambda text: text.removeprefix(core),
    ("##", ".*"): lambda core: lambda text: "" if text.startswith(core) else text,
    ("#", "*."): lambda core: lambda text: text.partition(core)[2] if core in text else text,
    ("##", "*."): lambda core: lambda text: text.rpartition(core)[2],
    ("%", "."): lambda core: lambda text: text.removesuffix(core),
    ("%", "*."): lambda core: lambda text: text.removesuffix(core),
    ("%%", "*."): lambda core: lambda text: "" if text.endswith(core) else text,
    ("%", ".*"): lambda core: lambda text: text.rpartition(core)[0] if core in text else text,
    ("%%", ".*"): lambda core: lambda text: text.partition(core)[0],
}


def _replacement(operator: str, operand: Word) -> Change | None:
    parts = ["", ""]
    side = 0
    for piece in operand.pieces:
        if piece.kind is not Kind.TEXT or (not piece.quoted and not _WILD.isdisjoint(piece.text)):
            return None
        head, slash, tail = piece.text.partition("/")
        if side == 0 and slash and not piece.quoted:
            parts, side = [parts[0] + head, tail], 1
        else:
            parts[side] += piece.text
    old, new = parts
    if not old or len(new) > _LONGEST_NEW:
        return None
    return lambda text: text.replace(old, new, -1 if operator == "//" else 1)
