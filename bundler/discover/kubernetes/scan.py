"""Looks for images where none is known to be named, and tells a person; decides nothing.

Texts in custom resources, ConfigMaps, and the arguments, environment and annotations of pods.
Left out: Secrets, which are nobody's business here; what a cluster wrote itself (`status`); what
says no more than the object does (`last-applied-configuration`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bundler.discover.found import Place
from bundler.discover.kubernetes.findings import Findings, Suspect
from bundler.discover.kubernetes.images import MAX_LENGTH, images_in, is_reference, likely_image
from bundler.discover.kubernetes.object import KubernetesObject, child, entries, items, text_at
from bundler.discover.kubernetes.path import write_key
from manifests.safetext import safe_line
from manifests.yaml.node import Node
from manifests.yaml.text import Position

MAX_PATH: Final = 300
"""Characters of a path that a remark tells."""

_UNREAD_KINDS: Final = frozenset({"Secret", "CustomResourceDefinition", "Node", "Event"})
_UNREAD_KEYS: Final = frozenset({"status", "managedFields", "imagePullPolicy"})
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class _Spot:
    """A node on the way.

    Attributes:
        node: what stands there.
        path: to it, as `image_paths` writes it.
        name: what it is called: its key, or the `name` beside a `value`.
    """

    node: Node
    path: str
    name: str


def scan_object(found: KubernetesObject, taken: frozenset[Position], findings: Findings) -> None:
    """Tell the texts of an object that look like images, but for those at `taken` places."""
    if found.kind in _UNREAD_KINDS:
        return
    read = set(taken)
    open_lists = [iter((_Spot(found.node, "", ""),))]
    while open_lists and findings.has_room:
        spot = next(open_lists[-1], None)
        if spot is None:
            open_lists.pop()
        elif spot.node.position in read and spot.path:
            continue
        elif isinstance(spot.node.value, str):
            read.update((spot.node.position,) if len(spot.node.value) > MAX_LENGTH else ())
            _tell(found, spot, findings)
        elif (whole := compose(spot.node)) and child(spot.node, "repository"):
            _suspect(found, spot, whole, found.place(spot.node), findings)
        else:
            open_lists.append(_below(spot))


def compose(node: Node) -> str:
    """Return the image that a mapping names in parts; empty when it names none.

    `registry`, `repository` and `image` or `name` make the name; `tag` or `version`, and
    `digest`, tell which.
    """
    parts = (_part(node, "registry"), _part(node, "repository"), _part(node, "image", "name"))
    name = "/".join(part.strip("/") for part in parts if part)
    tag, digest = _part(node, "tag", "version"), _part(node, "digest")
    if not digest and tag.startswith("sha256:"):
        tag, digest = "", tag
    whole = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    return whole if name and (tag or digest) and is_reference(whole) else ""


def _part(node: Node, *keys: str) -> str:
    for key in keys:
        found = child(node, key)
        if found is not None and found.value is not None and found.source:
            return found.source
    return ""


def _below(spot: _Spot) -> Iterator[_Spot]:
    pair = text_at(spot.node, "name")
    for key, entry in entries(spot.node).items():
        if key in _UNREAD_KEYS or key == _LAST_APPLIED:
            continue
        path = _longer(spot.path, f".{write_key(key)}") if spot.path else write_key(key)
        yield _Spot(entry.node, path, pair if key == "value" and pair else key)
    for item in items(spot.node):
        name = text_at(item, "name")
        pick = f"name={name}" if child(item, "value") and "]" not in name else ""
        yield _Spot(item, _longer(spot.path, f"[{pick}]"), "")


def _longer(path: str, step: str) -> str:
    """Return a longer path; the same one when it would be too long to tell anyone."""
    return path + step if len(path) + len(step) <= MAX_PATH else path


def _tell(found: KubernetesObject, spot: _Spot, findings: Findings) -> None:
    text = str(spot.node.value)
    flag, equals, value = text.partition("=")
    name = flag.lstrip("-") if equals and spot.path.endswith("]") else spot.name
    whole = value if equals and name != spot.name else text
    if likely_image(name, whole):
        _suspect(found, _picked(spot, flag, whole, text), whole, found.place(spot.node), findings)
        return
    for lines, image in images_in(text):
        if not findings.has_room:
            return
        if image in findings.suspects:
            continue
        place = found.document.place_within(spot.node, lines)
        _suspect(found, _picked(spot, flag, image, text), image, place, findings)


def _picked(spot: _Spot, flag: str, image: str, text: str) -> _Spot:
    """Return the spot with a path that takes only this item of a list of texts."""
    if not spot.path.endswith("[]"):
        return spot
    named = flag != text and " " not in flag
    glob = image if image == text else f"{flag}=*" if named else f"*{image}*"
    pick = f"[{glob}]" if "]" not in glob and "\n" not in glob else "[]"
    return _Spot(spot.node, spot.path.removesuffix("[]") + pick, spot.name)


def _suspect(
    found: KubernetesObject, spot: _Spot, image: str, place: Place, findings: Findings
) -> None:
    path = safe_line(spot.path, limit=300)
    where = f"{path} of {found.title}"
    findings.suspect(Suspect(image, place, where, f"{found.kind}:{path}"))
