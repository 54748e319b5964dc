"""The archive that an engine exports an image as, read as it passes: names, sizes, bytes.

Owns the tar grammar of engines, which is wider than ours: folders, links and extension headers are
passed over. Believes nothing: whoever takes bytes from here compares their digest.

Source: POSIX.1-2001 pax ("size" of files over 8 GiB), Go's archive/tar, which engines write with.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from installer.running.expand import ChunkReader
from manifests.bundle.tarform import BLOCK, padding
from manifests.errors import EngineFailed

MAX_MEMBERS: Final = 100_000
EXTENSION_LIMIT: Final = 1024 * 1024
"""Bytes of an extension header."""
_PIECE: Final = 1024 * 1024
_EXTENSIONS: Final = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME)
_PAX_SIZE: Final = re.compile(rb"(?:^|\n)\d{1,6} size=(\d{1,19})\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class Exported:
    """A regular file of the archive.

    Attributes:
        name: as the engine wrote it.
        size: bytes.
        chunks: its bytes; a view is valid until the next. What is not taken is passed over.
    """

    name: str
    size: int
    chunks: Iterator[memoryview]


class Export:
    """An archive on its way out of an engine."""

    def __init__(self, engine: str, chunks: Iterator[bytes]) -> None:
        self._engine = engine
        self._reader = ChunkReader(memoryview(chunk) for chunk in chunks)
        self._view = memoryview(bytearray(_PIECE))

    def files(self) -> Iterator[Exported]:
        """Yield each regular file.

        Raises:
            EngineFailed: `engine-export`: it is no archive, or ends too early.
        """
        size: int | None = None
        for _ in range(MAX_MEMBERS):
            info = self._header()
            if info is None:
                return
            if info.type in _EXTENSIONS:
                size = self._pax_size(info)
                continue
            count = info.size if size is None else size
            size = None
            if not info.isreg():
                self._take(0 if info.islnk() or info.issym() or info.isdir() else count)
                continue
            chunks = self._content(count)
            yield Exported(info.name, count, chunks)
            for _ in chunks:
                pass
            self._take(len(padding(count)))
        raise self._failed(f"it has more than {MAX_MEMBERS} files")

    def _header(self) -> tarfile.TarInfo | None:
        block = self._exactly(BLOCK)
        if block == bytes(BLOCK):
            return None
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "replace")
        except tarfile.HeaderError as error:
            raise self._failed(f"it is no archive: {error}") from error

    def _pax_size(self, info: tarfile.TarInfo) -> int | None:
        if info.size > EXTENSION_LIMIT:
            raise self._failed("an extension header is too large")
        data = self._exactly(info.size)
        self._take(len(padding(info.size)))
        found = _PAX_SIZE.search(data) if info.type == tarfile.XHDTYPE else None
        return int(found[1]) if found else None

    def _content(self, size: int) -> Iterator[memoryview]:
        while size:
            count = self._reader.readinto(self._view[: min(size, _PIECE)])
            if not count:
                raise self._failed("it ends inside a file")
            size -= count
            yield self._view[:count]

    def _take(self, size: int) -> None:
        for _ in self._content(size):
            pass

    def _exactly(self, size: int) -> bytes:
        return b"".join(bytes(piece) for piece in self._content(size))

    def _failed(self, reason: str) -> EngineFailed:
        return EngineFailed(
            "engine-export",
            f"{self._engine}: the engine's export of an image can't be read: {reason}",
            hint="look at the engine's log, or give the old bundle: --base-bundle",
        )
