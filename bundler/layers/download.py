"""One layer's bytes from its source into a partial file that can be read while it grows.

A download that breaks off, with the program or the machine, goes on from the partial file next
time: its bytes are hashed again, the rest is asked for by offset. Nothing is believed before the
whole has its digest. Builds that share a cache take turns at a partial file.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundler.cache import Cache
from bundler.progress import Progress, Stage
from bundler.sources import ImageSource
from manifests.digest import Digest, Hash, new_hash
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

    @property
    def subject(self) -> str:
        """The layer's name for progress and messages."""
        return self.descriptor.digest.short


class Download:
    """A blob on its way; `run` in one thread, `read` in any number of others."""

    def __init__(self, wanted: Wanted, cache: Cache) -> None:
        self.wanted = wanted
        self._cache = cache
        self._path = cache.partial_path(wanted.descriptor.digest)
        self._size = wanted.descriptor.size
        self._file = -1
        self._available = 0
        self._done = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()

    def run(self, progress: Progress) -> None:
        """Fetch what is missing; a failure is raised in the readers' threads."""
        try:
            with self._cache.guarded():
                self._fetch(progress)
        except BaseException as error:  # noqa: BLE001 - crosses to the readers' threads
            self._tell(failure=error)
        else:
            self._tell(done=True)

    def abandon(self) -> None:
        """Free whoever waits in `read`, and make `run` stop at the next piece."""
        self._tell(failure=SourceFailed("cancelled", "the download was given up"))

    def discard(self) -> None:
        """Forget the partial file; readers keep what they have open."""
        self._path.unlink(missing_ok=True)

    def keep(self) -> bool:
        """Make what was read to its end the cache's blob, without a copy; False if it can't be."""
        file = self._reopen()
        try:
            return self._cache.link(file, self.wanted.descriptor.digest)
        finally:
            os.close(file)

    def close(self) -> None:
        """Let go of the partial file; nobody will begin to read."""
        with self._changed:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def read(self) -> Iterator[bytes]:
        """Yield the bytes as they come; raises at the end unless they hash to their digest.

        Raises:
            SourceFailed: `digest-mismatch`, `size-mismatch`, or what the source raised.
        """
        offset, file = 0, -1
        try:
            while self._wait_beyond(offset):
                file = self._reopen() if file < 0 else file
                piece = os.pread(file, PIECE, offset)
                offset += len(piece)
                yield piece
        finally:
            if file >= 0:
                os.close(file)

    def _reopen(self) -> int:
        with self._changed:
            self._raise_failure()
            return os.dup(self._file)

    def _wait_beyond(self, offset: int) -> bool:
        """Wait until there is more than `offset` bytes; False at the verified end."""
        with self._changed:
            self._changed.wait_for(lambda: self._failure or self._done or self._available > offset)
            self._raise_failure()
            return self._available > offset

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

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
        digest, subject = self.wanted.descriptor.digest, self.wanted.subject
        with self._turn(progress) as file:
            progress.start(Stage.FETCH, subject, self._size)
            hasher = new_hash()
            have = self._rehash(file, hasher)
            progress.advance(Stage.FETCH, subject, have)
            if have < self._size:
                self._append(file, hasher, have, progress)
            found = Digest.from_hash(hasher)
            if found != digest:
                self.discard()
                kept = "; a part of it was kept from an earlier run" if have else ""
                raise self._lies("digest-mismatch", f"its bytes hash to {found}{kept}")
            progress.finish(Stage.FETCH, subject)

    @contextmanager
    def _turn(self, progress: Progress) -> Iterator[int]:
        """Open the partial file, alone among builds; one that is finished can be had by others."""
        told = f"waiting for another build that fetches layer {self.wanted.subject}"
        file = _open_locked(self._path, self._size, lambda: progress.note(told))
        try:
            with self._changed:
                self._raise_failure()
                self._file = os.dup(file)
            yield file
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
            os.close(file)

    def _rehash(self, file: int, hasher: Hash) -> int:
        """Hash what an earlier run left."""
        offset = 0
        while piece := os.pread(file, PIECE, offset):
            hasher.update(piece)
            offset += len(piece)
        self._tell(available=offset)
        return offset

    def _append(self, file: int, hasher: Hash, offset: int, progress: Progress) -> None:
        wanted = self.wanted
        with wanted.source.open_blob(wanted.reference, wanted.descriptor, offset) as stream:
            while piece := stream.read(PIECE):
                self._raise_failure()
                if offset + len(piece) > self._size:
                    self.discard()
                    raise self._lies("size-mismatch", f"expected {self._size} bytes, found more")
                hasher.update(piece)
                _write_all(file, piece, offset)
                offset += len(piece)
                self._tell(available=offset)
                progress.advance(Stage.FETCH, wanted.subject, len(piece))
        if offset < self._size:
            self.discard()
            raise self._lies("size-mismatch", f"expected {self._size} bytes, found {offset}")

    def _lies(self, code: str, reason: str) -> SourceFailed:
        digest = self.wanted.descriptor.digest
        return SourceFailed(
            code,
            f"{self.wanted.reference.familiar}: layer {digest}: {reason}",
            hint="run the same command again; if it stays so, the source is damaged or lies",
            digest=str(digest),
        )


def _open_locked(path: Path, size: int, tell_waiting: Callable[[], None]) -> int:
    """Open for reading and writing, made if absent, under a lock; waits for whoever has it.

    A file with more than `size` bytes is no beginning of the blob and is replaced.
    """
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell_waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        status = os.fstat(file)
        if status.st_nlink and status.st_size <= size:
            return file
        if status.st_nlink:
            path.unlink()
        os.close(file)


def _write_all(file: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(file, view, offset)
        offset, view = offset + count, view[count:]
