"""Digests of a bundle's files, computed by threads that may begin before anyone asks for them.

Owns the threads. Judges nothing: what a digest should be is for `contents` to compare. Loads
nothing that takes time to load, so that the drive is read while the rest of a program starts.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from manifests.bundle.medium import Medium
from manifests.bundle.reading import read_exactly
from manifests.digest import Digest, new_hash

BUFFER: Final = 1024 * 1024
"""Bytes read at once: fits a core's cache, so that hashing reads no memory."""
MAX_THREADS: Final = 8

Advance = Callable[[int], None]
"""Told of bytes done; may raise to cancel."""


class Digesting:
    """The digests of files of a medium that is not sequential."""

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        self._pool = ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1), "digest")
        self._futures: dict[str, Future[Digest]] = {}
        self._lock = threading.Lock()
        self._untold = 0
        self._advance: Advance | None = None
        self._stopped = False

    def begin(self, files: Iterable[tuple[str, int]]) -> None:
        """Read these files too, the largest first.

        Args:
            files: name and bytes.
        """
        for name, size in sorted(files, key=lambda file: -file[1]):
            if name not in self._futures:
                self._futures[name] = self._pool.submit(self._digest, name, size)

    def tell(self, advance: Advance) -> None:
        """Call `advance`, from several threads, with what was and what will be read."""
        with self._lock:
            untold, self._untold, self._advance = self._untold, 0, advance
        if untold:
            advance(untold)

    def wait(self, name: str) -> Digest:
        """Return the digest of a file that was begun.

        Raises:
            BundleRefused: `bundle-truncated`, `file-missing`, `medium-unreadable`.
        """
        return self._futures[name].result()

    def stop(self) -> None:
        """End the threads; what they read is not asked for any more."""
        self._stopped = True
        self._pool.shutdown(cancel_futures=True)

    def _digest(self, name: str, size: int) -> Digest:
        hasher, left = new_hash(), size
        buffer = memoryview(bytearray(min(BUFFER, size)))
        with self._medium.open(name) as stream:
            while left and not self._stopped:
                view = buffer[: min(BUFFER, left)]
                read_exactly(stream, view, name)
                hasher.update(view)
                left -= len(view)
                self._count(len(view))
        return Digest.from_hash(hasher)

    def _count(self, size: int) -> None:
        with self._lock:
            advance = self._advance
            self._untold += 0 if advance else size
        if advance is not None:
            advance(size)
