"""What parent and child say to each other: one record a line, as JSON with its name.

The child writes to a pipe of its own, never to its standard output, where drivers print. The parent
believes nothing that does not fit a record's declaration.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Final, TypeAlias, cast, get_args

from selftest.jsonform import MalformedRecord, from_json, to_json
from selftest.measured import (
    CaseResult,
    Compiled,
    Device,
    Neighbours,
    Remark,
    Timing,
    Yardsticks,
)

WAITING: Final = "waiting for its turn"
"""Phase in which the child waits until its standard input ends: it is to be timed alone."""

LINE_LIMIT: Final = 1 << 20
"""Bytes of the longest message that is believed."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the parent asks for.

    Attributes:
        backend: its name.
        index: the device to be tested; null to list the devices first.
        suite: `quick` or `full`.
        pictures: folder with the picture to be filtered; null for none.
        wanted: words of a `Selection`; of the devices that were listed, the first that they mean is
            tested. Null to list only.
    """

    backend: str
    index: int | None
    suite: str
    pictures: str | None = None
    wanted: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """What the child is about to do: when it dies, this is where."""

    name: str


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices of a backend."""

    found: tuple[Device, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Why the child goes no further.

    Attributes:
        code: stable and documented.
        text: what did not work.
        evidence: quoted from the driver.
        missing: whether there is nothing to be tested, rather than something broken.
    """

    code: str
    text: str
    evidence: tuple[str, ...]
    missing: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The child did all that was asked."""

    wall_s: float


Message: TypeAlias = (
    Phase
    | Devices
    | Remark
    | Failed
    | Done
    | Neighbours
    | Compiled
    | CaseResult
    | Timing
    | Yardsticks
)
_KINDS: Final = {kind.__name__: kind for kind in get_args(Message)}


def encode(message: Message | Job) -> bytes:
    """Return a message as one line."""
    return json.dumps([type(message).__name__, to_json(message)]).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message of a line.

    Raises:
        MalformedRecord: it holds none.
    """
    try:
        name, value = json.loads(line)
        kind = _KINDS[name]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedRecord("expected a message of the self-test's child process") from error
    return cast("Message", from_json(kind, value))


class Teller:
    """Writes messages to the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self, message: Message) -> None:
        """Write one message, at once."""
        data = memoryview(encode(message))
        while data:
            data = data[os.write(self._descriptor, data) :]

    def begin(self, phase: str) -> None:
        """Say what comes next."""
        self.tell(Phase(phase))
