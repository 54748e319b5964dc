"""A bundle where it lies, however damaged: a folder, alone or on a drive with a pool.

Finds the file that each name stands for and judges nothing: a name that has no file reads as
zeros. `tarplace` has the one-file form.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from installer.repair.segments import Segment, Segments, cut, size_of
from installer.repair.wanted import WantedFile
from manifests.bundle.layout import BLOBS
from manifests.bundle.pieces import MAX_PIECES, piece_name
from manifests.bundle.pool import FOLDER
from manifests.errors import NotInstallableHere, UsageError


class Place(Protocol):
    """A bundle's files, however damaged."""

    @property
    def path(self) -> str:
        """Where it is, for people."""

    def size(self, name: str) -> int | None:
        """Return how many bytes a file has there; None where there is none."""

    def file(self, name: str, size: int) -> Segments:
        """Return where the bytes of a file lie that should have `size` of them."""

    def expect(self, files: Sequence[WantedFile]) -> None:
        """Learn which files there are, in the order of the one-file form."""

    def misfits(self) -> Sequence[str]:
        """Return the expected files that are not there as a file of their size."""

    def settle(self) -> None:
        """Bring everything around the files in order, after they were written.

        Raises:
            OSError: the medium fails.
        """

    def close(self) -> None:
        """Let go of it."""


class FolderPlace:
    """A bundle's folder."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        self._root = os.open(path, flags)
        self._drive = os.open("..", flags, dir_fd=self._root)
        self._files: tuple[WantedFile, ...] = ()

    def size(self, name: str) -> int | None:
        """Return the size of a file, or of all pieces of a blob."""
        for root, path in self._ways(name):
            if (size := size_of(root, path)) is not None:
                return size
            if found := self._pieces(root, path):
                return sum(found.values())
        return None

    def file(self, name: str, size: int) -> Segments:
        """Return the file, the pieces of the blob, or where it is to be."""
        for root, path in self._ways(name):
            if size_of(root, path) is not None:
                return Segments((Segment(root, path, size),))
            if found := self._pieces(root, path):
                sizes = enumerate(cut(found, size), start=1)
                return Segments(tuple(Segment(root, piece_name(path, n), one) for n, one in sizes))
        root, path = self._home(name)
        return Segments((Segment(root, path, size),))

    def expect(self, files: Sequence[WantedFile]) -> None:
        """Learn which files there are."""
        self._files = tuple(files)

    def misfits(self) -> Sequence[str]:
        """Return the files that are missing or of another size."""
        return [one.name for one in self._files if not self.file(one.name, one.size).fits()]

    def settle(self) -> None:
        """A folder has nothing around its files."""

    def close(self) -> None:
        """Close the folders."""
        os.close(self._root)
        os.close(self._drive)

    def _ways(self, name: str) -> list[tuple[int, str]]:
        """Return where a file may be: in the folder, and a blob in the drive's pool."""
        ways = [(self._root, name)]
        if name.startswith(BLOBS):
            ways.append((self._drive, name))
        return ways

    def _home(self, name: str) -> tuple[int, str]:
        """Return where a missing file belongs: a blob in the pool, if the folder has none."""
        pooled = name.startswith(BLOBS) and not _is_folder(self._root) and _is_folder(self._drive)
        return (self._drive if pooled else self._root), name

    def _pieces(self, root: int, path: str) -> dict[int, int]:
        """Return the sizes of a blob's pieces by number; one or two between may be missing."""
        if not path.startswith(BLOBS):
            return {}
        found: dict[int, int] = {}
        for number in range(1, MAX_PIECES + 1):
            size = size_of(root, piece_name(path, number))
            if size is not None:
                found[number] = size
            elif number - max(found, default=0) > 2:
                break
        return found


def _is_folder(root: int) -> bool:
    try:
        os.close(os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root))
    except OSError:
        return False
    return True


_PARTS = re.compile(r"(.+\.tar)\.[0-9]{3,4}", re.ASCII)


def open_place(path: Path) -> Place:
    """Open a bundle: a folder, `NAME.tar`, or any of its parts.

    Raises:
        NotInstallableHere: `bundle-not-found`.
        UsageError: `repair-pipe`.
    """
    from installer.repair.tarplace import TarPlace  # noqa: PLC0415 - mutual

    if str(path) == "-" or path.is_fifo():
        raise UsageError(
            "repair-pipe",
            "expected a bundle that can be read again, found a pipe",
            hint="save it to a file first",
        )
    try:
        if path.is_dir():
            return FolderPlace(path)
        match = _PARTS.fullmatch(path.name)
        if not path.is_file() and match is None:
            raise FileNotFoundError(2, "nothing")
        return TarPlace(path.with_name(match[1]) if match else path, parted=match is not None)
    except OSError as error:
        raise NotInstallableHere(
            "bundle-not-found",
            f"expected a bundle at {path}, found {error.strerror or error}",
            hint="give the bundle's folder, its .tar, or its first part .tar.001",
        ) from error
