"""Files of an image archive that is a tar: found by its headers, read in place.

Links are followed inside the archive only, as `docker save` of Docker 20.10 writes them between
equal layers. A compressed archive is inflated once, into a temporary file.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from bundler.sources import local_errors as errors
from bundler.sources.spool import MAGIC_BYTES, inflated, sniff, spool
from bundler.sources.tarheaders import Member, read_members
from bundler.sources.window import Window
from manifests.mediatype import Compression

MAX_LINKS: Final = 16
"""Links followed for one file."""


class TarFiles:
    """The files of a tar, which is held open; takes over `archive`."""

    def __init__(self, archive: IO[bytes], where: str) -> None:
        self.where = where
        self._archive = archive
        try:
            self._members = _by_name(read_members(archive.fileno(), where), where)
        except BaseException:
            archive.close()
            raise

    def has(self, name: str) -> bool:
        """Tell whether there is a file or link `name`."""
        return name in self._members

    def open(self, name: str) -> Window:
        """Open a regular file, or the one that a link leads to."""
        member = self._follow(name)
        return Window(os.dup(self._archive.fileno()), member.offset, member.size)

    def close(self) -> None:
        """Close the archive; streams already open stay so."""
        self._archive.close()

    def _follow(self, name: str) -> Member:
        step = name
        for _ in range(MAX_LINKS):
            member = self._members.get(step)
            if member is None:
                raise errors.file_missing(self.where, name)
            if not member.target:
                return member
            step = member.target
        raise errors.malformed(self.where, f"{name}: more than {MAX_LINKS} links")


def _by_name(members: Iterable[Member], where: str) -> dict[str, Member]:
    found: dict[str, Member] = {}
    for member in members:
        if found.setdefault(member.name, member) is not member:
            raise errors.malformed(where, f"{member.name} is there twice")
    return found


def open_tar(path: Path, folder: Path) -> TarFiles:
    """Open an archive; a compressed one is inflated first.

    Args:
        path: the archive.
        folder: for the inflated archive, which takes as much space there.

    Raises:
        SourceFailed: it can't be read, or is no archive.
    """
    where = str(path)
    archive = _open_regular(path)
    try:
        compression = sniff(os.pread(archive.fileno(), MAGIC_BYTES, 0), where)
        if compression is not Compression.NONE:
            packed = archive
            with packed:
                archive = spool(folder, inflated(packed, compression, where))
        return TarFiles(archive, where)
    except BaseException:
        archive.close()
        raise


def _open_regular(path: Path) -> IO[bytes]:
    where = str(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise errors.unreadable(where, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise errors.malformed(where, "expected an archive, found a folder, pipe or device")
    return io.FileIO(descriptor)
