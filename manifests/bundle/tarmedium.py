"""A bundle in its one-file form: a tar, whole, in numbered parts, or from a pipe.

Gives names, sizes and streams of its members; nothing is unpacked. The grammar is in `tarform`.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from manifests.bundle.medium import MAX_ENTRIES, missing, not_regular, refuse_extra
from manifests.bundle.tarform import BLOCK, next_header, padding, part_name, skip, truncated
from manifests.errors import BundleRefused

_PART = re.compile(r"(.+\.tar)\.([0-9]{3,4})", re.ASCII)


def join_parts(path: Path) -> Parts:
    """Open `path`, together with the parts that follow it when it is the first of several.

    Raises:
        BundleRefused: `part-missing`: it is a later part, or one between is not there.
        OSError: it can't be opened.
    """
    match = _PART.fullmatch(path.name)
    if match is None:
        return Parts([path])
    base = match[1]
    if path.name != part_name(base, 1):
        raise BundleRefused(
            "part-missing", f"expected the first part, found {path.name}", hint=f"give {base}.001"
        )
    numbers = sorted(_part_numbers(path.parent, base))
    if numbers != list(range(1, len(numbers) + 1)):
        gap = next(n for n in range(1, numbers[-1]) if n not in numbers)
        raise BundleRefused("part-missing", f"{part_name(base, gap)} is not there")
    return Parts([path.parent / part_name(base, n) for n in numbers])


def _part_numbers(folder: Path, base: str) -> Iterator[int]:
    for entry in folder.iterdir():
        match = _PART.fullmatch(entry.name)
        if match and match[1] == base and entry.name == part_name(base, int(match[2])):
            yield int(match[2])


class Parts:
    """One or more files read as one, at any offset, from several threads."""

    def __init__(self, paths: list[Path]) -> None:
        self._files: list[io.FileIO] = []
        try:
            for path in paths:
                self._files.append(_open_regular(path))
        except (OSError, BundleRefused):
            self.close()
            raise
        self._sizes = [file.seek(0, io.SEEK_END) for file in self._files]
        self.size = sum(self._sizes)

    def readinto_at(self, view: memoryview, offset: int) -> int:
        """Fill `view` from `offset`, at most to the end of the part that it is in."""
        for file, size in zip(self._files, self._sizes, strict=True):
            if offset < size:
                return os.preadv(file.fileno(), [view[: size - offset]], offset)
            offset -= size
        return 0

    def forget(self) -> None:
        """Let the system drop the parts' pages."""
        for file in self._files:
            with suppress(OSError):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Close every part."""
        for file in self._files:
            file.close()


def _open_regular(path: Path) -> io.FileIO:
    """Open a file without waiting for a pipe or device in its place."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise not_regular(path.name, "another kind of file")
    return io.FileIO(descriptor)


class _Member(io.RawIOBase):
    """One member of a seekable tar; also the archive itself, from 0 to its end."""

    def __init__(self, archive: Parts, offset: int, size: int) -> None:
        super().__init__()
        self._archive = archive
        self.position = offset
        self._start = offset
        self._end = offset + size

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to an offset in the member."""
        base = {io.SEEK_SET: self._start, io.SEEK_CUR: self.position, io.SEEK_END: self._end}
        self.position = max(self._start, base[whence] + offset)
        return self.position - self._start

    def readinto(self, buffer: Any, /) -> int:
        """Read up to the member's end."""
        with memoryview(buffer) as view:
            count = self._archive.readinto_at(view[: self._end - self.position], self.position)
        self.position += count
        return count


class _Passing(io.RawIOBase):
    """One member of a tar that comes through a pipe."""

    def __init__(self, archive: io.RawIOBase, size: int) -> None:
        super().__init__()
        self._archive = archive
        self.left = size

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read up to the member's end."""
        with memoryview(buffer) as view:
            count = self._archive.readinto(view[: self.left]) or 0
        self.left -= count
        return count


class TarMedium:
    """A bundle as a seekable tar: headers are read at once, contents when asked.

    Takes over `archive`.
    """

    sequential = False

    def __init__(self, archive: Parts, path: str) -> None:
        self.path = path
        self.litter: tuple[str, ...] = ()
        self._archive = archive
        try:
            self._members = _members(archive, path)
        except BaseException:
            archive.close()
            raise
        self.sizes: Mapping[str, int] = {name: size for name, (_, size) in self._members.items()}

    def open(self, name: str) -> io.RawIOBase:
        """Open a member."""
        if name not in self._members:
            raise missing(name, self.path)
        return _Member(self._archive, *self._members[name])

    def peek(self) -> str | None:
        """A seekable archive is read in any order."""
        return None

    def expect(self, names: frozenset[str]) -> None:
        """Refuse any other file."""
        refuse_extra(self.sizes, names, self.path)

    def forget(self, name: str) -> None:
        """Let the system drop the whole archive's pages; a member has none of its own."""
        if name not in self._members:
            raise missing(name, self.path)
        self._archive.forget()

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()


def _members(archive: Parts, path: str) -> dict[str, tuple[int, int]]:
    """Return offset and size of each member, by name."""
    members: dict[str, tuple[int, int]] = {}
    cursor = _Member(archive, 0, archive.size)
    while (found := next_header(cursor, path)) is not None:
        name, size = found
        if name in members:
            raise BundleRefused("file-extra", f"{path}: {name} is there twice", file=name)
        members[name] = (cursor.position, size)
        cursor.position += size + -size % BLOCK
        if cursor.position > archive.size:
            raise truncated(path, name)
        if len(members) > MAX_ENTRIES:
            raise BundleRefused("file-extra", f"{path}: more than {MAX_ENTRIES} files")
    return members


class PipeMedium:
    """A bundle that comes through a pipe: files are met in order and can't be met again."""

    sequential = True
    path = "-"

    def __init__(self, archive: io.RawIOBase) -> None:
        self._archive = archive
        self._current: _Passing | None = None
        self._tail = b""
        self._pending: str | None = None
        self._ended = False
        self._expected: frozenset[str] | None = None
        self.sizes: dict[str, int] = {}
        self.litter: tuple[str, ...] = ()

    def peek(self) -> str | None:
        """Return the name of the next file, or None at the end."""
        if self._pending is None and not self._ended:
            self._advance()
        return self._pending

    def open(self, name: str) -> io.RawIOBase:
        """Open the file `name`, passing over any before it that nobody asked for.

        Raises:
            BundleRefused: `file-missing`: it does not come any more.
        """
        while (found := self.peek()) is not None:
            window = self._current
            self._pending = None
            if found == name and window is not None:
                return window
        raise missing(name, "the pipe, from here on,")

    def expect(self, names: frozenset[str]) -> None:
        """Refuse any other file, when it comes."""
        refuse_extra(self.sizes, names, self.path)
        self._expected = names

    def forget(self, name: str) -> None:
        """What passes through a pipe is held by no one."""

    def close(self) -> None:
        """Close the pipe."""
        self._archive.close()

    def _advance(self) -> None:
        if self._current is not None:
            left, self._current.left = self._current.left, 0
            skip(self._archive, left + len(self._tail), self.path)
        member = next_header(self._archive, self.path)
        if member is None:
            self._ended = True
            return
        name, size = member
        if name in self.sizes:
            raise BundleRefused("file-extra", f"pipe: {name} comes twice", file=name)
        if self._expected is not None:
            refuse_extra([name], self._expected, "pipe")
        self.sizes[name] = size
        self._current = _Passing(self._archive, size)
        self._tail = padding(size)
        self._pending = name
