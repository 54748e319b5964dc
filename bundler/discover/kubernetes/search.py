"""Looks through Kubernetes objects for images.

Owns the order: pods, then the fields that are known or given to name images, then what is only
reported: images that are named elsewhere, and texts that look like images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Final

from bundler.discover.found import Found, Place, Problem
from bundler.discover.kubernetes.custom import CHOSEN_BY_OPERATOR, IMAGE_FIELDS, NAMED_ELSEWHERE
from bundler.discover.kubernetes.findings import MAX_TOLD, Findings
from bundler.discover.kubernetes.gpus import read_claim, read_custom
from bundler.discover.kubernetes.images import images_in, is_reference
from bundler.discover.kubernetes.object import KubernetesObject, child, read_objects
from bundler.discover.kubernetes.path import ImagePath, MalformedImagePath
from bundler.discover.kubernetes.pods import WORKLOADS, find_pods, image_nodes, read_pod
from bundler.discover.kubernetes.scan import compose, scan_object
from bundler.discover.kubernetes.text import Document, read_documents
from manifests.appmanifest.problems import describe
from manifests.safetext import safe_line
from manifests.yaml.node import Node
from manifests.yaml.text import Position

MAX_STRANGERS: Final = 20
"""Documents of a file that are no objects, and told."""


@dataclass(slots=True)
class Search:
    """What is looked for, and what was found.

    Attributes:
        paths: that were given, beside the known ones.
        findings: so far.
        objects: that were looked through.
    """

    paths: tuple[ImagePath, ...]
    findings: Findings = field(default_factory=Findings)
    objects: int = 0
    _followed: set[ImagePath] = field(default_factory=set)

    def read(self, data: bytes, file: str) -> bool:
        """Read a file; tell whether it has an object, or what may be one but is broken."""
        objects, problems = self.objects, len(self.findings.problems)
        strangers: list[Place] = []
        for document in read_documents(data, file):
            if isinstance(document, Problem):
                self.findings.add(document)
            else:
                for place in self._read_document(document):
                    if len(strangers) < MAX_STRANGERS:
                        strangers.append(place)
        if self.objects > objects:
            for place in strangers:
                self.findings.remark(place, "skipped, for it has no apiVersion and kind")
        return self.objects > objects or len(self.findings.problems) > problems

    def found(self, file: str) -> Found:
        """Return what was found; a path that led nowhere is told at `file`."""
        for path in self.paths:
            if path not in self._followed:
                shown = safe_line(path.text, limit=300)
                self.findings.remark(Place(file, 1), f"image_paths: nothing is at {shown}")
        return self.findings.found()

    def _read_document(self, document: Document) -> Iterator[Place]:
        for found in read_objects(document):
            if isinstance(found, Place):
                yield found
            else:
                self.objects += 1
                self._read_object(found)

    def _read_object(self, found: KubernetesObject) -> None:
        taken: set[Position] = set()
        gpus = len(self.findings.gpus)
        for pod in find_pods(found):
            read_pod(pod, self.findings)
            taken.update(node.position for node in image_nodes(pod))
        if found.full_kind not in WORKLOADS:
            read_claim(found, self.findings)
            told = frozenset(one.place for one in self.findings.gpus[gpus:])
            read_custom(found, told, self.findings)
        for path in (*_known(found.full_kind), *self.paths):
            if path.applies(found):
                self._follow(path, found, taken)
        _tell_unseen(found, self.findings)
        scan_object(found, frozenset(taken), self.findings)

    def _follow(self, path: ImagePath, found: KubernetesObject, taken: set[Position]) -> None:
        """Take what stands at a path, once."""
        for node in path.follow(found.node):
            self._followed.add(path)
            if node.position not in taken and node.value is not None:
                taken.add(node.position)
                self._take(path, found, node)

    def _take(self, path: ImagePath, found: KubernetesObject, node: Node) -> None:
        by, place = f"{found.title}, {safe_line(path.where, limit=300)}", found.place(node)
        text = node.value if isinstance(node.value, str) else compose(node)
        if text:
            _take_text(self.findings, found, node, by, text)
        elif path in self.paths:
            message = f"expected an image at {by}, found {describe(node)}"
            hint = "name it there, or change `image_paths:`"
            self.findings.problem(place, "kubernetes-image-missing", message, hint)


def begin(image_paths: Sequence[str], file: str) -> Search:
    """Return a search by `image_paths`; those that can't be read are problems at `file`."""
    search = Search(())
    paths: list[ImagePath] = []
    for text in image_paths:
        try:
            paths.append(ImagePath.parse(text))
        except MalformedImagePath as error:
            message = safe_line(f"image_paths: {error}", limit=500)
            hint = "write `Kind:spec.image`, or `spec.containers[].image` for any kind"
            search.findings.problem(Place(file, 1), "kubernetes-image-path", message, hint)
    search.paths = tuple(paths)
    return search


@lru_cache(maxsize=256)
def _known(kind: str) -> tuple[ImagePath, ...]:
    return tuple(ImagePath.parse(path) for path in IMAGE_FIELDS.get(kind, ()))


def _take_text(findings: Findings, found: KubernetesObject, node: Node, by: str, text: str) -> None:
    """Take a text that is an image, or the images written in a longer one."""
    parts = () if is_reference(text) else tuple(islice(images_in(text), MAX_TOLD))
    for lines, image in parts:
        findings.written(image, found.document.place_within(node, lines), by)
    if not parts:
        findings.written(text, found.place(node), by)


def _tell_unseen(found: KubernetesObject, findings: Findings) -> None:
    """Tell of images that an object brings without naming them."""
    place, kind = found.place(found.node), found.full_kind
    if kind in NAMED_ELSEWHERE:
        findings.remark(
            place,
            f"{found.title} installs {NAMED_ELSEWHERE[kind]} from elsewhere, whose images are not"
            " seen here: add a source for it, or list them under `images:`",
        )
    pod = WORKLOADS.get(kind)
    if pod is not None and child(found.node, *pod) is None:
        findings.remark(place, f"{found.title} has no {'.'.join(pod)}, so that it names no image")
    where = CHOSEN_BY_OPERATOR.get(kind)
    if where is not None and not any(_says(node) for node in _path(where).follow(found.node)):
        findings.remark(
            place,
            f"{found.title} names no image at {where}, so that its operator chooses one:"
            " name it there, or list it under `images:`",
        )


def _says(node: Node) -> bool:
    return (node.value is not None and node.source != "") or bool(compose(node))


@lru_cache(maxsize=256)
def _path(text: str) -> ImagePath:
    return ImagePath.parse(text)
