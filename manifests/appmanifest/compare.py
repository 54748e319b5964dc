"""What is wrong between the entries of an `app.yaml`, each of which is right by itself.

Works on the parsed file, not on the model, so that these problems are told beside all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from manifests.appmanifest.problems import Problem, problem_at
from manifests.reference import MalformedReference, Reference
from manifests.yaml.node import Node, Path
from manifests.yaml.text import Position


def compare_entries(root: Node) -> list[Problem]:
    """Return what is wrong between entries, and numbers that programs read differently."""
    return [
        *_odd_numbers(root),
        *_nothing_named(root),
        *_repeated_images(root),
        *_waived_images(root),
        *_repeated_input(root),
        *_clashing_files(root),
    ]


def _odd_numbers(root: Node) -> Iterator[Problem]:
    for key in ("schema", "sequence"):
        node = root.nearest((key,))
        if type(node.value) is int and node.source != str(node.value):
            yield problem_at(
                node.position,
                f"{node.source[:100]} is {node.value} to some programs and not to others:"
                f" write {node.value}",
            )


def _items(root: Node, key: str, text_key: str) -> Iterator[tuple[Path, Node]]:
    """Yield the entries of a list that are text, or have text under `text_key`."""
    items = root.nearest((key,)).value
    for number in range(len(items) if isinstance(items, tuple) else 0):
        for path in ((key, number, text_key), (key, number)):
            node = root.nearest(path)
            if isinstance(node.value, str):
                yield path, node
                break


def _nothing_named(root: Node) -> Iterator[Problem]:
    """Find an app without images, and without sources and services that could name some."""
    run = root.nearest(("run",))
    if run is not root and run.value is not None:
        return
    lists = [root.nearest((key,)) for key in ("images", "sources")]
    given = [node for node in lists if node is not root]
    if not given:
        yield problem_at(root.position, "missing key 'images', 'sources' or 'run'")
    elif all(node.value == () for node in given):
        yield problem_at(given[0].position, "expected at least one entry, found none")


def _repeated_images(root: Node) -> Iterator[Problem]:
    yield from _repeated(_references(root, "images"))


def _waived_images(root: Node) -> Iterator[Problem]:
    """Find waivers that are there twice, or that contradict `images`."""
    waived = list(_references(root, "waived"))
    yield from _repeated(waived)
    wanted = {name: node.position for name, node in _references(root, "images")}
    for name, node in waived:
        if name in wanted:
            line = wanted[name].line
            yield problem_at(
                node.position, f"can't be waived: it is listed in images, at line {line}"
            )


def _repeated_input(root: Node) -> Iterator[Problem]:
    """Find sources that would read the standard input after it was read to its end."""
    sources = root.nearest(("sources",)).value
    first: Position | None = None
    for source in sources if isinstance(sources, tuple) else ():
        for node in _texts(source):
            if node.value == "-" and first is not None:
                message = f"the standard input is read before, at line {first.line}"
                yield problem_at(node.position, message)
            elif node.value == "-":
                first = node.position


def _texts(source: Node) -> Iterator[Node]:
    """Yield the values of an entry, and the items of those that are lists."""
    if isinstance(source.value, Mapping):
        for entry in source.value.values():
            node = entry.node
            yield from node.value if isinstance(node.value, tuple) else (node,)


def _references(root: Node, key: str) -> Iterator[tuple[str, Node]]:
    """Yield the images of a list with their full names; a waived text may be no reference."""
    for _, node in _items(root, key, "image"):
        try:
            reference = Reference.parse(str(node.value))
        except MalformedReference:
            if key == "waived":
                yield str(node.value), node
            continue
        yield reference.tagged or str(reference), node


def _repeated(named: Iterable[tuple[str, Node]]) -> Iterator[Problem]:
    seen: dict[str, Position] = {}
    for name, node in named:
        if name in seen:
            line = seen[name].line
            yield problem_at(node.position, f"{_short(name)} is listed before, at line {line}")
        seen.setdefault(name, node.position)


def _short(name: str) -> str:
    try:
        return Reference.parse(name).familiar
    except MalformedReference:
        return name[:200]


def _clashing_files(root: Node) -> Iterator[Problem]:
    """Find targets that are one file, or file and folder, where case does not count."""
    files: dict[str, Position] = {}
    folders: dict[str, tuple[str, Position]] = {}
    for node in _targets(root):
        target = str(node.value).removeprefix("./")
        parents = [target[:at] for at, letter in enumerate(target) if letter == "/"]
        clashes = [files.get(name.casefold()) for name in (*parents, target)]
        for parent in parents:
            written, place = folders.setdefault(parent.casefold(), (parent, node.position))
            clashes += [place] if written != parent else []
        clashes += [folders[target.casefold()][1]] if target.casefold() in folders else []
        files.setdefault(target.casefold(), node.position)
        if (clash := next(filter(None, clashes), None)) is not None:
            yield problem_at(
                node.position,
                f"{target[:200]!r} and the target at line {clash.line} can't both be in a bundle",
            )


def _targets(root: Node) -> Iterator[Node]:
    for path, source in _items(root, "files", "from"):
        to = root.nearest((*path[:2], "to"))
        explicit = len(path) == 3 and to is not root.nearest(path[:2])
        yield to if explicit and isinstance(to.value, str) else source
