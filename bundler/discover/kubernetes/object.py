"""A Kubernetes object: its group, kind and name, where it is written, and lists of them.

Owns what makes a document an object, and which kinds only hold others. No image is looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bundler.discover.found import Place
from bundler.discover.kubernetes.text import Document
from manifests.safetext import safe_line
from manifests.yaml.node import Entry, Node

MAX_NAME: Final = 100
"""Characters shown of a name; a cluster takes 253."""

_NOTHING: Final[Mapping[str, Entry]] = {}
_HOOK: Final = "helm.sh/hook"


@dataclass(frozen=True, slots=True)
class KubernetesObject:
    """One object.

    Attributes:
        group: API group; empty for the core's.
        kind: such as `Deployment`.
        node: what it says.
        document: that it is written in.
    """

    group: str
    kind: str
    node: Node
    document: Document

    @property
    def title(self) -> str:
        """Kind and name, as people call it: `Deployment api`; a Helm hook says so."""
        about = child(self.node, "metadata")
        name = name_at(about, "name") or name_at(about, "generateName")
        hook = name_at(about, "annotations", _HOOK)
        suffix = f" (helm hook {hook})" if hook else ""
        return f"{self.kind} {name}".rstrip() + suffix

    @property
    def full_kind(self) -> str:
        """`Kind.group`, or the kind alone in the core group."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def place(self, node: Node) -> Place:
        """Return where a node of it is written."""
        return self.document.place(node.position)


def read_objects(document: Document) -> Iterator[KubernetesObject | Place]:
    """Yield the objects of a document, those in lists too; a place for what is none."""
    yield from _objects(document.root, document, "", "")


def child(node: Node | None, *path: str) -> Node | None:
    """Return the node below `path`; None when a key on the way is missing."""
    for key in path:
        entry = entries(node).get(key)
        if entry is None:
            return None
        node = entry.node
    return node


def entries(node: Node | None) -> Mapping[str, Entry]:
    """Return a mapping's entries; none for another kind of value."""
    return node.value if node is not None and isinstance(node.value, Mapping) else _NOTHING


def items(node: Node | None) -> tuple[Node, ...]:
    """Return a list's items; none for another kind of value."""
    return node.value if node is not None and isinstance(node.value, tuple) else ()


def text_at(node: Node | None, *path: str) -> str:
    """Return the text below `path`; numbers as written, empty when there is none."""
    found = child(node, *path)
    return found.source if found is not None else ""


def name_at(node: Node | None, *path: str) -> str:
    """Return the text below `path` as it may be shown: one line, bounded."""
    return safe_line(text_at(node, *path)[: MAX_NAME + 1], limit=MAX_NAME)


def _objects(
    node: Node, document: Document, version: str, kind: str
) -> Iterator[KubernetesObject | Place]:
    """Yield the objects in a node; `version` and `kind` are for items that tell none."""
    if isinstance(node.value, tuple) and any(entries(item) for item in node.value):
        for item in node.value:
            yield from _objects(item, document, "", "")
        return
    version = name_at(node, "apiVersion") or version
    kind = name_at(node, "kind") or kind
    if not version or not kind:
        yield document.place(node.position)
        return
    held = _held(node, kind)
    if held:
        inner = "" if kind in ("List", "Template") else kind.removesuffix("List")
        for item in held:
            yield from _objects(item, document, version if inner else "", inner)
        return
    yield KubernetesObject(version.rpartition("/")[0], kind, node, document)


def _held(node: Node, kind: str) -> tuple[Node, ...]:
    """Return the objects that an object of this kind only holds.

    `List` and OpenShift's `Template` hold any; `PodList` and the like those of one kind. Another
    kind that happens to end so has no objects with metadata in its `items`.
    """
    if kind == "Template":
        return items(child(node, "objects"))
    held = items(child(node, "items"))
    typed = kind.endswith("List") and any(child(item, "metadata") for item in held)
    return held if kind == "List" or typed else ()
