"""Temporary files without a name: bytes that are needed more than once, gone with the process.

Bounded where a compressed file could stand for any number of bytes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from bundler.layers.recompress import inflate
from bundler.sources import local_errors as errors
from manifests.errors import SourceFailed
from manifests.mediatype import Compression

PIECE: Final = 1024 * 1024
MAX_RATIO: Final = 2000
"""Bytes that one byte of a compressed file may stand for, beyond `FREE_BYTES`."""
FREE_BYTES: Final = 1024 * 1024 * 1024
MAGIC_BYTES: Final = 8

_MAGIC = {b"\x1f\x8b": Compression.GZIP, b"\x28\xb5\x2f\xfd": Compression.ZSTD}
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz"}


def sniff(magic: bytes, where: str) -> Compression:
    """Tell how a file is compressed by its first `MAGIC_BYTES`.

    Raises:
        SourceFailed: in a way that we don't read.
    """
    for start, name in _OTHERS.items():
        if magic.startswith(start):
            raise errors.malformed(where, f"expected tar, gzip or zstd, found {name}")
    found = (kind for start, kind in _MAGIC.items() if magic.startswith(start))
    return next(found, Compression.NONE)


def spool(folder: Path, pieces: Iterable[bytes]) -> IO[bytes]:
    """Write `pieces` to a temporary file in `folder` and return it.

    Raises:
        SourceFailed: `source-unreadable`: no space, or no such folder.
    """
    try:
        out = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - the caller's
    except OSError as error:
        raise errors.unwritable(str(folder), error) from error
    try:
        for piece in pieces:
            _write_all(out.fileno(), piece, folder)
    except BaseException:
        out.close()
        raise
    return out


def inflated(archive: IO[bytes], compression: Compression, where: str) -> Iterator[bytes]:
    """Yield what a compressed file holds.

    Raises:
        SourceFailed: it can't be inflated, or to more than compressors make of honest data.
    """
    left = max(FREE_BYTES, MAX_RATIO * os.fstat(archive.fileno()).st_size)
    try:
        for piece in inflate(iter(lambda: archive.read(PIECE), b""), compression):
            left -= len(piece)
            if left < 0:
                raise errors.malformed(where, f"inflates to more than {MAX_RATIO} times its size")
            yield piece
    except SourceFailed as error:
        if error.code != "layer-malformed":
            raise
        raise errors.malformed(
            where, f"can't be inflated: {compression} data is damaged"
        ) from error


def _write_all(descriptor: int, data: bytes, folder: Path) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise errors.unwritable(str(folder), error) from error
