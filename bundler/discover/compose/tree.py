"""What compose files hold, as values with their places; and how one file goes over another.

Owns the merge. Values come from `read` in the one shape that `shape` gives them,
so that here a mapping meets a mapping and a list a list.

Source: Compose specification, "Merge and override".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeAlias

from bundler.discover.compose.notes import Notes
from bundler.discover.found import Place
from manifests.interpolation import MalformedInterpolation, escaped, split
from manifests.yaml.scalar import Scalar


class Merge(Enum):
    """What a value does to the one that it goes over."""

    OVER = ""
    RESET = "!reset"
    OVERRIDE = "!override"


TAGS: Final = frozenset({Merge.RESET.value, Merge.OVERRIDE.value})

Content: TypeAlias = "Scalar | tuple[Value, ...] | Mapping[str, Value]"


@dataclass(frozen=True, slots=True)
class Origin:
    """What values of one file have in common.

    Attributes:
        base: folder that its relative paths start from, relative to the app's folder.
        variables: that its texts were filled in from.
    """

    base: str = "."
    variables: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


_NOWHERE: Final = Origin()


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a compose file.

    Attributes:
        place: of the value.
        key: place of the key that names it; that of the value where none does.
        content: what it is, its variables filled in.
        unset: variables in its text that have no value.
        known: whether its text could be filled in; if not, that was told.
        merge: what it does to the value below it.
        written: a scalar as it stands there, variables not filled in.
        origin: what it has in common with others of its file.
    """

    place: Place
    key: Place
    content: Content
    unset: tuple[str, ...] = ()
    known: bool = True
    merge: Merge = Merge.OVER
    written: str = field(default="", compare=False)
    origin: Origin = field(default=_NOWHERE, compare=False, repr=False)

    @property
    def entries(self) -> Iterator[tuple[str, Value]]:
        """Its entries by key, without those that were reset; none where it is no mapping."""
        if isinstance(self.content, Mapping):
            for key, value in self.content.items():
                if value.merge is not Merge.RESET:
                    yield key, value

    @property
    def items(self) -> tuple[Value, ...]:
        """Its items; none where it is no list."""
        return self.content if isinstance(self.content, tuple) else ()

    @property
    def text(self) -> str:
        """It as text; empty where it is nothing, a list or a mapping."""
        if isinstance(self.content, Mapping | tuple) or self.content is None:
            return ""
        if isinstance(self.content, bool):
            return "true" if self.content else "false"
        return str(self.content)

    def at(self, *path: str) -> Value | None:
        """Return the value at the keys of `path`; None where there is none."""
        value: Value | None = self
        for key in path:
            entries = value.content if value is not None else None
            value = entries.get(key) if isinstance(entries, Mapping) else None
            if value is not None and value.merge is Merge.RESET:
                return None
        return value

    def after(self, separator: str) -> Value:
        """Return what follows the first separator of a text, as filled in and as written."""
        head, _, rest = self.text.partition(separator)
        try:
            before, *others = split(self.written, separator)
        except MalformedInterpolation:
            before, others = "", []
        written = separator.join(others) if before == head else escaped(rest)
        return replace(self, content=rest, written=written)

    def same_as(self, other: Value) -> bool:
        """Tell whether both say the same, wherever that is written."""
        mine, others = self.content, other.content
        if isinstance(mine, Mapping) and isinstance(others, Mapping):
            return mine.keys() == others.keys() and all(
                value.same_as(others[key]) for key, value in mine.items()
            )
        if isinstance(mine, tuple) and isinstance(others, tuple):
            return len(mine) == len(others) and all(map(Value.same_as, mine, others))
        return mine == others


def merged(below: Value | None, over: Value, notes: Notes) -> Value:
    """Return `over` laid over `below`.

    Mappings are merged, lists are appended, anything else is replaced; nothing leaves what is
    below. A value with a tag stays tagged, so that it does the same to what comes below later.

    Raises:
        Refused: too much work, as `Notes.spend` says.
    """
    if below is None or over.merge is not Merge.OVER:
        return over
    if below.merge is Merge.RESET:
        return replace(over, merge=Merge.OVERRIDE)
    if over.content is None:
        return below
    if isinstance(below.content, Mapping) and isinstance(over.content, Mapping):
        notes.spend(over.place, len(below.content))
        entries = dict(below.content)
        for key, value in over.content.items():
            lower = None if _of_another_driver(key, entries, value) else entries.get(key)
            entries[key] = merged(lower, value, notes)
        return replace(below, content=entries)
    if isinstance(below.content, tuple) and isinstance(over.content, tuple):
        notes.spend(over.place, len(below.content))
        return replace(over, content=below.content + over.content, merge=below.merge)
    return replace(over, merge=below.merge)


def _of_another_driver(key: str, below: Mapping[str, Value], over: Value) -> bool:
    """Tell whether it is `logging` of another driver, to which the options below say nothing."""
    lower = below.get(key) if key == "logging" else None
    ours, theirs = over.at("driver"), lower.at("driver") if lower is not None else None
    return ours is not None and theirs is not None and ours.text != theirs.text
