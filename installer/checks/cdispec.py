"""CDI specifications: which devices of which kind, and which files of the host they need.

Owns the reading only. Source: Container Device Interface specification, 0.3 to 1.0: `kind`,
`devices[].name`, `containerEdits` with `deviceNodes[].path|hostPath` and `mounts[].hostPath`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from installer.checks.hostfiles import HostFiles
from manifests import strictjson
from manifests.errors import MoonliftError
from manifests.yaml import tree as yamltree

FOLDERS: Final = ("/etc/cdi", "/var/run/cdi")
"""Where every engine looks unless it is told other folders."""
SPEC_LIMIT: Final = 1024 * 1024
FOLDERS_LIMIT: Final = 8
FILES_LIMIT: Final = 64
"""Specifications read of one folder."""
PATHS_LIMIT: Final = 5000


@dataclass(frozen=True, slots=True)
class CdiSpec:
    """One specification.

    Attributes:
        file: where it lies.
        kind: such as `nvidia.com/gpu`.
        devices: their names.
        paths: of the host, that containers are given.
        trouble: why it can't be read; empty when it could.
    """

    file: str
    kind: str = ""
    devices: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    trouble: str = ""


def read_specs(files: HostFiles, folders: tuple[str, ...] = FOLDERS) -> Iterator[CdiSpec]:
    """Yield every specification in the folders.

    Raises:
        Unreadable: a folder or file is there and can't be read.
    """
    for folder in folders[:FOLDERS_LIMIT]:
        names = [name for name in files.names(folder) if name.endswith((".yaml", ".json"))]
        for name in names[:FILES_LIMIT]:
            path = f"{folder}/{name}"
            data = files.data(path, SPEC_LIMIT + 1)
            if data is not None:
                yield _read(path, data)


def _read(path: str, data: bytes) -> CdiSpec:
    try:
        document = _plain(path, data)
    except MoonliftError as error:
        return CdiSpec(path, trouble=str(error))
    if not isinstance(document, Mapping) or not isinstance(document.get("kind"), str):
        return CdiSpec(path, trouble=f"{path}: expected a mapping with kind:")
    devices = [one for one in _listed(document, "devices") if isinstance(one, Mapping)]
    edits = [document.get("containerEdits"), *(one.get("containerEdits") for one in devices)]
    paths = dict.fromkeys(path for edit in edits for path in _paths(edit))
    return CdiSpec(
        path,
        document["kind"],
        tuple(str(one.get("name")) for one in devices),
        tuple(paths)[:PATHS_LIMIT],
    )


def _plain(path: str, data: bytes) -> Any:
    if len(data) > SPEC_LIMIT or path.endswith(".json"):
        return strictjson.loads(data, limit=SPEC_LIMIT, subject=path)
    return yamltree.load(data, path).plain()


def _paths(edit: object) -> Iterator[str]:
    """Yield what of the host an edit needs: a node's hostPath is its path unless it says so."""
    if not isinstance(edit, Mapping):
        return
    for node in _listed(edit, "deviceNodes"):
        if isinstance(node, Mapping):
            yield from _path(node.get("hostPath") or node.get("path"))
    for mount in _listed(edit, "mounts"):
        if isinstance(mount, Mapping):
            yield from _path(mount.get("hostPath"))


def _path(value: object) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("/"):
        yield value


def _listed(document: Mapping[Any, Any], name: str) -> list[Any]:
    value = document.get(name)
    return list(value) if isinstance(value, list | tuple) else []
