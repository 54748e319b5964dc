"""Step 6 of believing a bundle: every remaining byte, by digest, on all cores.

Each file is hashed whole, as `sha256sum -c SHA256SUMS` does; only when one does not match is it
read again to name the damaged chunks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from manifests.chunks import (
    chunked_file,
    damaged,
    find_damaged,
    read_exactly,
    verified_chunks,
)
from manifests.digest import Digest, digest_mismatch, new_hash
from manifests.errors import BundleRefused
from manifests.seal import SealedRelease

BUFFER: Final = 1024 * 1024
"""Bytes read at once: fits a core's cache, so that hashing reads no memory."""
MAX_THREADS: Final = 8

Advance = Callable[[int], None]
"""Told of bytes done; may raise to cancel."""


def check_contents(
    sealed: SealedRelease, advance: Advance, names: frozenset[str] | None = None
) -> int:
    """Read and check the layers and files, and return the bytes read.

    Args:
        sealed: whose documents were checked before.
        advance: called from several threads with the number of bytes just checked.
        names: only these files; None for all.

    Raises:
        BundleRefused: `chunk-damaged`, naming the file and the first bad chunk, or
            `bundle-truncated`, `file-missing`, `medium-unreadable`.
    """
    files = [(name, size) for name, size in _remaining(sealed) if names is None or name in names]
    if sealed.medium.sequential:
        for name, size in files:
            _check_passing(sealed, name, size, advance)
        while sealed.medium.peek() is not None:
            sealed.medium.open(str(sealed.medium.peek())).close()
    else:
        _check_parallel(sealed, sorted(files, key=lambda item: -item[1]), advance)
    return sum(size for _, size in files)


def _remaining(sealed: SealedRelease) -> list[tuple[str, int]]:
    """Every file that `open_sealed` has not read, in the order of the one-file form."""
    blobs = [blob for blob in sealed.release.blobs() if blob.digest not in sealed.documents]
    files = [(file.name, file.size) for file in sealed.release.files]
    return files + [(blob.name, blob.size) for blob in blobs]


def _check_parallel(sealed: SealedRelease, files: list[tuple[str, int]], advance: Advance) -> None:
    failed = threading.Event()

    def check(item: tuple[str, int]) -> None:
        if failed.is_set():
            return
        try:
            _check_file(sealed, *item, advance)
        except BaseException:
            failed.set()
            raise

    threads = min(MAX_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, "verify") as pool:
        for future in [pool.submit(check, item) for item in files]:
            future.result()


def _check_file(sealed: SealedRelease, name: str, size: int, advance: Advance) -> None:
    hasher, left = new_hash(), size
    buffer = memoryview(bytearray(BUFFER))
    with sealed.medium.open(name) as stream:
        while left:
            view = buffer[: min(BUFFER, left)]
            read_exactly(stream, view, name)
            hasher.update(view)
            left -= len(view)
            advance(len(view))
    if Digest.from_hash(hasher) != sealed.sums.files[name]:
        raise _name_damage(sealed, name, size, Digest.from_hash(hasher))


def _name_damage(sealed: SealedRelease, name: str, size: int, found: Digest) -> BundleRefused:
    expected = sealed.sums.files[name]
    file = chunked_file(sealed.release, name, size, expected)
    bad = find_damaged(sealed.medium, file)
    return damaged(file, bad[0], found) if bad else digest_mismatch(name, expected, found)


def _check_passing(sealed: SealedRelease, name: str, size: int, advance: Advance) -> None:
    file = chunked_file(sealed.release, name, size, sealed.sums.files[name])
    for chunk in verified_chunks(sealed.medium, file):
        advance(len(chunk))
