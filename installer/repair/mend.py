"""Damaged chunks -> proved ones, by parity: tables first, then data and parity, then digests.

Owns the order and what is refused. Nothing here is written anywhere but into the slots of `mended`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from installer.repair.columns import Columns, Lost
from installer.repair.mended import Mended
from installer.repair.wanted import Chunk
from manifests.bundle.parityrecord import CHECKSUMS, ParityRecord
from manifests.bundle.paritystream import Stream, covered_files
from manifests.digest import digest_mismatch
from manifests.errors import BundleRefused
from manifests.quantities import bytes_text
from manifests.release import CHUNK_SIZE, Release

Advance = Callable[[int], None]


def mend(release: Release, mended: Mended, bad: Sequence[Chunk], advance: Advance) -> None:
    """Restore what is damaged from parity; prove each chunk.

    Args:
        release: what the bundle holds.
        mended: its bytes; other copies have given what they could.
        bad: what is still damaged; none of SHA256SUMS, the signatures and release.json.
        advance: told of bytes restored.

    Raises:
        BundleRefused: `repair-impossible`: more is lost than parity makes up for.
        NotInstallableHere: `repair-room`.
    """
    if not bad:
        return
    record = release.parity
    if record is None:
        lost = sum(chunk.length for chunk in bad)
        raise _impossible(bad, lost, "the bundle has no parity")
    stream = Stream(covered_files(release, record.sizes))
    _Mending(record, Columns(record, stream, mended), mended, advance).run(bad)


def prove_files(mended: Mended) -> None:
    """Check the digest of every file that had a damaged chunk.

    Raises:
        BundleRefused: `digest-mismatch`: the signed documents contradict each other.
    """
    for name in sorted({chunk.name for chunk in mended.chunks}):
        found, file = mended.digest(name), mended.files[name]
        if found != file.digest:
            raise digest_mismatch(name, file.digest, found)


@dataclass(frozen=True, slots=True)
class _Mending:
    record: ParityRecord
    columns: Columns
    mended: Mended
    advance: Advance

    def run(self, bad: Sequence[Chunk]) -> None:
        """Restore everything, or refuse before anything is computed."""
        tables = [chunk for chunk in bad if chunk.name in CHECKSUMS]
        blocks = [chunk for chunk in bad if chunk.name not in CHECKSUMS]
        lost_tables = self._copy_tables(tables)
        self._restore(blocks, (), lost_tables)
        doubted = [chunk for chunk in blocks if not self.mended.proved(chunk)]
        if doubted:
            self._restore(doubted, frozenset(doubted), lost_tables)
        self.columns.rebuild_tables(lost_tables)
        wrong = [chunk for chunk in bad if not self.mended.proved(chunk)]
        if wrong:
            lost = sum(chunk.length for chunk in wrong)
            raise _impossible(wrong, lost, "parity gives other bytes than were signed")

    def _restore(
        self, chunks: Sequence[Chunk], doubted: Collection[Chunk], tables: Collection[Chunk]
    ) -> None:
        lost = self.columns.lost(chunks, doubted, tables)
        self._refuse_too_much(chunks, lost)
        self.columns.restore(lost, self.advance)

    def _refuse_too_much(self, chunks: Sequence[Chunk], lost: Lost) -> None:
        beyond = self.columns.beyond(lost)
        if beyond:
            damaged = sum(map(len, lost.values())) * self.record.block
            raise _impossible(chunks, beyond, f"of {bytes_text(damaged)} that are damaged")

    def _copy_tables(self, tables: Sequence[Chunk]) -> list[Chunk]:
        """Take what one table lacks from the other; return what both lack."""
        damaged = {(chunk.name, chunk.number) for chunk in tables}
        lost: list[Chunk] = []
        for chunk in tables:
            other = CHECKSUMS[1 - CHECKSUMS.index(chunk.name)]
            if (other, chunk.number) in damaged:
                lost.append(chunk)
                continue
            data = memoryview(bytearray(chunk.length))
            self.mended.read(other, chunk.number * CHUNK_SIZE, data)
            self.mended.patch(chunk.name, chunk.offset, data)
        return lost


def _impossible(chunks: Sequence[Chunk], missing: int, why: str) -> BundleRefused:
    first = chunks[0]
    return BundleRefused(
        "repair-impossible",
        f"{bytes_text(missing)} can't be restored, {why}; the first damage is in {first.name} at"
        f" {first.offset}",
        hint="give another copy of the bundle with --from, be that damaged elsewhere",
        missing=missing,
        file=first.name,
        offset=first.offset,
    )
