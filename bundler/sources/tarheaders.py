"""Headers of a seekable tar of strangers: what lies in it and where; nothing is unpacked.

Takes what container tools write: ustar, GNU long names and base-256 sizes, pax records `path`,
`linkpath` and `size`; regular files, links and folders. Anything else is refused, and so are names
that lead out of the archive and sparse files, whose bytes are not the file's.

Source: POSIX.1-2001 pax interchange format; GNU tar manual, "Standard format".
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bundler.sources import local_errors as errors

BLOCK: Final = 512
MAX_ENTRIES: Final = 100_000
"""Headers of one archive, long names and pax records included."""
MAX_EXTENSION: Final = 1024 * 1024
"""Bytes of one long name or set of pax records."""
MAX_NAME: Final = 4096

_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE)


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file or a link.

    Attributes:
        name: without `./` in front.
        offset: of its first byte in the archive.
        size: bytes.
        target: where a link points to, from the archive's root; empty for a file.
    """

    name: str
    offset: int
    size: int
    target: str = ""


@dataclass(frozen=True, slots=True)
class _Extension:
    """What a long name or pax records say of the next member."""

    name: str | None = None
    link: str | None = None
    size: int | None = None


def read_members(descriptor: int, where: str) -> Iterator[Member]:
    """Yield the files and links of an archive, in order.

    Raises:
        SourceFailed: it is no tar, is cut off, or holds what is refused.
    """
    end = os.fstat(descriptor).st_size
    position, extension = 0, _Extension()
    for _ in range(MAX_ENTRIES):
        info = _header(descriptor, position, where)
        if info is None:
            return
        start, size = position + BLOCK, info.size
        if info.type in _REGULAR and extension.size is not None:
            size = extension.size
        position = start + size + -size % BLOCK
        if size < 0 or position > end:
            raise errors.truncated(where, info.name or "a file")
        content = _extension(descriptor, info, start, where)
        if content is not None:
            extension = _joined(extension, content)
            continue
        member = _member(info, extension, start, size, where)
        extension = _Extension()
        if member is not None:
            yield member
    raise errors.malformed(where, f"more than {MAX_ENTRIES} entries")


def _header(descriptor: int, position: int, where: str) -> tarfile.TarInfo | None:
    """Return the header at `position`; None for the block that ends an archive."""
    block = os.pread(descriptor, BLOCK, position)
    if len(block) < BLOCK:
        raise errors.truncated(where, "its list of files" if position else "its first header")
    if not any(block):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError) as error:
        raise errors.malformed(
            where, f"expected a tar header at byte {position}: {error}"
        ) from error


def _extension(descriptor: int, info: tarfile.TarInfo, start: int, where: str) -> _Extension | None:
    """Return what an extension header says of the next member; None for any other header."""
    if info.type == tarfile.XGLTYPE:
        return _Extension()
    if info.type not in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
        return None
    if info.size > MAX_EXTENSION:
        raise errors.malformed(where, f"a header of {info.size} bytes")
    data = os.pread(descriptor, info.size, start)
    if info.type == tarfile.XHDTYPE:
        return _pax(data, where)
    text = data.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    if info.type == tarfile.GNUTYPE_LONGNAME:
        return _Extension(name=text)
    return _Extension(link=text)


def _pax(data: bytes, where: str) -> _Extension:
    records = _pax_records(data, where)
    if any(key.startswith("GNU.sparse") for key in records):
        raise errors.malformed(where, "a sparse file")
    size = records.get("size", "")
    if size and not (size.isascii() and size.isdecimal() and len(size) < 20):
        raise errors.malformed(where, f"a size of {size[:40]!r}")
    return _Extension(records.get("path"), records.get("linkpath"), int(size) if size else None)


def _pax_records(data: bytes, where: str) -> Mapping[str, str]:
    """Parse `<length> <key>=<value>` lines; the length counts itself and the line's end."""
    records: dict[str, str] = {}
    position = 0
    while position < len(data):
        digits = data[position : position + 8].partition(b" ")[0]
        length = int(digits) if digits.isdigit() else 0
        line = data[position + len(digits) + 1 : position + length]
        key, equals, value = line.removesuffix(b"\n").partition(b"=")
        if not equals or not line.endswith(b"\n") or position + length > len(data):
            raise errors.malformed(where, "pax records that can't be read")
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        position += length
    return records


def _joined(first: _Extension, second: _Extension) -> _Extension:
    changes = {
        name: value
        for name in ("name", "link", "size")
        if (value := getattr(second, name)) is not None
    }
    return replace(first, **changes)


def _member(
    info: tarfile.TarInfo, extension: _Extension, start: int, size: int, where: str
) -> Member | None:
    name = clean_name(info.name if extension.name is None else extension.name)
    if info.type == tarfile.DIRTYPE:
        return None
    if not name:
        raise errors.malformed(where, f"{info.name[:300]!r} leads out of the archive")
    if info.type in _REGULAR:
        return Member(name, start, size)
    if info.type not in _LINKS or size:
        raise errors.not_regular(where, name, f"a tar entry of type {info.type!r}")
    link = info.linkname if extension.link is None else extension.link
    folder = name.rpartition("/")[0] if info.type == tarfile.SYMTYPE else ""
    target = "" if link.startswith("/") else clean_name(f"{folder}/{link}".lstrip("/"))
    if not target:
        raise errors.malformed(where, f"the link {name} leads out of the archive")
    return Member(name, start, 0, target)


def clean_name(name: str) -> str:
    """Return a name from the archive's root without `.` and `..`; empty if it leads out."""
    parts: list[str] = []
    if name.startswith("/") or len(name) > MAX_NAME:
        return ""
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
