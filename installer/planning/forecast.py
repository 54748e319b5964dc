"""How long an install will take, from what was measured; pure.

The check reads at the drive's speed. Loading reads once more, from memory where what was checked
fits into it, while the engine unpacks: the slower of the two counts. How fast this engine unpacks
is known from earlier runs only; without them the time is that of reading alone, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MEMORY_SHARE: Final = 0.5
"""Part of the available memory in which what was read is believed to stay."""


class Basis(StrEnum):
    """What a time follows from."""

    DRIVE_AND_ENGINE = "drive and engine"
    DRIVE = "drive alone"
    ENGINE = "engine alone"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much there is to do.

    Attributes:
        checked: bytes that are read and checked before the engine is touched.
        read: bytes that are read while it loads.
        unpacked: bytes that they come to in the engine.
    """

    checked: int
    read: int
    unpacked: int


@dataclass(frozen=True, slots=True)
class Speeds:
    """What is known of this host.

    Attributes:
        drive: bytes a second that the drive gives; None when that was not measured.
        engine: bytes a second, unpacked, that this engine took in earlier runs; None for none.
        memory: bytes of memory that are available.
    """

    drive: float | None
    engine: float | None
    memory: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """How long it will take.

    Attributes:
        check_seconds: reading and checking; None when that can't be said.
        load_seconds: loading; None when that can't be said.
        basis: what these follow from.
    """

    check_seconds: float | None
    load_seconds: float | None
    basis: Basis

    @property
    def seconds(self) -> float | None:
        """All of it; None when a part can't be said."""
        if self.check_seconds is None or self.load_seconds is None:
            return None
        return self.check_seconds + self.load_seconds


def forecast(amounts: Amounts, speeds: Speeds) -> Forecast:
    """Return how long it will take."""
    check = _seconds(amounts.checked, speeds.drive)
    times = (_seconds(_read_again(amounts, speeds), speeds.drive), _unpacking(amounts, speeds))
    known = [one for one in times if one is not None]
    return Forecast(check, max(known, default=None), _basis(speeds))


def _read_again(amounts: Amounts, speeds: Speeds) -> int:
    """Return what loading reads from the drive itself."""
    fits = amounts.checked <= speeds.memory * MEMORY_SHARE
    return 0 if amounts.checked and fits else amounts.read


def _unpacking(amounts: Amounts, speeds: Speeds) -> float | None:
    return None if speeds.engine is None else _seconds(amounts.unpacked, speeds.engine)


def _seconds(count: int, rate: float | None) -> float | None:
    if not count:
        return 0.0
    return None if rate is None else count / rate


def _basis(speeds: Speeds) -> Basis:
    if speeds.drive is not None:
        return Basis.DRIVE if speeds.engine is None else Basis.DRIVE_AND_ENGINE
    return Basis.NOTHING if speeds.engine is None else Basis.ENGINE
