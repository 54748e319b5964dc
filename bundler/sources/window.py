"""A stretch of an open file as a stream of its own: how local sources hand out blobs.

Each window owns a descriptor and keeps its own position, so that several threads read one file.
"""

from __future__ import annotations

import os
from typing import Protocol, Self

from bundler.sources import local_errors as errors


class Window:
    """Bytes `start` to `start + size` of a file; owns `descriptor`. Closed by its `with` block."""

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self.size = size
        self._descriptor = descriptor
        self._position = start
        self._end = start + size

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; empty at the end, also when the file was cut meanwhile."""
        data = os.pread(self._descriptor, min(size, self._end - self._position), self._position)
        self._position += len(data)
        return data

    def skip(self, count: int) -> None:
        """Go on `count` bytes further, at most to the end."""
        self._position = min(self._position + count, self._end)

    def close(self) -> None:
        """Close the descriptor; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class Files(Protocol):
    """Files by name, in a folder or in a tar: what a layout or an archive is made of.

    Attributes:
        where: the place, for messages.
    """

    where: str

    def has(self, name: str) -> bool:
        """Tell whether there is a file `name`."""

    def open(self, name: str) -> Window:
        """Open a regular file.

        Raises:
            SourceFailed: it is not there, is not a regular file, or can't be read.
        """

    def close(self) -> None:
        """Let go of what is held open."""


def read_document(files: Files, name: str, limit: int) -> bytes:
    """Return a small file.

    Raises:
        SourceFailed: it is not there, or larger than `limit`.
    """
    with files.open(name) as window:
        if window.size > limit:
            raise errors.too_large(files.where, name, limit, window.size)
        pieces: list[bytes] = []
        while piece := window.read(limit):
            pieces.append(piece)
    data = b"".join(pieces)
    if len(data) != window.size:
        raise errors.truncated(files.where, name)
    return data
