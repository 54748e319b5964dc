"""A blob in numbered pieces, for file systems that take no file of its size: `<hex>.001`, ...

Owns the names of pieces and how they are read as one. Opens nothing and believes nothing: the
blob's digest is over the joined bytes and is for others to check.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from manifests.bundle.layout import BLOBS
from manifests.errors import BundleRefused

PIECE_SIZE: Final = 1024**3
"""Bytes of every piece but the last, as they are written; any size is read."""
MAX_PIECES: Final = 999

_PIECE = re.compile(rf"({re.escape(BLOBS)}[0-9a-f]{{64}})\.([0-9]{{3}})", re.ASCII)


def piece_name(name: str, number: int) -> str:
    """Return the file name of a blob's piece, counted from 1."""
    return f"{name}.{number:03d}"


def join_names(sizes: Mapping[str, int]) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    """Put the pieces of each blob together.

    Args:
        sizes: bytes of each file that was found, by its path in the bundle.

    Returns:
        The sizes of whole files and joined blobs, and the pieces of each joined blob in order.

    Raises:
        BundleRefused: `part-missing`: a piece between others is not there; `file-extra`: a blob
            is there both whole and in pieces.
    """
    numbers: dict[str, set[int]] = {}
    for name in sizes:
        if match := _PIECE.fullmatch(name):
            numbers.setdefault(match[1], set()).add(int(match[2]))
    pieces = {name: tuple(_complete(name, found)) for name, found in numbers.items()}
    parts = {part for names in pieces.values() for part in names}
    joined = {name: size for name, size in sizes.items() if name not in parts}
    for name, names in pieces.items():
        if name in joined:
            raise BundleRefused(
                "file-extra", f"{name} is there whole and in pieces", file=piece_name(name, 1)
            )
        joined[name] = sum(sizes[one] for one in names)
    return joined, pieces


def _complete(name: str, numbers: set[int]) -> Iterator[str]:
    for number in range(1, max(numbers) + 1):
        if number not in numbers:
            raise BundleRefused(
                "part-missing",
                f"{piece_name(name, number)} is not there",
                hint="copy the bundle again from where it came",
                file=piece_name(name, number),
            )
        yield piece_name(name, number)


class OpenFile(io.FileIO):
    """A file that is read; what its drive says when it is closed is of no account."""

    def close(self) -> None:
        """Close it."""
        with suppress(OSError):
            super().close()


class Joined(io.RawIOBase):
    """Open files read as one, from any offset. Takes them over."""

    def __init__(self, files: Sequence[io.FileIO]) -> None:
        super().__init__()
        self._files = tuple(files)
        self._sizes = [file.seek(0, io.SEEK_END) for file in self._files]
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to an offset in the whole."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: sum(self._sizes)}
        self._position = max(0, base[whence] + offset)
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Read at most to the end of the piece that the position is in."""
        start = self._position
        for file, size in zip(self._files, self._sizes, strict=True):
            if start < size:
                file.seek(start)
                with memoryview(buffer) as view:
                    count = file.readinto(view[: size - start]) or 0
                self._position += count
                return count
            start -= size
        return 0

    @property
    def files(self) -> tuple[io.FileIO, ...]:
        """The pieces."""
        return self._files

    def close(self) -> None:
        """Close every piece."""
        for file in self._files:
            file.close()
        super().close()


def drop_pages(file: io.RawIOBase) -> None:
    """Let the system drop what it holds in memory of an open file, or of each of its pieces."""
    for one in file.files if isinstance(file, Joined) else (file,):
        with suppress(OSError):
            os.posix_fadvise(one.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
