"""The images of Kubernetes documents, YAML and JSON, in files and folders.

Owns which files are read, and what is said of those that are something else. What a document
tells is for `search`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from typing import Final

from bundler.discover.folder import STDIN, Folder, Unreadable, join, parent
from bundler.discover.found import Found, Place
from bundler.discover.kubernetes.search import Search, begin
from manifests.appmanifest.sources import KubernetesSource
from manifests.safetext import safe_line

ENDINGS: Final = (".yaml", ".yml", ".json")
"""Of the files that a folder stands for."""
MAX_NAMED: Final = 10
"""Files named in one remark."""

_KIND = re.compile(rb"^[\"' {]*kind[\"']?[ \t]*:|\"kind\"[ \t]*:", re.MULTILINE)
_KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CHART: Final = "Chart.yaml"


def discover(source: KubernetesSource, folder: Folder) -> Found:
    """Return what the documents of a source tell.

    Args:
        source: files, folders, and where custom resources name images.
        folder: that the source's paths are relative to.
    """
    search = begin(source.image_paths, source.kubernetes[0])
    for path in source.kubernetes:
        if path != STDIN and folder.is_folder(path):
            _read_folder(search, path, folder)
        elif (kind := _other_kind(path)) and folder.is_file(path):
            _tell_other(search, parent(path), parent(path), kind)
        else:
            _read_file(search, path, folder)
    return search.found(source.kubernetes[0])


def discover_text(text: bytes, file: str, image_paths: Sequence[str] = ()) -> Found:
    """Return what one file tells; nothing where it holds no object.

    Args:
        text: the file.
        file: its path, for places.
        image_paths: as in `KubernetesSource`.
    """
    search = begin(image_paths, file)
    search.read(text, file)
    return search.found(file)


def _read_folder(search: Search, path: str, folder: Folder) -> None:
    before = search.objects, len(search.findings.problems)
    try:
        files = [file for file in folder.files(path) if file.endswith((*ENDINGS, *_KUSTOMIZATIONS))]
    except Unreadable as error:
        _unreadable(search, path, error)
        return
    others = _others(files)
    for other, kind in others.items():
        _tell_other(search, path, other, kind)
    mine = [file for file in files if not _is_within(file, others)]
    skipped = [file for file in mine if not _read_among_others(search, file, folder)]
    if skipped:
        _tell_skipped(search, path, skipped)
    if (search.objects, len(search.findings.problems)) == before:
        _tell_empty(search, path)


def _tell_skipped(search: Search, path: str, files: Sequence[str]) -> None:
    more = f" and {len(files) - MAX_NAMED} more" if len(files) > MAX_NAMED else ""
    names = safe_line(", ".join(files[:MAX_NAMED]), limit=1000)
    message = f"skipped, for they are no Kubernetes documents: {names}{more}"
    search.findings.remark(Place(path, 1), message)


def _tell_empty(search: Search, path: str) -> None:
    message = "expected documents with apiVersion and kind, found none"
    hint = "only Kubernetes documents belong under `kubernetes:`"
    search.findings.problem(Place(path, 1), "kubernetes-empty", message, hint)


def _others(files: Iterable[str]) -> dict[str, str]:
    """Return the folders that are not plain documents, and the kind of source each is."""
    found: dict[str, str] = {}
    for file in files:
        kind = _other_kind(file)
        if kind and not _is_within(file, found):
            found[parent(file)] = kind
    return found


def _other_kind(file: str) -> str:
    """Return the kind of source that a file is the head of; empty for any other."""
    name = file.rpartition("/")[2]
    return "kustomize" if name in _KUSTOMIZATIONS else "helm" if name == _CHART else ""


def _is_within(file: str, folders: Container[str]) -> bool:
    """Tell whether a file lies in one of the folders, or below."""
    folder = parent(file)
    while folder not in folders and folder != ".":
        folder = parent(folder)
    return folder in folders


def _tell_other(search: Search, path: str, other: str, kind: str) -> None:
    """Tell of a chart or kustomization: a problem if it is what was named, else a remark."""
    what = "a kustomization" if kind == "kustomize" else "a Helm chart"
    hint = f"name it under `sources:` as `{kind}: {other}`"
    if other == join(".", path):
        message = f"expected plain documents, found {what}"
        search.findings.problem(Place(path, 1), f"kubernetes-{kind}", message, hint)
    else:
        search.findings.remark(
            Place(other, 1), f"{what}, not read as plain documents: {hint} unless it is there"
        )


def _read_among_others(search: Search, file: str, folder: Folder) -> bool:
    """Read a file of a folder; tell whether it is Kubernetes' at all."""
    try:
        data = folder.read(file)
    except Unreadable as error:
        _unreadable(search, file, error)
        return True
    return b"apiVersion" in data and bool(_KIND.search(data)) and search.read(data, file)


def _read_file(search: Search, path: str, folder: Folder) -> None:
    try:
        data = folder.read(path)
    except Unreadable as error:
        _unreadable(search, path, error)
        return
    if not search.read(data, path):
        _tell_empty(search, path)


def _unreadable(search: Search, path: str, error: Unreadable) -> None:
    message = safe_line(f"expected a file or folder: {error}", limit=500)
    search.findings.problem(
        Place(path, 1), "kubernetes-unreadable", message, "check the path under `kubernetes:`"
    )
