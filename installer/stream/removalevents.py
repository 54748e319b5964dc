"""What a run tells of what it removed: facts of the stream, like those in `installer.events`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from installer.stream.stages import Stage


class Removed(StrEnum):
    """What became of a thing that was to go."""

    REMOVED = "removed"
    STAYED = "stayed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RemovalEnded:
    """A thing that was to go is gone, or is not.

    Attributes:
        stage: in which.
        kind: of thing: `image`, `container`, `release`, `volume`, `network`, `secret`.
        names: that people know it by.
        identity: what it was removed by.
        outcome: what became of it.
        freed: bytes that are free now, as far as that is known.
        detail: why it is still there; empty if it is gone.
    """

    stage: Stage
    kind: str
    names: tuple[str, ...]
    identity: str
    outcome: Removed
    freed: int = 0
    detail: str = ""
