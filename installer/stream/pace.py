"""How fast a run goes, how long it will take, which image it is at: reckoned from its events.

Pure but for the clock, which tests hand in. Every screen that shows bars takes its figures from
here, so that none differs from another.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from installer.events import Advanced, Stage, StageStarted, Unit

if TYPE_CHECKING:
    from installer.plan import Plan

WINDOW: Final = 10.0
"""Seconds back that a rate is measured over."""
EARLIEST: Final = 0.5
"""Seconds before which a rate says nothing."""


@dataclass(frozen=True, slots=True)
class Portion:
    """An image, and the bytes that are read for it.

    Attributes:
        name: as the app calls it.
        size: bytes.
    """

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Outline:
    """What a run will do, as far as bars need it.

    Attributes:
        bytes: of each stage that counts bytes.
        images: in the order in which they are loaded.
    """

    bytes: tuple[tuple[Stage, int], ...] = ()
    images: tuple[Portion, ...] = ()

    @property
    def total(self) -> int:
        """Bytes of all stages."""
        return sum(count for _, count in self.bytes)

    def before(self, stage: Stage) -> int:
        """Return the bytes of all stages before `stage`."""
        stages = [one for one, _ in self.bytes]
        first = self.bytes[: stages.index(stage)] if stage in stages else self.bytes
        return sum(count for _, count in first)


@dataclass(frozen=True, slots=True)
class ImageView:
    """The image that is being loaded.

    Attributes:
        name: as the app calls it.
        number: from 1.
        count: of all that are loaded.
        done: bytes.
        size: bytes.
    """

    name: str
    number: int
    count: int
    done: int
    size: int


@dataclass(frozen=True, slots=True)
class View:
    """What bars show.

    Attributes:
        done: bytes or other units of the stage.
        total: of them.
        unit: what they are.
        rate: units a second; None where that can't be said yet.
        seconds_left: of the stage; None likewise.
        image: that is being loaded; None in other stages.
        all_done: bytes of all stages; 0 where no stage counts bytes.
        all_total: of them.
        all_seconds_left: of them, at this stage's rate; None likewise.
    """

    done: int
    total: int
    unit: Unit
    rate: float | None
    seconds_left: float | None
    image: ImageView | None
    all_done: int
    all_total: int
    all_seconds_left: float | None = None


class Pace:
    """Listens to the stages of one run."""

    def __init__(
        self, outline: Outline | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.outline = outline or Outline()
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self._unit = Unit.BYTES

    def start(self, event: StageStarted) -> None:
        """Begin to measure anew."""
        self._unit = event.unit
        self._seen = deque([(self._clock(), 0)])

    def advance(self, event: Advanced) -> View:
        """Return what is to be shown now."""
        self._remember(event.done)
        rate = self._rate()
        left = event.total - event.done
        counted = any(stage is event.stage for stage, _ in self.outline.bytes)
        all_done = self.outline.before(event.stage) + event.done if counted else 0
        all_left = self.outline.total - all_done
        return View(
            done=event.done,
            total=event.total,
            unit=self._unit,
            rate=rate,
            seconds_left=left / rate if rate else None,
            image=self._image(event) if event.stage is Stage.LOAD else None,
            all_done=all_done,
            all_total=self.outline.total,
            all_seconds_left=all_left / rate if rate and counted else None,
        )

    def _remember(self, done: int) -> None:
        now = self._clock()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW:
            self._seen.popleft()

    def _rate(self) -> float | None:
        (start, before), (now, done) = self._seen[0], self._seen[-1]
        return (done - before) / (now - start) if now - start >= EARLIEST else None

    def _image(self, event: Advanced) -> ImageView | None:
        """Return the image that the bytes so far have come to: they come in order."""
        left, images = event.done, self.outline.images
        for number, one in enumerate(images, start=1):
            if left <= one.size or number == len(images):
                return ImageView(one.name, number, len(images), min(left, one.size), one.size)
            left -= one.size
        return None


def outline_of(plan: Plan) -> Outline:
    """Return what bars need to know of a plan."""
    placed = sum(one.size for one in plan.placed_files)
    stages = (
        (Stage.CHECK, plan.checked_bytes),
        (Stage.FILES, placed),
        (Stage.LOAD, plan.read_bytes),
    )
    return Outline(
        bytes=tuple(one for one in stages if one[1]),
        images=tuple(
            Portion(one.image.written, plan.brought_bytes(one)) for one in plan.deliveries
        ),
    )
