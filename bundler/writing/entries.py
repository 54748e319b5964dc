"""A bundle as a list of files that are yet to be written: name, bytes or path, digests.

`pack` makes the list, `sign` adds to it, `write` puts it on a disk. Immutable; reads no content.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from manifests.bundle.chunks import ChunkedFile, ChunkHasher
from manifests.digest import Digest


@dataclass(frozen=True, slots=True)
class Witness:
    """How a file was when its bytes were hashed: whoever writes to it changes one of these.

    Attributes:
        device: of its file system.
        inode: its number there.
        size: bytes.
        modified: nanoseconds of the last write.
        changed: nanoseconds of the last change of any kind; no program can set it.
    """

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, file: Path | int) -> Self:
        """Look at a file, by its path or open."""
        status = os.stat(file)  # noqa: PTH116 - of a descriptor too
        return cls(
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a bundle.

    Attributes:
        file: its name, its size in bytes, the digest of each chunk.
        digest: of the whole.
        content: its bytes, or where they are; what is read from a path is checked by chunk.
        executable: whether it gets an executable bit.
        witness: how the file at the path was when this very run hashed it; a file that still is
            so is not hashed again. None if it was hashed by an earlier run.
    """

    file: ChunkedFile
    digest: Digest
    content: bytes | Path = field(repr=False)
    executable: bool = False
    witness: Witness | None = None

    @property
    def name(self) -> str:
        """Its path in the bundle."""
        return self.file.name


def bytes_entry(name: str, data: bytes) -> Entry:
    """Return the entry of a small file that is held in memory."""
    hasher = ChunkHasher()
    hasher.update(data)
    chunks = tuple(map(Digest, hasher.finish()))
    return Entry(ChunkedFile(name, len(data), chunks), Digest.of(data), data)
