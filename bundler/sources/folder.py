"""Files of an image layout that is a folder: looked up beneath it, no link followed.

A folder may be a stranger's: a symbolic link in it must not make us read, and bundle, a file of
this machine.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from bundler.sources import local_errors as errors
from bundler.sources.window import Window

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FolderFiles:
    """The files beneath a folder, which is held open."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        try:
            self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            self._root = -1
            raise errors.unreadable(self.where, error) from error

    def has(self, name: str) -> bool:
        """Tell whether something lies at `name`, whatever it is."""
        with suppress(FileNotFoundError, NotADirectoryError):
            os.stat(name, dir_fd=self._root, follow_symlinks=False)
            return True
        return False

    def open(self, name: str) -> Window:
        """Open a regular file; no part of its path may be a symbolic link."""
        descriptor = self._descend(name)
        status = os.fstat(descriptor)
        window = Window(descriptor, 0, status.st_size)
        if not stat.S_ISREG(status.st_mode):
            window.close()
            raise errors.not_regular(self.where, name, "another kind of file")
        return window

    def close(self) -> None:
        """Close the folder; may be called again."""
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def __del__(self) -> None:
        self.close()

    def _descend(self, name: str) -> int:
        *folders, last = name.split("/")
        folder = os.dup(self._root)
        try:
            for part in folders:
                deeper = os.open(part, _FLAGS | os.O_DIRECTORY, dir_fd=folder)
                os.close(folder)
                folder = deeper
            return os.open(last, _FLAGS, dir_fd=folder)
        except FileNotFoundError as error:
            raise errors.file_missing(self.where, name) from error
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise errors.not_regular(
                    self.where, name, "a symbolic link or no folder"
                ) from error
            raise errors.unreadable(f"{self.where}/{name}", error) from error
        finally:
            os.close(folder)
