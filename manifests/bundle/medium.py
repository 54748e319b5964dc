"""A bundle where it lies: a directory, one tar file, numbered parts of one, or a pipe.

Gives names, sizes and streams, and believes nothing: only regular files under names that a bundle
can have, no symbolic link followed, no device opened, nothing ever unpacked. What the bytes are
is for `seal` and `chunks` to check.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from manifests.bundle.drivefaults import FAILING, unreadable
from manifests.bundle.layout import is_litter
from manifests.bundle.pieces import Joined, OpenFile, drop_pages, join_names
from manifests.bundle.pool import Pool
from manifests.errors import BundleRefused, NotInstallableHere

MAX_ENTRIES: Final = 100_000
"""Files of one bundle."""
MAX_DEPTH: Final = 100
"""Folders below the bundle's root: as many as a name of 200 characters can have."""

_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Medium(Protocol):
    """A bundle's files."""

    @property
    def path(self) -> str:
        """Where it lies, for people."""

    @property
    def sequential(self) -> bool:
        """Whether files can only be opened in the order in which they come, each once."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes of each file by name; of a sequential medium only what was seen so far."""

    @property
    def litter(self) -> Sequence[str]:
        """What operating systems left there; never read."""

    def open(self, name: str) -> io.RawIOBase:
        """Open a file for reading, unbuffered.

        Raises:
            BundleRefused: `file-missing`, `entry-not-regular`, or `medium-unreadable`.
        """

    def peek(self) -> str | None:
        """Return the name of the next file of a sequential medium; None at its end."""

    def expect(self, names: frozenset[str]) -> None:
        """Refuse every file but these, now and, of a sequential medium, when they come.

        Raises:
            BundleRefused: `file-extra`.
        """

    def forget(self, name: str) -> None:
        """Let the system drop what it holds of a file in memory, so that the drive is read again.

        Raises:
            BundleRefused: as `open`.
        """

    def close(self) -> None:
        """Let go of what is held open."""


def missing(name: str, where: str) -> BundleRefused:
    """Build the error for a file that a bundle must have and has not."""
    return BundleRefused(
        "file-missing",
        f"{where}: expected {name}, found none",
        hint="copy the bundle again from where it came",
        file=name,
        found="no such file",
    )


def refuse_extra(found: Iterable[str], expected: frozenset[str], where: str) -> None:
    """Refuse the first file that is not expected.

    Raises:
        BundleRefused: `file-extra`.
    """
    extra = min((name for name in found if name not in expected), default=None)
    if extra is not None:
        raise BundleRefused(
            "file-extra",
            f"{where}: {extra} was not signed",
            hint="remove it, or copy the bundle again from where it came",
            file=extra,
        )


def not_regular(name: str, kind: str) -> BundleRefused:
    """Build the error for links, devices and other things that no bundle has."""
    return BundleRefused(
        "entry-not-regular", f"{name}: expected a regular file, found {kind}", file=name
    )


class DirectoryMedium:
    """A bundle as a directory; the root is held open, names are looked up beneath it.

    Blobs may lie in pieces, and those that the directory lacks in the pool beside it, which the
    releases on a drive share.
    """

    sequential = False

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.litter: list[str] = []
        self._pooled: dict[str, tuple[str, ...]] = {}
        self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._pool = Pool(self._root)
        try:
            self.sizes, self._pieces = join_names(self._scan())
        except BaseException:
            self.close()
            raise

    def open(self, name: str) -> io.RawIOBase:
        """Open a file beneath the root, or a blob in the pool; links are not followed."""
        if name in self._pooled:
            files = [(self._pool.descriptor, one) for one in self._pooled[name]]
        else:
            files = [(self._root, one) for one in self._pieces.get(name, (name,))]
        opened: list[io.FileIO] = []
        try:
            for folder, one in files:
                opened.append(self._open_file(folder, one, name))
            return opened[0] if len(opened) == 1 else Joined(opened)
        except BaseException:
            for file in opened:
                file.close()
            raise

    def _open_file(self, root: int, path: str, name: str) -> io.FileIO:
        *folders, last = path.split("/")
        if ".." in folders or last in ("", ".", ".."):
            raise missing(name, self.path)
        folder = os.dup(root)
        try:
            for part in folders:
                deeper = os.open(part, _OPEN_FLAGS | os.O_DIRECTORY, dir_fd=folder)
                os.close(folder)
                folder = deeper
            return _regular_file(os.open(last, _OPEN_FLAGS, dir_fd=folder), name)
        except OSError as error:
            raise self._open_error(name, error) from error
        finally:
            with suppress(OSError):
                os.close(folder)

    def peek(self) -> str | None:
        """A directory has no order."""
        return None

    def expect(self, names: frozenset[str]) -> None:
        """Refuse any other file, and look in the pool for the blobs that are not here."""
        refuse_extra(self.sizes, names, self.path)
        for name in names - self.sizes.keys():
            if found := self._pool.find(name):
                sizes = [_regular_size(one, status) for one, status in found.items()]
                self._pooled[name] = tuple(found)
                self.sizes[name] = sum(sizes)

    def forget(self, name: str) -> None:
        """Let the system drop a file's pages."""
        with self.open(name) as file:
            drop_pages(file)

    def close(self) -> None:
        """Close the root and the pool."""
        self._pool.close()
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def _scan(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        pending = [("", 0)]
        while pending:
            folder, depth = pending.pop()
            for entry, status in self._entries(folder):
                name = f"{folder}{entry}"
                if is_litter(name):
                    self.litter.append(name)
                elif stat.S_ISDIR(status.st_mode):
                    pending.append((f"{name}/", _deeper(name, depth)))
                else:
                    sizes[name] = _regular_size(name, status)
            if len(sizes) + len(pending) > MAX_ENTRIES:
                raise BundleRefused("file-extra", f"{self.path}: more than {MAX_ENTRIES} files")
        return sizes

    def _entries(self, folder: str) -> list[tuple[str, os.stat_result]]:
        descriptor = os.open(
            folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=self._root
        )
        try:
            with os.scandir(descriptor) as entries:
                first = islice(entries, MAX_ENTRIES + 1)
                return [(entry.name, entry.stat(follow_symlinks=False)) for entry in first]
        finally:
            os.close(descriptor)

    def _open_error(self, name: str, error: OSError) -> BundleRefused:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return missing(name, self.path)
        if error.errno in FAILING:
            return unreadable(name, error)
        kind = "a symbolic link" if error.errno == errno.ELOOP else str(error.strerror)
        return not_regular(name, kind)


def _regular_file(descriptor: int, name: str) -> io.FileIO:
    """Take over what was opened; close it if it is no regular file."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        os.close(descriptor)
        raise
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise not_regular(name, "another kind of file")
    return OpenFile(descriptor)


def _deeper(name: str, depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise BundleRefused("file-extra", f"{name}: folders nested deeper than {MAX_DEPTH}")
    return depth + 1


def _regular_size(name: str, status: os.stat_result) -> int:
    kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    kinds |= {stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise not_regular(name, kinds.get(kind, "another kind of file"))
    return status.st_size


def open_medium(path: Path) -> Medium:
    """Open a bundle: a directory, `NAME.tar`, the first of its parts `NAME.tar.001`, or `-`.

    Raises:
        NotInstallableHere: `bundle-not-found`.
        BundleRefused: there is something, but no bundle.
    """
    from manifests.bundle.tarmedium import PipeMedium, TarMedium, join_parts  # noqa: PLC0415 - mutual

    try:
        if str(path) == "-":
            return PipeMedium(_pipe(os.dup(0)))
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return DirectoryMedium(path)
        if stat.S_ISFIFO(status.st_mode):
            return PipeMedium(_pipe(os.open(path, os.O_RDONLY | os.O_CLOEXEC)))
        return TarMedium(join_parts(path), str(path))
    except PermissionError as error:
        raise NotInstallableHere(
            "bundle-not-found",
            f"expected a bundle at {path} that this user may read, found {error.strerror}",
            hint="run it as root, or give this user the right to read the bundle",
        ) from error
    except OSError as error:
        if error.errno in FAILING:
            raise unreadable(str(path), error) from error
        raise NotInstallableHere(
            "bundle-not-found",
            f"expected a bundle at {path}, found {error.strerror or error}",
            hint="give the bundle's folder, its .tar, its first part .tar.001, or - for a pipe",
        ) from error


def _pipe(descriptor: int) -> io.FileIO:
    """Return a stream that waits for its writer, whatever an earlier user of the pipe had set."""
    os.set_blocking(descriptor, True)
    return io.FileIO(descriptor)
