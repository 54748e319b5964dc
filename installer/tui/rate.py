"""How fast bytes of a stage move, and have moved: for a figure and for a graph; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

WINDOW: Final = 5.0
"""Seconds over which the rate is taken."""
STEP: Final = 0.5
"""Seconds of one point of the graph."""
POINTS: Final = 240
"""Points that are kept: two minutes."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast bytes move.

    Attributes:
        seen: times and bytes done, oldest first, of the last seconds of the stage.
        points: bytes a second, one for each step of time, oldest first.
        since: when the step under way began, and the bytes done then.
    """

    seen: tuple[tuple[float, int], ...] = ()
    points: tuple[float, ...] = ()
    since: tuple[float, int] | None = None

    @property
    def rate(self) -> float:
        """Bytes a second over the last seconds; 0 while it is not known."""
        if len(self.seen) < 2:
            return 0.0
        (start, before), (end, after) = self.seen[0], self.seen[-1]
        return (after - before) / (end - start) if end > start else 0.0

    def after(self, now: float, done: int) -> Pace:
        """Return the pace when `done` bytes are done at `now`."""
        seen = (*(one for one in self.seen if one[0] >= now - WINDOW), (now, done))
        start, before = self.since or (now, done)
        steps = int((now - start) / STEP)
        if not steps:
            return replace(self, seen=seen, since=(start, before))
        point = (done - before) / (now - start)
        points = (*self.points, *(point,) * min(steps, POINTS))[-POINTS:]
        return Pace(seen, points, (now, done))
