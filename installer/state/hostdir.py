"""A directory of this host's own state: safe to believe, and never half-written.

Owns permissions (as sshd's StrictModes), atomic replacement, durable appending and the lock. Does
not know what the files mean: `installer.trust` and `installer.ledger` do.

Everything goes through the directory's descriptor, so a path that is swapped between two steps
changes nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from installer.running.descriptors import (
    FILE_MODE,
    read_up_to,
    sync_directory,
    write_all,
    write_new,
)
from manifests.errors import NotInstallableHere

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIRECTORY_MODE: Final = 0o755

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_APPEND: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, slots=True)
class HostDirectory:
    """A directory that only root or the current user may change.

    Attributes:
        path: where it is; it need not exist yet.
        room: what it holds, first word of the error codes: `<room>-unsafe`, `<room>-io`,
            `<room>-busy`.
    """

    path: Path
    room: str

    def exists(self) -> bool:
        """Say whether the directory is there; a safe one is not asked for."""
        return os.path.lexists(self.path)

    def create(self) -> None:
        """Make the directory if it is missing, mode 0755.

        Raises:
            NotInstallableHere: `<room>-io`.
        """
        if self.exists():
            return
        with self._reported("can't be made"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self.path.mkdir(mode=DIRECTORY_MODE)
                self.path.chmod(DIRECTORY_MODE)
            sync_directory(self.path.parent)

    def names(self) -> tuple[str, ...]:
        """List what is in the directory, sorted; nothing if it is missing.

        Raises:
            NotInstallableHere: `<room>-unsafe`, `<room>-io`.
        """
        with self._opened() as directory:
            return () if directory is None else tuple(sorted(os.listdir(directory)))  # noqa: PTH208 - by descriptor

    def read(self, name: str, *, limit: int) -> bytes | None:
        """Return the content of a file, None if it is missing.

        Raises:
            NotInstallableHere: `<room>-unsafe` if others may change it or it is a link;
                `<room>-io` also if it is larger than `limit` bytes.
        """
        with self._opened() as directory:
            if directory is None:
                return None
            descriptor = self._open_file(directory, name)
            if descriptor is None:
                return None
            try:
                self._check(os.fstat(descriptor), name, stat.S_IFREG)
                data = read_up_to(descriptor, limit + 1)
            finally:
                os.close(descriptor)
        if len(data) > limit:
            raise self._failed(f"{self.path / name} is larger than {limit} bytes")
        return data

    def write(self, name: str, data: bytes) -> None:
        """Replace a file: afterwards, or after a crash, it is the old one or the new one.

        Raises:
            NotInstallableHere: `<room>-unsafe`, `<room>-io`.
        """
        temporary = f".{name}.new"
        with self._existing() as directory:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=directory)
            try:
                write_new(directory, temporary, data)
                os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
            except OSError:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=directory)
                raise
            os.fsync(directory)

    def append(self, name: str, line: bytes) -> None:
        """Add one line to a file and wait until it is on the disk.

        A line that a crash cut short is ended first, so that it spoils only itself.

        Raises:
            NotInstallableHere: `<room>-unsafe`, `<room>-io`.
        """
        with self._existing() as directory:
            descriptor = os.open(name, _APPEND, FILE_MODE, dir_fd=directory)
            try:
                status = os.fstat(descriptor)
                self._check(status, name, stat.S_IFREG)
                end = status.st_size
                torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
                write_all(descriptor, (b"\n" if torn else b"") + line + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.fsync(directory)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, replacing what has it.

        Raises:
            NotInstallableHere: `<room>-unsafe`, `<room>-io`.
        """
        with self._existing() as directory:
            os.rename(old, new, src_dir_fd=directory, dst_dir_fd=directory)
            os.fsync(directory)

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens if it is missing.

        Raises:
            NotInstallableHere: `<room>-unsafe`, `<room>-io`.
        """
        with self._existing() as directory, suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)
            os.fsync(directory)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process out that asks for the same lock; make the directory if needed.

        The lock ends with the process, however it ends.

        Raises:
            NotInstallableHere: `<room>-busy`, `<room>-unsafe`, `<room>-io`.
        """
        self.create()
        with self._reported("can't be locked"):
            descriptor = self._open()
        if descriptor is None:
            raise self._failed(f"{self.path} does not exist")
        try:
            self._take_lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _take_lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise NotInstallableHere(
                f"{self.room}-busy",
                f"another process is at work in {self.path}",
                hint=f"wait until it has ended; fuser -v {self.path} shows it",
                path=str(self.path),
            ) from err

    @contextmanager
    def _existing(self) -> Iterator[int]:
        with self._opened() as directory:
            if directory is None:
                raise self._failed(f"{self.path} does not exist")
            yield directory

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        """Open and check the directory; None if it is missing; report what the system refuses."""
        with self._reported("can't be used"):
            directory = self._open()
            try:
                yield directory
            finally:
                if directory is not None:
                    os.close(directory)

    def _open(self) -> int | None:
        try:
            directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as err:
            if err.errno in (errno.ELOOP, errno.ENOTDIR):
                raise self._unsafe("", "is a symbolic link or not a directory") from err
            raise
        try:
            self._check(os.fstat(directory), "", stat.S_IFDIR)
            self._check_ancestors()
        except BaseException:
            os.close(directory)
            raise
        return directory

    def _open_file(self, directory: int, name: str) -> int | None:
        try:
            return os.open(name, _READ, dir_fd=directory)
        except FileNotFoundError:
            return None
        except OSError as err:
            if err.errno == errno.ELOOP:
                raise self._unsafe(name, "is a symbolic link") from err
            raise

    def _check_ancestors(self) -> None:
        """Refuse a directory that others could swap as a whole."""
        for parent in self.path.resolve().parents:
            status = parent.stat()
            sticky = bool(status.st_mode & stat.S_ISVTX)
            if not _ours(status) or (status.st_mode & _OTHERS_WRITE and not sticky):
                raise self._unsafe("", f"lies in {parent}, which others may change")

    def _check(self, status: os.stat_result, name: str, kind: int) -> None:
        if stat.S_IFMT(status.st_mode) != kind:
            raise self._unsafe(name, "is not a regular file")
        if not _ours(status):
            raise self._unsafe(
                name, f"belongs to user {status.st_uid}, expected root or {os.geteuid()}"
            )
        if status.st_mode & _OTHERS_WRITE:
            mode = stat.S_IMODE(status.st_mode)
            raise self._unsafe(name, f"has mode {mode:04o}: others may change it")

    def _unsafe(self, name: str, reason: str) -> NotInstallableHere:
        path = self.path / name
        return NotInstallableHere(
            f"{self.room}-unsafe",
            f"{path} {reason}",
            hint=f"chown root:root {path}; chmod go-w {path}; then look at what is in it",
            path=str(path),
        )

    def _failed(self, message: str, hint: str = "") -> NotInstallableHere:
        return NotInstallableHere(f"{self.room}-io", message, hint=hint, path=str(self.path))

    @contextmanager
    def _reported(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as err:
            hint = "run it as root: sudo installer ..." if isinstance(err, PermissionError) else ""
            raise self._failed(f"{self.path} {what}: {err.strerror or err}", hint) from err


def _ours(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())
