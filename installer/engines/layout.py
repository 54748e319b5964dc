"""A directory as an engine: an OCI image layout that other tools can read from.

Owns the directory. A blob is written beside its place, synced and renamed there after its last
chunk was checked; `index.json` names an image only after all of it is there. What other tools put
there stays. One installer at a time: a lock file keeps others out, and whoever holds it removes
what a killed one left.

Source: OCI image-spec, image-layout.md.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from installer.engines.base import Delivery, EngineInfo, Presence, Source, Stack, Store
from installer.engines.layoutindex import LayoutIndex
from installer.engines.namechange import NameChange
from manifests.bundle import layout
from manifests.digest import Digest
from manifests.errors import EngineFailed, NotInstallableHere
from manifests.release import BlobRecord, ImageRecord, LayerRecord, Release

LOCK: Final = ".moonlift.lock"
TEMPORARY: Final = ".moonlift-"
_PIECE: Final = 1024 * 1024
_INDEX_LIMIT: Final = 16 * 1024 * 1024


class LayoutEngine:
    """An OCI image layout at `root`; made when the first image comes."""

    store = Store.LAYOUT

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.name = f"layout:{root}"

    @property
    def address(self) -> str:
        """By its folder."""
        return self.name

    def info(self) -> EngineInfo:
        """Return where it is; it runs nothing, so images for any platform may lie there."""
        existing = next(path for path in (self.root, *self.root.parents) if path.is_dir())
        where = f"layout:{self.root.resolve()}"
        return EngineInfo("layout", "", self.store, "directory", None, existing, where)

    def presence(
        self, images: Sequence[ImageRecord], keep: Mapping[Digest, str], known: Sequence[Release]
    ) -> Presence:
        """Look for the blobs: a blob enters under its name only whole, so its size tells."""
        del keep, known
        layers = [layer for image in images for layer in image.layers]
        there = frozenset(layer.digest for layer in layers if self._has(layer))
        whole = frozenset(
            self.store.identity(image) for image in images if all(map(self._has, image.blobs))
        )
        return Presence(self.store, whole, there, self._index().names)

    def stacks(self) -> tuple[Stack, ...]:
        """Return none: layers are known by their blobs here."""
        return ()

    def copies(
        self, image: Digest, layers: Sequence[LayerRecord]
    ) -> Iterator[tuple[LayerRecord, Iterator[memoryview]]]:
        """Read the blobs."""
        del image
        for layer in layers:
            if self._has(layer):
                yield layer, self._read(layer)

    def names(self, image: ImageRecord) -> tuple[str, ...]:
        """Return the image's one name."""
        return (image.name,)

    def load(self, delivery: Delivery, source: Source) -> None:
        """Write the missing blobs, layers first, the target last."""
        with self._working():
            for layer in delivery.missing:
                self._write(layer, source.stored(layer))
            for record in reversed(delivery.image.documents):
                self._write(record, iter((memoryview(source.document(record.digest)),)))
            source.at_work(delivery.image, "")

    def set_names(self, changes: Sequence[NameChange], source: Source) -> None:
        """Replace index.json once, in one step: there is nothing that could have to be put back."""
        del source
        with self._working():
            index = self._index()
            for change in changes:
                index = index.with_image(change.image, change.name)
            self._replace_index(index)

    def remove_name(self, name: str) -> None:
        """Replace index.json by one without `name`; its blobs stay."""
        with self._working():
            self._replace_index(self._index().without(name))

    def close(self) -> None:
        """Nothing is held open."""

    def _has(self, record: BlobRecord) -> bool:
        try:
            status = (self.root / record.name).lstat()
        except OSError:
            return False
        return status.st_size == record.size

    def _read(self, record: BlobRecord) -> Iterator[memoryview]:
        view = memoryview(bytearray(_PIECE))
        try:
            with (self.root / record.name).open("rb", buffering=0) as file:
                while count := file.readinto(view):
                    yield view[:count]
        except OSError as error:
            raise self._failed(error) from error

    def _write(self, record: BlobRecord, chunks: Iterator[memoryview]) -> None:
        path = self.root / record.name
        temporary = path.with_name(f"{TEMPORARY}{path.name}")
        try:
            with temporary.open("wb", buffering=0) as file:
                for chunk in chunks:
                    _write_all(file.fileno(), chunk)
                os.fsync(file.fileno())
            temporary.rename(path)
            _sync(path.parent)
        except OSError as error:
            raise self._failed(error) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _index(self) -> LayoutIndex:
        try:
            with (self.root / layout.INDEX).open("rb") as file:
                return LayoutIndex.parse(file.read(_INDEX_LIMIT + 1), limit=_INDEX_LIMIT)
        except FileNotFoundError:
            return LayoutIndex()
        except OSError as error:
            raise self._failed(error) from error

    def _replace_index(self, index: LayoutIndex) -> None:
        """Write it beside its place and rename it; what fails after that fails nothing."""
        temporary = self.root / f"{TEMPORARY}{layout.INDEX}"
        try:
            with temporary.open("wb", buffering=0) as file:
                _write_all(file.fileno(), memoryview(index.encode()))
                os.fsync(file.fileno())
            temporary.rename(self.root / layout.INDEX)
            _sync(self.root)
        except OSError as error:
            raise self._failed(error) from error

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Hold the lock on a directory that is a layout, clean of what a killed run left."""
        try:
            (self.root / layout.BLOBS).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise self._failed(error) from error
        try:
            self._lock(descriptor)
            self._prepare()
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NotInstallableHere(
                "layout-busy",
                f"another process is writing to {self.root}",
                hint="wait until it has ended",
            ) from error

    def _prepare(self) -> None:
        for folder in (self.root, self.root / layout.BLOBS):
            for stale in folder.glob(f"{TEMPORARY}*"):
                stale.unlink(missing_ok=True)
        marker = self.root / layout.OCI_LAYOUT
        if not marker.exists():
            marker.write_bytes(layout.OCI_LAYOUT_BYTES)

    def _failed(self, error: OSError) -> EngineFailed:
        return EngineFailed(
            "layout-io",
            f"{error.filename or self.root}: {error.strerror or error}",
            hint="is there space, and may this user write there?",
        )


def _write_all(descriptor: int, chunk: memoryview) -> None:
    while chunk:
        chunk = chunk[os.write(descriptor, chunk) :]


def _sync(folder: Path) -> None:
    """Let a rename in `folder` reach the disk soon, where it can be asked for."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
