"""YAML of people, read with bounds: plain values, and the place in the file of each.

Built from the parser's events one by one, so that nothing hostile is ever held: no recursion, no
alias expanded into more nodes than the limit, no tag that stands for code. Refused: keys that are
not scalars, duplicate keys unless they are allowed, and for `load` more than one document. What a
key or value should be is not judged here. Merge keys (`<<`) are followed, as Compose files use
them.

Source: YAML 1.2.2 section 3.2.1; what unquoted scalars mean is in `yamlscalar`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from manifests.yaml.node import DEFAULT_LIMITS, Entry, Limits, Node
from manifests.yaml.scalar import CORE_COLLECTIONS, read_plain, read_tagged
from manifests.yaml.text import MalformedYaml, Position, decode

_MERGE = "<<"
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(data: bytes, subject: str, limits: Limits = DEFAULT_LIMITS) -> Node:
    """Parse one document; an empty one is a node without value.

    Args:
        data: the whole file, UTF-8, a byte order mark allowed.
        subject: the file's name, for messages.
        limits: what the file may have.

    Raises:
        MalformedYaml: too large, not UTF-8, not YAML, or refused as this module says.
    """
    root: Node | None = None
    for number, node in enumerate(load_all(data, subject, limits)):
        if number:
            raise MalformedYaml(subject, node.position, "a second document: only one is read")
        root = node
    return root or Node(Position(1, 1), None)


def load_all(data: bytes, subject: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[Node]:
    """Parse every document, one after the other, so that only one is held.

    Args:
        data: the whole file, UTF-8, a byte order mark allowed.
        subject: the file's name, for messages.
        limits: what the file and each document may have.

    Raises:
        MalformedYaml: too large, not UTF-8, not YAML, or refused as this module says.
    """
    if len(data) > limits.size:
        raise MalformedYaml(subject, Position(1, 1), f"larger than {limits.size} bytes")
    text = decode(data, subject)
    loader = _Loader(text)
    builder = _Builder(subject, limits)
    try:
        while loader.check_event():
            event = loader.get_event()
            builder.take(event)
            if isinstance(event, yaml.DocumentEndEvent):
                yield builder.root or Node(_mark(event.start_mark), None)
                builder = _Builder(subject, limits)
    except yaml.MarkedYAMLError as error:
        raise MalformedYaml(subject, _mark(error.problem_mark), _reason(error, text)) from error
    finally:
        loader.dispose()


def _mark(mark: Any) -> Position:
    return Position(1, 1) if mark is None else Position(mark.line + 1, mark.column + 1)


def _reason(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return what the parser said, with the cause that people look for where it is known."""
    place = _mark(error.problem_mark)
    lines = text.split("\n")
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if line[place.column - 1 : place.column] == "\t":
        return "a tab can't indent: use spaces"
    reason = ", ".join(filter(None, (error.problem, error.context)))
    if "mapping values are not allowed" in reason:
        return "a second ':' in one line: quote the text, or begin a new line"
    return reason or "not YAML"


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is not yet at its end; a mapping's items are key, value, key, ..."""

    position: Position
    mapping: bool
    anchor: str | None
    tag: str = ""
    items: list[Node] = field(default_factory=list)
    weight: int = 1
    height: int = 1


class _Builder:
    """Makes nodes of events; holds no more than the limits allow."""

    def __init__(self, subject: str, limits: Limits) -> None:
        self.root: Node | None = None
        self._subject = subject
        self._limits = limits
        self._frames: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._aliases = 0
        self._merges: set[Position] = set()

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        position = _mark(event.start_mark)
        match event:
            case yaml.ScalarEvent():
                self._add(self._scalar(event, position), event.anchor)
            case yaml.AliasEvent():
                self._add(self._alias(event, position), None)
            case yaml.CollectionStartEvent():
                self._start(event, position)
            case yaml.CollectionEndEvent():
                self._finish()

    def _bad(self, position: Position, reason: str) -> MalformedYaml:
        return MalformedYaml(self._subject, position, reason)

    def _scalar(self, event: yaml.ScalarEvent, position: Position) -> Node:
        local = event.tag in self._limits.tags
        plain = event.tag is None and event.implicit[0]
        if plain and event.value == _MERGE:
            self._merges.add(position)
        try:
            if event.tag is not None and not local:
                value = read_tagged(event.value, event.tag)
            else:
                value = read_plain(event.value) if plain else event.value
        except ValueError as error:
            raise self._bad(position, str(error)) from error
        return Node(position, value, event.value, tag=str(event.tag) if local else "")

    def _alias(self, event: yaml.AliasEvent, position: Position) -> Node:
        self._aliases += 1
        if self._aliases > self._limits.aliases:
            raise self._bad(position, f"more than {self._limits.aliases} aliases")
        node = self._anchors.get(event.anchor or "")
        if node is None:
            raise self._bad(position, "no anchor of this name before this alias")
        return node

    def _start(self, event: yaml.CollectionStartEvent, position: Position) -> None:
        local = event.tag in self._limits.tags
        if event.tag is not None and event.tag not in CORE_COLLECTIONS and not local:
            raise self._bad(
                position, f"unknown tag {event.tag[:100]}: only plain data is read here"
            )
        if len(self._frames) >= self._limits.depth:
            raise self._bad(position, f"nested deeper than {self._limits.depth}")
        mapping = isinstance(event, yaml.MappingStartEvent)
        tag = str(event.tag) if local else ""
        self._frames.append(_Frame(position, mapping, event.anchor, tag))

    def _finish(self) -> None:
        frame = self._frames.pop()
        value = self._entries(frame) if frame.mapping else tuple(frame.items)
        node = Node(frame.position, value, "", frame.weight, frame.height, frame.tag)
        self._add(node, frame.anchor)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._frames:
            self.root = node
            return
        frame = self._frames[-1]
        frame.items.append(node)
        frame.weight += node.weight
        frame.height = max(frame.height, node.height + 1)
        if sum(one.weight for one in self._frames) > self._limits.nodes:
            raise self._bad(node.position, f"more than {self._limits.nodes} keys and values")
        if len(self._frames) + node.height > self._limits.depth:
            raise self._bad(node.position, f"nested deeper than {self._limits.depth}")

    def _entries(self, frame: _Frame) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        merged: list[Node] = []
        for key, value in zip(frame.items[::2], frame.items[1::2], strict=True):
            if isinstance(key.value, tuple | Mapping):
                raise self._bad(key.position, "expected a key, found a list or mapping")
            if key.position in self._merges:
                merged.extend(self._merge_sources(value))
            elif key.source in entries and not self._limits.repeated_keys:
                first = entries[key.source].position
                raise self._bad(
                    key.position, f"duplicate key {key.source[:100]!r}, first at line {first.line}"
                )
            else:
                entries[key.source] = Entry(key.position, value)
        for node in merged:
            for name, entry in _mapping(node).items():
                entries.setdefault(name, entry)
        return entries

    def _merge_sources(self, node: Node) -> Iterator[Node]:
        """Yield what `<<` names, the one that wins first."""
        for item in node.value if isinstance(node.value, tuple) else (node,):
            if not isinstance(item.value, Mapping):
                raise self._bad(item.position, "expected a mapping to merge after '<<'")
            yield item


def _mapping(node: Node) -> Mapping[str, Entry]:
    return node.value if isinstance(node.value, Mapping) else {}
