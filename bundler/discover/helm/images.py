"""Images that a chart names outside its templates: annotations of `Chart.yaml`, and values.

Annotations are lists that people or `dt` wrote: they count. Values are only told, where no
rendered template uses them.

Source: artifacthub.io/docs/topics/annotations/helm (`artifacthub.io/images`); Bitnami's charts and
`dt` for `images`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bundler.discover.found import Found, Mention, Place, Remark
from bundler.discover.helm.chart import Chart, ChartFile
from bundler.discover.kubernetes.findings import Findings
from bundler.discover.kubernetes.images import likely_image
from bundler.discover.kubernetes.object import child, entries, items, name_at, text_at
from bundler.discover.kubernetes.scan import compose
from bundler.discover.kubernetes.text import Document
from manifests.reference import MalformedReference, Reference
from manifests.safetext import safe_line
from manifests.yaml.node import Limits, Node
from manifests.yaml.text import MalformedYaml, Position
from manifests.yaml.tree import load

ANNOTATIONS: Final = ("artifacthub.io/images", "images")
MAX_REMARKS: Final = 50
_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class _Block:
    """An image that values name.

    Attributes:
        path: keys to it.
        node: the text, or the mapping of its parts.
        written: the image.
    """

    path: tuple[str, ...]
    node: Node
    written: str


def read_annotations(chart: Chart) -> Found:
    """Return the images that a chart's annotations list."""
    findings = Findings()
    for key in ANNOTATIONS:
        node = child(chart.about.root, "annotations", key)
        if node is not None and isinstance(node.value, str):
            _read_list(chart.about, key, node, findings)
    return findings.found()


def switched_off(chart: Chart, annotated: Sequence[Mention]) -> Found:
    """Return the remark about a sub-chart that rendered nothing, and the images it lists."""
    if not annotated:
        return Found()
    images = ", ".join(safe_line(mention.written, limit=300) for mention in annotated[:10])
    more = f" and {len(annotated) - 10} more" if len(annotated) > 10 else ""
    message = f"nothing of this sub-chart was rendered: its images are left out: {images}{more}"
    return Found(remarks=(Remark(chart.about.place, message),))


def unused_values(
    chart: Chart, given: Sequence[Node], keys: Sequence[str], used: Sequence[Mention]
) -> Found:
    """Return remarks about images in the chart's values that nothing rendered names.

    Args:
        chart: whose values.
        given: the values of the source, which replace them.
        keys: of single values that replace them, as `image.tag`.
        used: images that were found.
    """
    if chart.values is None:
        return Found()
    known = {name for mention in used for name in _names(mention.written)}
    remarks: list[Remark] = []
    for block in _blocks(chart.values.root, text_at(chart.about.root, "appVersion")):
        if (
            _is_replaced(block, given, keys)
            or _normal(block.written) in known
            or len(remarks) == MAX_REMARKS
        ):
            continue
        known.add(_normal(block.written))
        shown = safe_line(f"{block.written}, at {'.'.join(block.path)}", limit=500)
        remarks.append(
            Remark(_place(chart.values, block.node.position), f"no rendered template uses {shown}")
        )
    return Found(remarks=tuple(remarks))


def _is_replaced(block: _Block, given: Sequence[Node], keys: Sequence[str]) -> bool:
    name = ".".join(block.path)
    single = any(key == name or key.startswith(f"{name}.") for key in keys)
    return single or any(child(node, *block.path) is not None for node in given)


def _read_list(file: ChartFile, key: str, node: Node, findings: Findings) -> None:
    """Read the list that is the text of an annotation."""
    text = str(node.value)
    document = Document(file.root, file.place.file, 0, file.data)
    try:
        root = load(text.encode(), key, _LIMITS)
    except MalformedYaml as error:
        place = document.place_within(node, error.position.line - 1)
        message = safe_line(f"expected a list of images in {key}: {error.reason}", limit=500)
        findings.problem(place, "helm-annotation", message, "it is YAML within a text")
        return
    for item in items(root):
        image = child(item, "image")
        if image is not None:
            name = name_at(item, "name")
            place = document.place_within(node, image.position.line - 1)
            findings.image(image, place, f"Chart.yaml annotation {key}, {name}".rstrip(", "))


def _blocks(root: Node, version: str) -> Iterator[_Block]:
    """Yield the images that values name; one without tag has the chart's `appVersion`."""
    waiting: list[tuple[tuple[str, ...], Node]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        repository = text_at(node, "repository")
        if repository and (whole := compose(node) or _tagged(repository, node, version)):
            yield _Block(path, node, whole)
            continue
        if isinstance(node.value, str) and path and likely_image(path[-1], node.value):
            yield _Block(path, node, node.value)
        below = entries(node)
        waiting += [((*path, key), below[key].node) for key in reversed(list(below))]


def _tagged(repository: str, node: Node, version: str) -> str:
    registry = text_at(node, "registry")
    name = f"{registry}/{repository}" if registry else repository
    named = child(node, "tag") is not None and version and likely_image("image", name)
    return f"{name}:{version}" if named else ""


def _names(written: str) -> Iterator[str]:
    """Yield what values may call an image: whole, or its repository alone, beside a tag."""
    yield _normal(written)
    with suppress(MalformedReference):
        yield _normal(Reference.parse(written).name)


def _normal(written: str) -> str:
    try:
        return str(Reference.parse(written))
    except MalformedReference:
        return written


def _place(file: ChartFile, position: Position) -> Place:
    return Place(file.place.file, position.line, position.column)
