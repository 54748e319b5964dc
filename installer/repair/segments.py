"""Bytes that lie in one file or in consecutive ones, read as far as the medium gives them.

Reads never fail: what is missing or can't be read comes as zeros, for whoever reads to judge by
digest. No symbolic link is followed, no device opened; what stands in the way of a write and is no
regular file is removed first. Several threads may read and write at once.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

SECTOR: Final = 4096
"""Bytes that are given up when a drive can't read them."""

_BASE: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Segment:
    """One file.

    Attributes:
        root: descriptor of the folder that its path is in.
        path: relative, with `/` between folders.
        size: bytes that it should have.
    """

    root: int
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Segments:
    """Files joined.

    Attributes:
        parts: the files.
        start: byte of the whole from which offsets count.
    """

    parts: tuple[Segment, ...] = ()
    start: int = 0

    @property
    def size(self) -> int:
        """Bytes that all of them should have."""
        return sum(part.size for part in self.parts)

    def read(self, offset: int, view: memoryview) -> None:
        """Fill `view` with what is there; with zeros where nothing can be read."""
        done = 0
        for part, at, piece in self._pieces(offset, view):
            _read(part, at, piece)
            done += len(piece)
        view[done:] = bytes(len(view) - done)

    def write(self, offset: int, view: memoryview) -> None:
        """Write all of `view`.

        Raises:
            OSError: the medium is full, read-only or fails.
        """
        for part, at, piece in self._pieces(offset, view):
            with _open(part, os.O_RDWR | os.O_CREAT) as descriptor:
                _write(descriptor, at, piece)

    def fits(self) -> bool:
        """Tell whether every file is a regular one of its size."""
        return all(size_of(part.root, part.path) == part.size for part in self.parts)

    def settle(self, *, executable: bool = False) -> None:
        """Give every file its size, and make the drive write it.

        Args:
            executable: give it an executable bit, where the file system has one.

        Raises:
            OSError: the medium is full, read-only or fails.
        """
        for part in self.parts:
            with _open(part, os.O_RDWR | os.O_CREAT) as descriptor:
                if os.fstat(descriptor).st_size != part.size:
                    os.ftruncate(descriptor, part.size)
                if executable:
                    with suppress(OSError):  # FAT has no such bit; release.json has it
                        os.fchmod(descriptor, 0o755)
                os.fsync(descriptor)
                with suppress(OSError):
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def _pieces(self, offset: int, view: memoryview) -> Iterator[tuple[Segment, int, memoryview]]:
        at = self.start + offset
        for part in self.parts:
            if at < part.size and view:
                count = min(len(view), part.size - at)
                yield part, at, view[:count]
                view = view[count:]
            at = max(0, at - part.size)


def size_of(root: int, path: str) -> int | None:
    """Return a regular file's size; None where there is none."""
    try:
        folder = _open_folder(root, path.split("/")[:-1])
    except OSError:
        return None
    try:
        status = os.stat(path.rpartition("/")[2], dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    finally:
        os.close(folder)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def cut(found: Mapping[int, int], total: int) -> tuple[int, ...]:
    """Return the sizes that numbered pieces of a whole should have.

    What is there is taken as it is if it comes to the whole. Else all pieces but the last are
    taken to be as large as the largest, which is how they are written.

    Args:
        found: size of each piece that is there, by number from 1.
        total: bytes of the whole.
    """
    numbers = range(1, len(found) + 1)
    if all(number in found for number in numbers) and sum(found.values()) == total:
        return tuple(found[number] for number in numbers)
    unit = max(found.values(), default=0) or max(1, total)
    return (*([unit] * (total // unit)), *([total % unit] if total % unit else []))


def _read(part: Segment, offset: int, view: memoryview) -> None:
    try:
        with _open(part, os.O_RDONLY) as descriptor:
            done = _fill(descriptor, offset, view)
    except OSError:
        done = 0
    view[done:] = bytes(len(view) - done)


def _fill(descriptor: int, offset: int, view: memoryview) -> int:
    """Read up to the file's end; return how far that is. Sectors that can't be read are zeros."""
    done, step = 0, len(view)
    while done < len(view):
        piece = view[done : done + step]
        try:
            count = os.preadv(descriptor, [piece], offset + done)
        except OSError:
            if len(piece) <= SECTOR:
                piece[:] = bytes(len(piece))
                done += len(piece)
            step = SECTOR
            continue
        if not count:
            break
        done += count
    return done


def _write(descriptor: int, offset: int, view: memoryview) -> None:
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count


@contextmanager
def _open(part: Segment, flags: int) -> Iterator[int]:
    """Open a segment's file; to write, its folders are made and what is no file goes."""
    *folders, last = part.path.split("/")
    writing = bool(flags & os.O_CREAT)
    folder = _open_folder(part.root, folders, make=writing)
    try:
        if writing:
            _make_way(last, folder)
        descriptor = os.open(last, flags | _BASE, 0o644, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{part.path} is no regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _open_folder(root: int, folders: Sequence[str], *, make: bool = False) -> int:
    folder = os.dup(root)
    try:
        for name in folders:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=folder)
            deeper = os.open(name, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = deeper
    except OSError:
        os.close(folder)
        raise
    return folder


def _make_way(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            os.rmdir(name, dir_fd=folder)
        elif not stat.S_ISREG(mode):
            os.unlink(name, dir_fd=folder)
