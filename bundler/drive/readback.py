"""Reads files back from a drive itself, not from the memory in which the kernel keeps copies.

Past the page cache (O_DIRECT) where the file system can; elsewhere after the pages were dropped,
and then says so.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from manifests.digest import Digest, Hash, new_hash

BUFFER: Final = 4 * 1024 * 1024

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class MediumReader:
    """Digests of files as the medium has them.

    Attributes:
        direct: whether everything so far was read past the page cache.
        count: bytes read.
    """

    def __init__(self, advance: Callable[[str, int], None]) -> None:
        self.direct = True
        self.count = 0
        self._advance = advance

    def digest(self, name: str, paths: Sequence[Path]) -> Digest:
        """Return the digest of files joined.

        Raises:
            OSError: one is not there, or can't be read.
        """
        hasher = new_hash()
        for path in paths:
            with _aligned() as buffer:
                for count in self._read(path, buffer):
                    self._take(hasher, buffer[:count])
                    self._advance(name, count)
        return Digest.from_hash(hasher)

    def holds(self, path: Path, data: bytes) -> bool:
        """Tell whether a small file is there and is what it should be.

        Raises:
            OSError: it can't be read.
        """
        try:
            return self.digest(path.name, [path]) == Digest.of(data)
        except FileNotFoundError:
            return False

    def _take(self, hasher: Hash, view: memoryview) -> None:
        with view:
            hasher.update(view)
            self.count += len(view)

    def _read(self, path: Path, buffer: memoryview) -> Iterator[int]:
        """Fill the buffer again and again; yield how many bytes it holds."""
        descriptor, offset = self._open(path), 0
        try:
            size = os.fstat(descriptor).st_size
            while offset < size:
                try:
                    count = os.preadv(descriptor, [buffer], offset)
                except OSError as error:
                    if error.errno != errno.EINVAL or not self.direct:
                        raise
                    descriptor = self._reopened(descriptor, path)
                    continue
                if not count:
                    return
                offset += count
                yield count
        finally:
            os.close(descriptor)

    def _open(self, path: Path) -> int:
        plain = os.open(path, _FLAGS)
        with suppress(OSError):
            os.fsync(plain)
        with suppress(OSError):
            os.posix_fadvise(plain, 0, 0, os.POSIX_FADV_DONTNEED)
        if not self.direct:
            return plain
        try:
            direct = os.open(path, _FLAGS | os.O_DIRECT)
        except OSError as error:
            if error.errno != errno.EINVAL:
                os.close(plain)
                raise
            self.direct = False
            return plain
        os.close(plain)
        return direct

    def _reopened(self, descriptor: int, path: Path) -> int:
        """Go on without O_DIRECT, which this file system takes only to refuse each read."""
        self.direct = False
        plain = self._open(path)
        os.close(descriptor)
        return plain


@contextmanager
def _aligned() -> Iterator[memoryview]:
    """Give a buffer that begins on a page, as O_DIRECT asks."""
    with mmap.mmap(-1, BUFFER) as memory, memoryview(memory) as view:
        yield view
