"""What both of Docker's image stores share: who it is, names, and the check of what came of a load.

Which store an engine has is asked, never guessed from its version: fresh installations of one
version differ from upgraded ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from installer.engines.base import EngineInfo, Source, Stack, Store, identity_differs
from installer.engines.dockerapi import CONNECTIONS, DockerApi, Listed
from installer.engines.exported import Export
from installer.engines.namechange import NameChange
from installer.planning.host import engine_platform
from manifests.digest import Digest, MalformedDigest
from manifests.errors import EngineFailed
from manifests.platform import Platform
from manifests.release import ImageRecord, LayerRecord
from manifests.safetext import safe_line

SNAPSHOTTER: Final = "io.containerd.snapshotter.v1"


class DockerEngine:
    """An engine behind its API; subclasses know one store each."""

    store: Store
    name = "docker"

    def __init__(self, api: DockerApi, facts: Mapping[str, Any]) -> None:
        self._api = api
        self._facts = facts

    @property
    def url(self) -> str:
        """Of its socket."""
        return self._api.url

    @property
    def address(self) -> str:
        """By its socket."""
        return f"docker:{self.url}"

    def info(self) -> EngineInfo:
        """Return what the engine said when it was opened."""
        facts = self._facts
        root = Path(str(facts.get("DockerRootDir") or "/nonexistent"))
        return EngineInfo(
            kind="docker",
            version=str(facts.get("ServerVersion") or ""),
            store=self.store,
            driver=str(facts.get("Driver") or ""),
            platform=engine_platform(
                str(facts.get("OSType") or "linux"), str(facts.get("Architecture") or "")
            ),
            root=root if root.is_dir() else None,
            identity=_identity(facts),
        )

    def stacks(self) -> tuple[Stack, ...]:
        """Ask for the list, and for the layers of each image."""
        return self._stacks(self._api.listed())

    def copies(
        self, image: Digest, layers: Sequence[LayerRecord]
    ) -> Iterator[tuple[LayerRecord, Iterator[memoryview]]]:
        """Let the engine export the image; a file's name is its digest, or else its size tells."""
        by_hex = {layer.digest.hex: layer for layer in layers}
        by_size = {layer.size: layer for layer in layers}
        for file in Export(self._api.url, self._api.export(str(image))).files():
            layer = by_hex.get(file.name.rpartition("/")[2])
            if self.store is Store.GRAPH_DRIVER:
                layer = layer or by_size.get(file.size)
            if layer is not None and layer.size == file.size:
                yield layer, file.chunks

    def set_names(self, changes: Sequence[NameChange], source: Source) -> None:
        """Move one after the other: the engine knows no other way."""
        moved: list[NameChange] = []
        try:
            for change in changes:
                self._set_name(change.image, change.name, source)
                moved.append(change)
        except BaseException:
            self._put_back(moved)
            raise

    def remove_name(self, name: str) -> None:
        """Remove a name, and with an image's last name the image."""
        self._api.remove(name)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _set_name(self, image: ImageRecord, name: str, source: Source) -> None:
        del source
        self._api.tag(str(self.store.identity(image)), name)

    def _put_back(self, moved: Sequence[NameChange]) -> None:
        for change in reversed(moved):
            with suppress(EngineFailed):
                if change.old is None:
                    self._api.remove(change.name)
                else:
                    self._api.tag(str(change.old), change.name)

    def _stacks(self, listed: Sequence[Listed]) -> tuple[Stack, ...]:
        with ThreadPoolExecutor(CONNECTIONS, "inspect") as pool:
            return tuple(pool.map(self._stack, listed))

    def _stack(self, listed: Listed) -> Stack:
        found = self._api.inspect(str(listed.identity)) or {}
        layers = (found.get("RootFS") or {}).get("Layers") or ()
        try:
            diff_ids = tuple(Digest.parse(str(one)) for one in layers)
        except MalformedDigest:
            diff_ids = ()
        size = found.get("Size")
        return Stack(listed.identity, listed.names, diff_ids, size if isinstance(size, int) else 0)

    def _check(self, image: ImageRecord, name: str) -> None:
        """Compare what the engine shows under `name` with what was signed."""
        found = self._api.inspect(name)
        if found is None:
            raise identity_differs(self._api.url, image, "image", "none")
        for what, expected, actual in _claims(self.store, image, found):
            if expected != actual:
                raise identity_differs(self._api.url, image, what, actual)


def names_of(listed: Iterable[Listed]) -> dict[str, frozenset[Digest]]:
    """Return what each name points to."""
    return {name: frozenset({image.identity}) for image in listed for name in image.names}


def _identity(facts: Mapping[str, Any]) -> str:
    """Return its ID with where its data are: 20.10 has one ID for all engines of a host."""
    number, root = facts.get("ID"), facts.get("DockerRootDir")
    return safe_line(f"{number} {root}", limit=500) if number and root else ""


def uses_containerd(facts: Mapping[str, Any]) -> bool:
    """Tell from `docker info` whether images lie in containerd's store."""
    status = facts.get("DriverStatus") or ()
    return any(SNAPSHOTTER in map(str, pair) for pair in status if isinstance(pair, list | tuple))


def _claims(
    store: Store, image: ImageRecord, found: Mapping[str, Any]
) -> tuple[tuple[str, object, object], ...]:
    """Return what, as signed, as the engine has it."""
    rootfs = found.get("RootFS") or {}
    platform = Platform.normalized(
        str(found.get("Os")), str(found.get("Architecture")), image.platform.variant
    )
    return (
        ("ID", str(store.identity(image)), found.get("Id")),
        ("layers", [str(diff_id) for diff_id in image.diff_ids], list(rootfs.get("Layers") or ())),
        ("platform", image.platform, platform),
    )
