"""Which files of a folder name images, by kind, and how they belong together.

Charts and kustomizations stand for the files in them; Compose files of one folder are one
project. Reads only the beginning of the matter: what the files say is for the discoverers.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bundler.discover.folder import DiskFolder, Unreadable, join, parent
from bundler.discover.recognise import Kind, by_name, by_text, is_candidate
from bundler.discover.tree import Skipped, Tree, list_tree
from manifests.yaml.node import Limits, Node
from manifests.yaml.text import MalformedYaml
from manifests.yaml.tree import load

MAX_READ: Final = 20_000
"""Files that are opened to see what they are."""
MAX_PATH: Final = 1024
TEXT_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a file that is opened to see what it is."""

_YAML: Final = Limits(depth=64, tags=frozenset({"!reset", "!override"}))
_PROFILES: Final = re.compile(r"^[ \t]+profiles:", re.MULTILINE)
_LIBRARY: Final = re.compile(r"^type:[ \t]*[\"']?library\b", re.MULTILINE)
_BASES: Final = ("compose", "docker-compose")
_VALUES: Final = re.compile(r"(?:values[._-].+|.+[._-]values)\.ya?ml", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Project:
    """The Compose files of a folder that are used together.

    Attributes:
        files: the main file, and the override file that Compose takes in by itself.
        others: files that are added by `-f` or not at all; a person knows.
        profiles: whether services have profiles.
    """

    files: tuple[str, ...]
    others: tuple[str, ...] = ()
    profiles: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A Helm chart.

    Attributes:
        folder: that holds it.
        values: files of values beside the chart's own, for a person to choose from.
    """

    folder: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detected:
    """What a folder holds. Paths are relative to it.

    Attributes:
        projects: of Compose.
        charts: of Helm, without those within others.
        kustomizations: folders, without those that others build upon.
        files: of the other kinds.
        skipped: what was not looked at.
    """

    projects: tuple[Project, ...] = ()
    charts: tuple[Chart, ...] = ()
    kustomizations: tuple[str, ...] = ()
    files: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found that names images."""
        return not (self.projects or self.charts or self.kustomizations or self.files)


@dataclass(slots=True)
class _Search:
    """The files seen so far, by kind; texts are kept for Compose files only."""

    folder: DiskFolder
    kinds: dict[Kind, list[str]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    read: int = 0


def detect_folder(base: Path) -> Detected:
    """Return what a folder holds."""
    tree = list_tree(base)
    search = _Search(DiskFolder(base), skipped=list(tree.skipped))
    charts = _charts(tree, search.folder)
    for path in tree.files:
        if not any(path.startswith(f"{chart}/") or chart == "." for chart in charts):
            _add(search, path)
        elif by_name(path) is Kind.DOCKERFILE:
            search.kinds.setdefault(Kind.DOCKERFILE, []).append(path)
    kustomized, roots = _kustomizations(search)
    kinds = {
        kind: tuple(path for path in paths if path not in kustomized)
        for kind, paths in search.kinds.items()
    }
    compose = kinds.pop(Kind.COMPOSE, ())
    for told_by_folder in (Kind.KUSTOMIZE, Kind.HELM):
        kinds.pop(told_by_folder, None)
    return Detected(
        projects=tuple(_projects(compose, _included(compose, search.folder), search.folder)),
        charts=tuple(_chart(chart, tree) for chart in charts),
        kustomizations=roots,
        files={kind: paths for kind, paths in kinds.items() if paths},
        skipped=tuple(search.skipped),
    )


def detect_file(base: Path, name: str) -> Detected:
    """Return what one file is."""
    search = _Search(DiskFolder(base))
    kind = by_name(name)
    if kind is Kind.HELM:
        return Detected(charts=(Chart("."),))
    if kind is Kind.KUSTOMIZE:
        return Detected(kustomizations=(".",))
    _add(search, name, chosen=True)
    if Kind.COMPOSE in search.kinds:
        return Detected(projects=(_project((name,), (), search.folder),), skipped=())
    files = {kind: tuple(paths) for kind, paths in search.kinds.items()}
    return Detected(files=files, skipped=tuple(search.skipped))


def _add(search: _Search, path: str, *, chosen: bool = False) -> None:
    """Find out what a file is.

    Args:
        search: to which it is added.
        path: of the file.
        chosen: whether a person named the file, so that its name need not suggest anything.
    """
    kind = by_name(path)
    if kind is None and (chosen or is_candidate(path)):
        kind = _by_text(search, path)
    if kind is not None:
        search.kinds.setdefault(kind, []).append(path)


def _by_text(search: _Search, path: str) -> Kind | None:
    search.read += 1
    if search.read == MAX_READ + 1:
        reason = f"beyond {MAX_READ} files to look into: discover smaller folders"
        search.skipped.append(Skipped(path, reason))
    if search.read > MAX_READ:
        return None
    try:
        data = search.folder.read(path, TEXT_LIMIT)
    except Unreadable as error:
        search.skipped.append(Skipped(path, str(error)))
        return None
    return None if b"\0" in data else by_text(path, data.decode(errors="replace"))


def _charts(tree: Tree, folder: DiskFolder) -> tuple[str, ...]:
    """Return the folders of charts that can be rendered, without those within others."""
    found: list[str] = []
    for path in tree.files:
        chart = parent(path)
        within = any(chart.startswith(f"{one}/") or one == "." for one in found)
        if by_name(path) is Kind.HELM and not within and not _is_library(path, folder):
            found.append(chart)
    return tuple(found)


def _is_library(path: str, folder: DiskFolder) -> bool:
    return bool(_LIBRARY.search(_text(path, folder)))


def _text(path: str, folder: DiskFolder) -> str:
    try:
        return folder.read(path, TEXT_LIMIT).decode(errors="replace")
    except Unreadable:
        return ""


def _chart(folder: str, tree: Tree) -> Chart:
    values = (
        path
        for path in tree.files
        if parent(path) == folder and _VALUES.fullmatch(posixpath.basename(path))
    )
    return Chart(folder, tuple(values))


def _kustomizations(search: _Search) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return all that kustomizations name, and the folders of those that none of them names."""
    named: set[str] = set()
    folders: list[str] = []
    for path in search.kinds.get(Kind.KUSTOMIZE, ()):
        folder = parent(path)
        folders.append(folder)
        root = _document(path, search.folder)
        named.update(join(folder, text) for text in _texts(root))
    return frozenset(named), tuple(one for one in dict.fromkeys(folders) if one not in named)


def _included(paths: tuple[str, ...], folder: DiskFolder) -> frozenset[str]:
    """Return the Compose files that others take in by `include` and `extends`."""
    named: set[str] = set()
    for path in paths:
        root = _document(path, folder)
        texts = [*_texts(_child(root, "include"))]
        services = _child(root, "services")
        if services is not None and isinstance(services.value, Mapping):
            for entry in services.value.values():
                texts += _texts(_child(_child(entry.node, "extends"), "file"))
        named.update({join(parent(path), text) for text in texts} - {path})
    return frozenset(named)


def _document(path: str, folder: DiskFolder) -> Node | None:
    """Return a YAML file's document; None when it is none, which its discoverer will tell."""
    try:
        return load(folder.read(path, TEXT_LIMIT), path, _YAML)
    except (MalformedYaml, Unreadable):
        return None


def _child(node: Node | None, key: str) -> Node | None:
    if node is None or not isinstance(node.value, Mapping) or key not in node.value:
        return None
    return node.value[key].node


def _texts(root: Node | None) -> Iterator[str]:
    """Yield every text below a node that may be a path."""
    waiting = [root] if root else []
    while waiting:
        value = waiting.pop().value
        if isinstance(value, Mapping):
            waiting.extend(entry.node for entry in value.values())
        elif isinstance(value, tuple):
            waiting.extend(value)
        elif isinstance(value, str) and value and len(value) < MAX_PATH and "\n" not in value:
            yield value


def _projects(
    paths: tuple[str, ...], included: frozenset[str], folder: DiskFolder
) -> Iterator[Project]:
    """Yield the Compose files of each folder: a main file with its overrides, or each alone."""
    folders: dict[str, list[str]] = {}
    for path in paths:
        if path not in included:
            folders.setdefault(parent(path), []).append(path)
    for together in folders.values():
        main = _main(together)
        if main is None:
            yield from (_project((path,), (), folder) for path in together)
            continue
        override = next((path for path in together if _is_override(path)), None)
        files = (main, override) if override else (main,)
        yield _project(files, tuple(path for path in together if path not in files), folder)


def _project(files: tuple[str, ...], others: tuple[str, ...], folder: DiskFolder) -> Project:
    profiles = any(_PROFILES.search(_text(path, folder)) for path in files)
    return Project(files, others, profiles)


def _main(paths: list[str]) -> str | None:
    """Return the file that Compose takes when it is told none."""
    names = [f"{base}{ending}" for base in _BASES for ending in (".yaml", ".yml")]
    by_basename = {posixpath.basename(path): path for path in paths}
    return next((by_basename[name] for name in names if name in by_basename), None)


def _is_override(path: str) -> bool:
    stem = posixpath.splitext(posixpath.basename(path))[0]
    return stem in {f"{base}.override" for base in _BASES}
