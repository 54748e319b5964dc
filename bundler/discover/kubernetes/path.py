"""Where custom resources name images: the paths of `image_paths`, read and followed.

    path   = [ kind [ "." group ] ":" ] step { "." step }
    step   = ( key | '"' key '"' | "*" ) { "[]" | "[" name "=" glob "]" | "[" glob "]" }

`[]` is every item of a list, `[name=A*]` the items whose `name` fits, `[--image=*]` the texts
that fit, `*` the values of all keys. Keys with dots are quoted: `data."config.yaml"`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from bundler.discover.kubernetes.object import KubernetesObject, entries, items
from manifests.yaml.node import Node

ANY: Final = "*"

_STEP = re.compile(r'(?:"([^"]+)"|([^".\[\]:*]+|\*))((?:\[[^\]]*\])*)(?:\.(?=.)|\Z)')
_PICK = re.compile(r"\[([^\]]*)\]")
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9]*)=(.*)", re.DOTALL)
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:\.[a-z0-9.-]+)?")
_BARE_KEY = re.compile(r'[^".\[\]:*\s]+')


class MalformedImagePath(ValueError):
    """A text that is no path; says what was expected."""


@dataclass(frozen=True, slots=True)
class Pick:
    """Which items of a list.

    Attributes:
        glob: that an item's text fits; `*` for every item.
        key: whose value has to fit, for items that are mappings; empty for any item.
    """

    glob: str = ANY
    key: str = ""

    def fits(self, item: Node) -> bool:
        """Tell whether an item is meant."""
        if self.key and isinstance(item.value, str):
            return fnmatch.fnmatchcase(item.value, f"{self.key}={self.glob}")
        if self.key:
            entry = entries(item).get(self.key)
            return entry is not None and fnmatch.fnmatchcase(entry.node.source, self.glob)
        return self.glob == ANY or fnmatch.fnmatchcase(item.source, self.glob)


@dataclass(frozen=True, slots=True)
class Step:
    """A key, `*` for all, and which items of the list that is its value."""

    key: str
    picks: tuple[Pick, ...] = ()


@dataclass(frozen=True, slots=True)
class ImagePath:
    """One entry of `image_paths`.

    Attributes:
        text: as written.
        kind: `Kind`, `Kind.group`, or empty for all.
        where: the path without the kind.
        steps: from the object's root.
    """

    text: str
    kind: str
    where: str
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> ImagePath:
        """Read a path.

        Raises:
            MalformedImagePath: with what was expected.
        """
        kind, colon, rest = text.partition(":")
        if not colon or not _KIND.fullmatch(kind):
            kind, rest = "", text
        steps = tuple(_steps(rest))
        if not steps:
            raise MalformedImagePath(f"expected `Kind:spec.image`, found {text!r}")
        return cls(text, kind, rest, steps)

    def applies(self, to: KubernetesObject) -> bool:
        """Tell whether it is for objects of this kind."""
        return self.kind in ("", to.kind, to.full_kind)

    def follow(self, root: Node) -> Iterator[Node]:
        """Yield the nodes that it leads to."""
        nodes: Iterable[Node] = (root,)
        for step in self.steps:
            nodes = [found for node in nodes for found in _take(step, node)]
        yield from nodes


def write_key(key: str) -> str:
    """Return a key as a step of a path."""
    return key if _BARE_KEY.fullmatch(key) else f'"{key}"'


def _steps(text: str) -> Iterator[Step]:
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise MalformedImagePath(
                f"expected keys as in `spec.containers[].image`, found {text[at:][:100]!r}"
            )
        yield Step(match[1] or match[2], tuple(_picks(match[3])))
        at = match.end()


def _picks(text: str) -> Iterator[Pick]:
    for match in _PICK.finditer(text):
        field = _FIELD.fullmatch(match[1])
        yield Pick(field[2], field[1]) if field else Pick(match[1] or ANY)


def _take(step: Step, node: Node) -> Iterator[Node]:
    found = entries(node)
    chosen = found.values() if step.key == ANY else filter(None, (found.get(step.key),))
    nodes = [entry.node for entry in chosen]
    for pick in step.picks:
        nodes = [item for one in nodes for item in items(one) if pick.fits(item)]
    yield from nodes
