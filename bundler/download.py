"""One layer's bytes from its source into a partial file that can be read while it grows.

A download that breaks off, with the program or the machine, goes on from the partial file next
time: its bytes are hashed again, the rest is asked for by offset. Nothing is believed before the
whole has its digest.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundler.progress import Progress, Stage
from bundler.sources import ImageSource
from manifests.digest import Digest, Hash, digest_mismatch, new_hash
from manifests.errors import SourceFailed
from manifests.oci import Descriptor
from manifests.reference import Reference

PIECE: Final = 512 * 1024
"""Bytes read from a source at once."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A layer to be had.

    Attributes:
        source: where it is.
        reference: image that names it.
        descriptor: digest and size that it must have.
    """

    source: ImageSource
    reference: Reference
    descriptor: Descriptor


class Download:
    """A blob on its way; `run` in one thread, `read` in another."""

    def __init__(self, wanted: Wanted, path: Path) -> None:
        self.wanted = wanted
        self.path = path
        self._size = wanted.descriptor.size
        self._available = 0
        self._done = False
        self._failure: BaseException | None = None
        self._abandoned = False
        self._changed = threading.Condition()

    def run(self, progress: Progress) -> None:
        """Fetch what is missing; a failure is raised in the reader's thread."""
        try:
            if not self._abandoned:
                self._fetch(progress)
        except BaseException as error:  # noqa: BLE001 - crosses to the reader's thread
            self._tell(failure=error)
        else:
            self._tell(done=True)

    def abandon(self) -> None:
        """Free whoever waits in `read`, and make `run` stop at the next piece."""
        self._abandoned = True
        self._tell(failure=SourceFailed("cancelled", "the download was given up"))

    def read(self) -> Iterator[bytes]:
        """Yield the bytes as they come; raises at the end unless they hash to their digest.

        Raises:
            SourceFailed: `digest-mismatch`, `size-mismatch`, or what the source raised.
        """
        offset = 0
        file = None
        try:
            while self._wait_beyond(offset):
                file = file or self.path.open("rb", buffering=0)
                if piece := file.read(PIECE):
                    offset += len(piece)
                    yield piece
        finally:
            if file is not None:
                file.close()

    def _wait_beyond(self, offset: int) -> bool:
        """Wait until there is more than `offset` bytes; False at the verified end."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure or self._done or self._available > offset)
            if self._failure is not None:
                raise self._failure
            return self._available > offset

    def _tell(
        self,
        *,
        available: int | None = None,
        done: bool = False,
        failure: BaseException | None = None,
    ) -> None:
        with self._changed:
            self._available = self._available if available is None else available
            self._done, self._failure = self._done or done, self._failure or failure
            self._changed.notify_all()

    def _fetch(self, progress: Progress) -> None:
        descriptor, subject = self.wanted.descriptor, self.wanted.descriptor.digest.short
        progress.start(Stage.FETCH, subject, self._size)
        with self.path.open("ab+", buffering=0) as file:
            _lock(file.fileno(), self.path)
            hasher = new_hash()
            have = self._rehash(file.fileno(), hasher)
            progress.advance(Stage.FETCH, subject, have)
            if have < self._size:
                self._append(file.fileno(), hasher, have, progress)
        found = Digest.from_hash(hasher)
        if found != descriptor.digest:
            self.path.unlink(missing_ok=True)
            raise _lies(self.wanted, str(digest_mismatch("layer", descriptor.digest, found)))
        progress.finish(Stage.FETCH, subject)

    def _rehash(self, file: int, hasher: Hash) -> int:
        """Hash what an earlier run left; start over when it is too much."""
        size = os.fstat(file).st_size
        if size > self._size:
            os.ftruncate(file, 0)
            return 0
        offset = 0
        while piece := os.pread(file, PIECE, offset):
            hasher.update(piece)
            offset += len(piece)
        self._tell(available=offset)
        return offset

    def _append(self, file: int, hasher: Hash, offset: int, progress: Progress) -> None:
        subject = self.wanted.descriptor.digest.short
        wanted = self.wanted
        with wanted.source.open_blob(wanted.reference, wanted.descriptor, offset) as stream:
            while piece := stream.read(PIECE):
                if self._abandoned:
                    return
                offset += len(piece)
                if offset > self._size:
                    os.ftruncate(file, 0)
                    raise _lies(wanted, f"expected {self._size} bytes, found more")
                hasher.update(piece)
                _write_all(file, piece)
                self._tell(available=offset)
                progress.advance(Stage.FETCH, subject, len(piece))
        if offset < self._size and not self._abandoned:
            raise _lies(wanted, f"expected {self._size} bytes, found {offset}")


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _lock(file: int, path: Path) -> None:
    """Keep other builds from the same partial file; wait for them."""
    fcntl.flock(file, fcntl.LOCK_EX)
    if not path.exists() or path.stat().st_ino != os.fstat(file).st_ino:
        raise SourceFailed(
            "cache-busy",
            f"another build finished the layer {path.name[:12]} just now",
            hint="run the same command again",
        )


def _lies(wanted: Wanted, reason: str) -> SourceFailed:
    digest = wanted.descriptor.digest
    return SourceFailed(
        "digest-mismatch",
        f"{wanted.reference.familiar}: layer {digest.short}: {reason}",
        hint="the source is damaged or lies; try another",
        digest=str(digest),
    )
