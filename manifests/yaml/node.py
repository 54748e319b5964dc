"""What a parsed YAML file is made of: nodes with their places, and the limits of a file.

Nothing is parsed here; `yamltree` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from manifests.yaml.scalar import Scalar
from manifests.yaml.text import Position

SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of one file."""
MAX_DEPTH: Final = 32
"""Mappings and lists within each other."""
MAX_NODES: Final = 50_000
"""Keys and values, each alias counted as all that it stands for."""
MAX_ALIASES: Final = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may have.

    Attributes:
        size: bytes of the file.
        depth: mappings and lists within each other.
        nodes: keys and values of a document, each alias counted as all that it stands for.
        aliases: of a document.
        tags: local tags, such as `!reset`, that are kept in `Node.tag` instead of refused.
        repeated_keys: whether the last of several equal keys counts, as it does for Kubernetes,
            instead of all being refused.
    """

    size: int = SIZE_LIMIT
    depth: int = MAX_DEPTH
    nodes: int = MAX_NODES
    aliases: int = MAX_ALIASES
    tags: frozenset[str] = frozenset()
    repeated_keys: bool = False


DEFAULT_LIMITS: Final = Limits()

YamlValue: TypeAlias = "dict[str, YamlValue] | list[YamlValue] | Scalar"
Path: TypeAlias = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping, by its place, and its value."""

    position: Position
    node: Node


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it is written; behind an alias, where its anchor is.

    Attributes:
        position: of its first character.
        value: a scalar, the items of a list, or the entries of a mapping by key. Keys are text
            as written, whatever an unquoted scalar would mean.
        source: a scalar as written, without quotes; empty for lists and mappings.
        weight: nodes in it, itself counted.
        height: mappings and lists within each other in it, itself counted.
        tag: the local tag written before it, where `Limits.tags` has it; else empty.
    """

    position: Position
    value: Scalar | tuple[Node, ...] | Mapping[str, Entry]
    source: str = ""
    weight: int = 1
    height: int = 0
    tag: str = ""

    def plain(self) -> YamlValue:
        """Return the value with all that is in it, as Python's own types."""
        if isinstance(self.value, Mapping):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

    def nearest(self, path: Path) -> Node:
        """Return the node at `path`, or the last one on the way that is there."""
        node = self
        for step in path:
            entry = node._child(step)
            if entry is None:
                break
            node = entry.node
        return node

    def place(self, path: Path) -> Position:
        """Return where the key at `path` is written; for a list's item, where the item is."""
        if not path:
            return self.position
        entry = self.nearest(path[:-1])._child(path[-1])  # noqa: SLF001 - of the same class
        return entry.position if entry else self.nearest(path).position

    def _child(self, step: str | int) -> Entry | None:
        if isinstance(self.value, Mapping):
            return self.value.get(step) if isinstance(step, str) else None
        if isinstance(self.value, tuple) and isinstance(step, int) and step < len(self.value):
            node = self.value[step]
            return Entry(node.position, node)
        return None
