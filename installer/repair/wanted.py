"""The files that a bundle must have, each with the digests that prove it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from manifests.bundle.chunks import ChunkedFile, chunked_file
from manifests.bundle.layout import RELEASE, SUMS
from manifests.bundle.paritystream import covered_files
from manifests.bundle.sums import Sums
from manifests.digest import Digest
from manifests.errors import BundleRefused
from manifests.release import CHUNK_SIZE, Release


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a file that one digest proves.

    Attributes:
        name: of the file in the bundle.
        number: which of its chunks.
        offset: of the first byte in the file.
        length: bytes.
        digest: that they must have.
    """

    name: str
    number: int
    offset: int
    length: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class WantedFile:
    """One file.

    Attributes:
        file: its name, its size and the digest of each chunk.
        digest: of the whole.
        executable: whether it has an executable bit.
    """

    file: ChunkedFile = field(repr=False)
    digest: Digest
    executable: bool = False

    @property
    def name(self) -> str:
        """Its path in the bundle."""
        return self.file.name

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.file.size

    def chunks(self) -> Iterator[Chunk]:
        """Yield its chunks; an empty file has none."""
        many = len(self.file.chunks) > 1
        for number, digest in enumerate(self.file.chunks if self.size else ()):
            offset = number * CHUNK_SIZE
            length = min(CHUNK_SIZE, self.size - offset) if many else self.size
            yield Chunk(self.name, number, offset, length, digest)

    def chunk_at(self, offset: int) -> int:
        """Return the number of the chunk that a byte is in."""
        return offset // CHUNK_SIZE if len(self.file.chunks) > 1 else 0

    def chunk_end(self, number: int) -> int:
        """Return where a chunk ends."""
        many = len(self.file.chunks) > 1
        return min(self.size, (number + 1) * CHUNK_SIZE) if many else self.size


def small_file(name: str, data: bytes) -> WantedFile:
    """Return a file that is one chunk."""
    digest = Digest.of(data)
    return WantedFile(ChunkedFile(name, len(data), (digest,)), digest)


def wanted_files(
    release: Release, sums: Sums, papers: Sequence[tuple[str, bytes]], sizes: Mapping[str, int]
) -> tuple[WantedFile, ...]:
    """Return every file in the order of the one-file form.

    Args:
        release: what the bundle holds.
        sums: every file and its digest.
        papers: SHA256SUMS, the signatures and release.json.
        sizes: of the documents that release.json does not tell the sizes of.

    Raises:
        BundleRefused: `listing-differs`.
    """
    executable = {file.name for file in release.carried if file.executable}
    parity = [(file.name, file.size) for file in release.parity_files]
    named = [*covered_files(release, sizes), *parity]
    differing = {name for name, _ in named} ^ (sums.files.keys() - {RELEASE})
    if differing:
        name = min(differing)
        raise BundleRefused(
            "listing-differs", f"{name}: {SUMS} and {RELEASE} name different files", file=name
        )
    return (
        *(small_file(name, data) for name, data in papers),
        *(_wanted(release, sums, name, size, name in executable) for name, size in named),
    )


def _wanted(
    release: Release,
    sums: Sums,
    name: str,
    size: int,
    executable: bool,  # noqa: FBT001
) -> WantedFile:
    digest = sums.files[name]
    return WantedFile(chunked_file(release, name, size, digest), digest, executable)
