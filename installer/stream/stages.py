"""The words of a run: its stages, what they count, how services and runs end."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The parts of a run, in their order."""

    CHECK = "check"
    FILES = "files"
    LOAD = "load"
    SELFTEST = "selftest"
    START = "start"
    TAG = "tag"
    RECORD = "record"
    PRUNE = "prune"
    REPAIR = "repair"


class Unit(StrEnum):
    """What a stage counts."""

    BYTES = "bytes"
    FILES = "files"
    TESTS = "tests"
    SERVICES = "services"
    NAMES = "names"
    STEPS = "steps"


class ServiceState(StrEnum):
    """What became of one instance of a service."""

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    COMPLETED = "completed"
    STOPPED = "stopped"
    REMOVED = "removed"
    RESTORED = "restored"
    FAILED = "failed"
    UNCHANGED = "unchanged"


class Outcome(StrEnum):
    """How a run ended."""

    DONE = "done"
    NOTHING_TO_DO = "nothing-to-do"
    FAILED = "failed"
    CANCELLED = "cancelled"


def counted_text(count: int, unit: str) -> str:
    """Return `1 step` or `3 names`."""
    return f"{count} {str(unit)[:-1] if count == 1 else unit}"
