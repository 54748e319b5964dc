"""A bundle as a list of files that are yet to be written: name, bytes or path, digests.

`pack` makes the list, `sign` adds to it, `write` puts it on a disk. Immutable, no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from manifests.chunks import ChunkedFile, ChunkHasher
from manifests.digest import Digest


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a bundle.

    Attributes:
        file: its name, its size in bytes, the digest of each chunk.
        digest: of the whole.
        content: its bytes, or where they are; what is read from a path is checked by chunk.
        executable: whether it gets an executable bit.
    """

    file: ChunkedFile
    digest: Digest
    content: bytes | Path = field(repr=False)
    executable: bool = False

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
