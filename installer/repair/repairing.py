"""A damaged bundle -> a whole one: papers, damage, other copies, parity, proof, writing.

Owns the order, as a stream of events; nothing is written before everything was proved.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from installer.events import Event, Stage, StageFinished, StageStarted, Unit
from installer.repair.mend import mend, prove_files
from installer.repair.mended import Mended
from installer.repair.papers import Papers
from installer.repair.places import Place
from installer.repair.put import put_in_place, put_into
from installer.repair.scan import Fetched, fetch, find_damage
from installer.repair.wanted import Chunk, wanted_files
from installer.stream.jobs import Meter
from installer.stream.metered import metered_work


@dataclass(slots=True)
class Outcome:
    """What a repair came to, filled in as it goes.

    Attributes:
        damaged: every chunk that did not match.
        misfits: files of a wrong size or kind, or that are missing.
        fetched: what other copies gave.
        restored: chunks that parity gave.
    """

    damaged: tuple[Chunk, ...] = ()
    misfits: tuple[str, ...] = ()
    fetched: tuple[Fetched, ...] = ()
    restored: tuple[Chunk, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing was damaged."""
        return not (self.damaged or self.misfits)


class Repair:
    """One repair.

    Attributes:
        papers: what is believed.
        outcome: how far it is.
    """

    def __init__(self, place: Place, others: Sequence[Place], papers: Papers) -> None:
        self.papers = papers
        self.outcome = Outcome()
        self._place = place
        self._others = others
        listed = wanted_files(papers.release, papers.sums, papers.files, papers.sizes)
        for one in (place, *others):
            one.expect(listed)
        self._files = {file.name: file for file in listed}
        self._mended = Mended(place, self._files)

    def run(self, output: Path | None, cancel: threading.Event) -> Iterator[Event]:
        """Find, restore, prove and write.

        Args:
            output: a new folder for the whole bundle; None to write onto the medium itself.
            cancel: set by a person who wants to stop.

        Raises:
            BundleRefused: `repair-impossible`.
            NotInstallableHere: `repair-room`, `repair-write`.
            Halted: it was cancelled.
        """
        total = sum(file.size for file in self._files.values())
        yield from _stage(Stage.CHECK, Meter(total, cancel), self._find)
        if self.outcome.is_whole:
            return
        damaged = sum(chunk.length for chunk in self.outcome.damaged)
        yield from _stage(Stage.REPAIR, Meter(damaged, cancel), self._mend)
        if output is None:
            put = self._put_in_place
        else:
            damaged, put = total, _Into(self._mended, output)
        yield from _stage(Stage.FILES, Meter(damaged, cancel), put)

    def close(self) -> None:
        """Remove what was temporary."""
        self._mended.close()

    def _find(self, meter: Meter) -> None:
        damaged = find_damage(self._mended, self._files.values(), meter.add)
        self.outcome.damaged = tuple(damaged)
        self.outcome.misfits = tuple(self._place.misfits())

    def _mend(self, meter: Meter) -> None:
        trusted = dict(self.papers.files)
        left = []
        for chunk in self.outcome.damaged:
            if chunk.name in trusted:
                self._mended.patch(chunk.name, 0, memoryview(trusted[chunk.name]))
            else:
                left.append(chunk)
        left, fetched = fetch(self._mended, left, self._others, meter.add)
        self.outcome.fetched = tuple(fetched)
        mend(self.papers.release, self._mended, left, meter.add)
        self.outcome.restored = tuple(left)
        prove_files(self._mended)

    def _put_in_place(self, meter: Meter) -> None:
        put_in_place(self._place, self._mended, self.outcome.misfits, meter.add)


@dataclass(frozen=True, slots=True)
class _Into:
    mended: Mended = field(repr=False)
    folder: Path

    def __call__(self, meter: Meter) -> None:
        put_into(self.folder, self.mended, meter.add)


def _stage(stage: Stage, meter: Meter, work: Callable[[Meter], None]) -> Iterator[Event]:
    started = time.monotonic()
    yield StageStarted(stage, meter.total, Unit.BYTES)
    yield from metered_work(meter, stage, lambda: work(meter))
    yield StageFinished(stage, time.monotonic() - started)
