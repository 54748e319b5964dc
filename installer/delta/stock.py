"""Old layers' tars, copied to where they can be read at any place; each proved by its diff ID.

Owns a folder in the state directory, which lives as long as a load. What an engine or an old bundle
gives is believed only after it was hashed.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from installer.delta.needs import Regain
from installer.engines.base import Engine
from installer.running.expand import expand
from installer.running.source import BundleSource
from manifests.digest import Digest, new_hash
from manifests.errors import BundleRefused, EngineFailed, NotInstallableHere
from manifests.patchform import ReadOld
from manifests.quantities import bytes_text
from manifests.release import LayerRecord
from manifests.seals.seal import SealedRelease

Tell = Callable[[int], None]
"""Called with bytes copied; may raise to break off."""

PREFIX: Final = "old-layers-"
_PIECE: Final = 1024 * 1024


class Stock:
    """The old layers of one load."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._folder: Path | None = None
        self._filled = False
        self._files: dict[Digest, Path] = {}

    def fill(self, regain: Regain, engine: Engine, tell: Tell) -> None:
        """Copy everything that is needed.

        Args:
            regain: what, and where it is.
            engine: has the layers of `regain.copied`.
            tell: called with bytes copied.

        Raises:
            EngineFailed: `engine-export`: a layer is not what its diff ID says.
            BundleRefused: of the old bundle.
            NotInstallableHere: `old-layers-io`: there is no room.
        """
        by_image: dict[Digest, list[LayerRecord]] = {}
        for one in regain.copied:
            by_image.setdefault(one.image, []).append(one.layer)
        with self._reported():
            self.clear()
            self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._state))
            if regain.old is not None:
                self._unpack(regain.old.sealed, regain.unpacked, tell)
            for image, layers in by_image.items():
                self._copy_out(engine, image, layers, tell)
        self._filled = True

    @property
    def is_filled(self) -> bool:
        """Whether all is here."""
        return self._filled

    def __contains__(self, diff_id: Digest) -> bool:
        return diff_id in self._files

    def read(self, diff_id: Digest) -> Iterator[memoryview]:
        """Yield a layer's tar; a view is valid until the next."""
        view = memoryview(bytearray(_PIECE))
        with self._files[diff_id].open("rb", buffering=0) as file:
            while count := file.readinto(view):
                yield view[:count]

    @contextmanager
    def opened(self, diff_id: Digest) -> Iterator[ReadOld]:
        """Give a way to read a layer's tar at any place."""
        with self._files[diff_id].open("rb", buffering=0) as file:
            yield partial(_read_at, file.fileno())

    def clear(self) -> None:
        """Remove all of it, and what a killed run has left: one run at a time has the ledger."""
        for folder in self._state.glob(f"{PREFIX}*"):
            shutil.rmtree(folder, ignore_errors=True)
        self._folder, self._filled = None, False
        self._files.clear()

    def _unpack(self, sealed: SealedRelease, layers: Sequence[LayerRecord], tell: Tell) -> None:
        source = BundleSource(sealed, lambda _: None, lambda *_: None)
        for layer in layers:
            self._copy(source.unpacked(layer), {layer.diff_id}, tell)

    def _copy_out(
        self, engine: Engine, image: Digest, layers: Sequence[LayerRecord], tell: Tell
    ) -> None:
        wanted = {layer.diff_id for layer in layers}
        for layer, chunks in engine.copies(image, layers):
            try:
                self._copy(expand(layer, chunks), wanted, tell)
            except BundleRefused:
                continue  # not what it was taken for; told below if no other is
            if all(one.diff_id in self._files for one in layers):
                return
        for layer in layers:
            if layer.diff_id not in self._files:
                raise _not_found(engine, image, layer)

    def _copy(self, pieces: Iterable[memoryview], wanted: set[Digest], tell: Tell) -> None:
        """Write a tar; keep it if it is one of those wanted."""
        descriptor, name = tempfile.mkstemp(dir=self._folder)
        path, hasher = Path(name), new_hash()
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    hasher.update(piece)
                    file.write(piece)
                    tell(len(piece))
            found = Digest.from_hash(hasher)
            if found in wanted:
                path.rename(self._files.setdefault(found, path.with_name(found.hex)))
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotInstallableHere(
                "old-layers-io",
                f"{error.filename or self._state}: expected to copy old layers there:"
                f" {error.strerror or error}",
                hint="free space there, or bring the complete bundle",
            ) from error


def _read_at(descriptor: int, offset: int, view: memoryview) -> None:
    while view:
        count = os.preadv(descriptor, [view], offset)
        if not count:
            raise OSError(errno.EIO, "an old layer's copy is cut off")
        view, offset = view[count:], offset + count


def _not_found(engine: Engine, image: Digest, layer: LayerRecord) -> EngineFailed:
    return EngineFailed(
        "engine-export",
        f"{engine.name}: expected layer {layer.diff_id}, {bytes_text(layer.uncompressed)}, in the"
        f" engine's export of {image}, found none that matches",
        hint="give the old bundle: --base-bundle BUNDLE, or bring the complete bundle",
        layer=str(layer.diff_id),
    )
