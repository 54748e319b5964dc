"""Step 6 of believing a bundle: every remaining byte, by digest, on all cores.

Each file is hashed whole, as `sha256sum -c SHA256SUMS` does; only when one does not match, or can't
be read, is it read again, chunk by chunk, to name all that is damaged. What comes right then, is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manifests.bundle.chunks import chunked_file, examine, verified_chunks
from manifests.bundle.damage import Damage, damage_of, images_with
from manifests.bundle.digesting import Advance, Digesting
from manifests.bundle.reading import FAULTS, Patience
from manifests.digest import Digest, digest_mismatch
from manifests.errors import BundleRefused
from manifests.seals.seal import SealedRelease


@dataclass(frozen=True, slots=True)
class Survey:
    """What reading a bundle's layers and files came to.

    Attributes:
        size: bytes that were to be read.
        damages: every chunk that can't be had as it was signed, file by file.
        reread: files that were right only when they were read again: a drive that wears out.
    """

    size: int
    damages: tuple[Damage, ...] = ()
    reread: tuple[str, ...] = ()


def survey_contents(
    sealed: SealedRelease,
    advance: Advance,
    names: frozenset[str] | None = None,
    begun: Digesting | None = None,
) -> Survey:
    """Read and check the layers and files to the end, whatever is damaged; all but a pipe.

    Args:
        sealed: whose documents were checked before.
        advance: called from several threads with the number of bytes just checked.
        names: only these files; None for all.
        begun: reads some of the files already; is left running.

    Raises:
        BundleRefused: `medium-gone`; `digest-mismatch` of a file whose chunks are all right; of a
            pipe, which can't be read past damage, the first fault: `chunk-damaged`,
            `bundle-truncated`, `file-missing`, `medium-unreadable`.
    """
    return _Surveyor(sealed, advance).survey(names, begun)


class _Surveyor:
    """One reading of a bundle."""

    def __init__(self, sealed: SealedRelease, advance: Advance) -> None:
        self._sealed = sealed
        self._advance = advance
        self._patience = Patience()
        self._damages: list[Damage] = []
        self._reread: list[str] = []

    def survey(self, names: frozenset[str] | None, begun: Digesting | None) -> Survey:
        sealed = self._sealed
        files = [
            (name, size) for name, size in _remaining(sealed) if names is None or name in names
        ]
        if sealed.medium.sequential:
            self._pass(files)
        elif begun is not None:
            self._compare(files, begun)
        else:
            digesting = Digesting(sealed.medium)
            try:
                self._compare(files, digesting)
            finally:
                digesting.stop()
        size = sum(size for _, size in files)
        return Survey(size, tuple(self._damages), tuple(self._reread))

    def _compare(self, files: Sequence[tuple[str, int]], digesting: Digesting) -> None:
        digesting.begin(files)
        digesting.tell(self._advance)
        for name, size in sorted(files, key=lambda file: -file[1]):
            if _digest(digesting, name) != self._sealed.sums.files[name]:
                self._look_again(name, size)

    def _look_again(self, name: str, size: int) -> None:
        """Read a file chunk by chunk; it may be right this time."""
        expected = self._sealed.sums.files[name]
        file = chunked_file(self._sealed.release, name, size, expected)
        examined = examine(self._sealed.medium, file, self._patience, self._advance)
        images = images_with(self._sealed.release, name) if examined.faults else ()
        self._damages += (damage_of(fault, images) for fault in examined.faults)
        if not examined.faults:
            if examined.digest != expected:
                raise digest_mismatch(name, expected, examined.digest)
            self._reread.append(name)

    def _pass(self, files: Sequence[tuple[str, int]]) -> None:
        medium = self._sealed.medium
        for name, size in files:
            file = chunked_file(self._sealed.release, name, size, self._sealed.sums.files[name])
            for chunk in verified_chunks(medium, file):
                self._advance(len(chunk))
        while medium.peek() is not None:
            medium.open(str(medium.peek())).close()


def _remaining(sealed: SealedRelease) -> list[tuple[str, int]]:
    """Every file that `open_sealed` has not read, in the order of the one-file form."""
    blobs = [blob for blob in sealed.release.blobs() if blob.digest not in sealed.documents]
    files = [(file.name, file.size) for file in sealed.release.carried]
    files += [(blob.name, blob.size) for blob in blobs]
    return files + [(file.name, file.size) for file in sealed.release.parity_files]


def _digest(digesting: Digesting, name: str) -> Digest | None:
    """Return what a file came to when it was read once; None where it could not be."""
    try:
        return digesting.wait(name)
    except BundleRefused as fault:
        if fault.code not in FAULTS:
            raise
        return None
