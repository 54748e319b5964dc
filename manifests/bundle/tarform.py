"""The tar grammar of a bundle's one-file form: its headers, written and read.

Headers are written and read strictly: plain regular files (POSIX ustar, GNU base-256 sizes), no
extension headers, no links. Source: POSIX.1-2001 pax, GNU tar manual ("Standard format").
"""

from __future__ import annotations

import io
import tarfile
from typing import Final

from manifests.bundle.medium import MAX_ENTRIES, not_regular
from manifests.errors import BundleRefused

BLOCK: Final = 512
_SKIP: Final = 1024 * 1024
_SIZE = slice(124, 136)
_CHECKSUM = slice(148, 156)


def header(name: str, size: int, *, executable: bool = False) -> bytes:
    """Return the 512-byte tar header of a regular file: owner root, time 0.

    A name of over 100 characters is split as ustar does, never told in an extension header.
    """
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o755 if executable else 0o644
    if len(name) <= tarfile.LENGTH_NAME:
        return info.tobuf(format=tarfile.GNU_FORMAT, encoding="ascii", errors="strict")
    info.size = 0
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT, encoding="ascii", errors="strict"))
    block[_SIZE] = _size_field(size)
    block[_CHECKSUM] = b" " * 8
    block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return bytes(block)


def _size_field(size: int) -> bytes:
    """Return a size as eleven octal digits, or binary when they don't suffice (GNU base-256)."""
    return b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")


def padding(size: int) -> bytes:
    """Return the zeros that fill a member's last block."""
    return bytes(-size % BLOCK)


END: Final = bytes(2 * BLOCK)
"""What ends an archive."""


def part_name(base: str, number: int) -> str:
    """Return the file name of a part, counted from 1."""
    return f"{base}.{number:03d}"


def next_header(archive: io.RawIOBase, path: str) -> tuple[str, int] | None:
    """Return the next regular file's name and size; None at the end-of-archive block."""
    for _ in range(MAX_ENTRIES):
        block = _exactly(archive, BLOCK, path)
        if block == bytes(BLOCK):
            return None
        try:
            info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise BundleRefused(
                "not-a-bundle", f"{path}: expected a tar header: {error}"
            ) from error
        name = info.name.removeprefix("./")
        if info.type == tarfile.DIRTYPE and info.size == 0:
            continue
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.size < 0:
            raise not_regular(name, f"tar entry of type {info.type!r}")
        return name, info.size
    raise BundleRefused("file-extra", f"{path}: more than {MAX_ENTRIES} folders")


def _exactly(archive: io.RawIOBase, count: int, path: str) -> bytes:
    data = bytearray()
    while len(data) < count:
        more = _read(archive, count - len(data), path)
        if not more:
            raise truncated(path, "a header")
        data += more
    return bytes(data)


def skip(archive: io.RawIOBase, count: int, path: str) -> None:
    """Read and drop `count` bytes."""
    while count:
        data = _read(archive, min(count, _SKIP), path)
        if not data:
            raise truncated(path, "a file")
        count -= len(data)


def _read(archive: io.RawIOBase, count: int, path: str) -> bytes:
    try:
        return archive.read(count) or b""
    except OSError as error:
        raise BundleRefused(
            "medium-unreadable",
            f"{path}: {error.strerror or error}",
            hint="try another port or drive, or copy the bundle again",
        ) from error


def truncated(path: str, where: str) -> BundleRefused:
    """Build the error for an archive that ends too early."""
    return BundleRefused(
        "bundle-truncated",
        f"{path}: ends inside {where}",
        hint="copy the bundle again from where it came",
    )
