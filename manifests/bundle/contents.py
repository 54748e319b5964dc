"""Step 6 of believing a bundle: every remaining byte, by digest, on all cores.

Each file is hashed whole, as `sha256sum -c SHA256SUMS` does; only when one does not match is it
read again to name the damaged chunks.
"""

from __future__ import annotations

from collections.abc import Sequence

from manifests.bundle.chunks import chunked_file, damaged, find_damaged, verified_chunks
from manifests.bundle.digesting import Advance, Digesting
from manifests.digest import Digest, digest_mismatch
from manifests.errors import BundleRefused
from manifests.seals.seal import SealedRelease


def check_contents(
    sealed: SealedRelease,
    advance: Advance,
    names: frozenset[str] | None = None,
    begun: Digesting | None = None,
) -> int:
    """Read and check the layers and files, and return the bytes read.

    Args:
        sealed: whose documents were checked before.
        advance: called from several threads with the number of bytes just checked.
        names: only these files; None for all.
        begun: reads some of the files already; is left running.

    Raises:
        BundleRefused: `chunk-damaged`, naming the file and the first bad chunk, or
            `bundle-truncated`, `file-missing`, `medium-unreadable`.
    """
    files = [(name, size) for name, size in _remaining(sealed) if names is None or name in names]
    if sealed.medium.sequential:
        for name, size in files:
            _check_passing(sealed, name, size, advance)
        while sealed.medium.peek() is not None:
            sealed.medium.open(str(sealed.medium.peek())).close()
    elif begun is not None:
        _compare(sealed, files, advance, begun)
    else:
        digesting = Digesting(sealed.medium)
        try:
            _compare(sealed, files, advance, digesting)
        finally:
            digesting.stop()
    return sum(size for _, size in files)


def _remaining(sealed: SealedRelease) -> list[tuple[str, int]]:
    """Every file that `open_sealed` has not read, in the order of the one-file form."""
    blobs = [blob for blob in sealed.release.blobs() if blob.digest not in sealed.documents]
    files = [(file.name, file.size) for file in sealed.release.carried]
    return files + [(blob.name, blob.size) for blob in blobs]


def _compare(
    sealed: SealedRelease, files: Sequence[tuple[str, int]], advance: Advance, digesting: Digesting
) -> None:
    digesting.begin(files)
    digesting.tell(advance)
    for name, size in sorted(files, key=lambda file: -file[1]):
        found = digesting.wait(name)
        if found != sealed.sums.files[name]:
            raise _name_damage(sealed, name, size, found)


def _name_damage(sealed: SealedRelease, name: str, size: int, found: Digest) -> BundleRefused:
    expected = sealed.sums.files[name]
    file = chunked_file(sealed.release, name, size, expected)
    bad = find_damaged(sealed.medium, file)
    return damaged(file, bad[0], found) if bad else digest_mismatch(name, expected, found)


def _check_passing(sealed: SealedRelease, name: str, size: int, advance: Advance) -> None:
    file = chunked_file(sealed.release, name, size, sealed.sums.files[name])
    for chunk in verified_chunks(sealed.medium, file):
        advance(len(chunk))
