"""What an app's containers print: the last lines of all of them in one order, or as they come.

Owns the form of a line: bounded, without what a terminal would obey, without the host's secrets.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from installer.app.words import masked, without_time
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import ContainerFacts
from installer.stream.jobs import Halted
from manifests.errors import EngineFailed, UsageError
from manifests.safetext import safe_line

LINE_CHARACTERS: Final = 8192
_PENDING_BYTES: Final = 64 * 1024
"""Of a line that has not ended."""
_WAIT_S: Final = 0.2
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGO = re.compile(r"([0-9]{1,9})([smhd])", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogRequest:
    """What to show.

    Attributes:
        tail: how many of the last lines of each container.
        since: seconds since 1970; None for all.
        hidden: values that must not be shown.
    """

    tail: int
    since: int | None = None
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line.

    Attributes:
        service, container: that printed it.
        time: as the engine writes it.
        text: safe to show.
    """

    service: str
    container: str
    time: str
    text: str


def parse_since(text: str, now: float) -> int | None:
    """Return `10m`, `2h`, `3d` or seconds since 1970 as the latter; None for nothing.

    Raises:
        UsageError: `since-malformed`.
    """
    if not text:
        return None
    if ago := _AGO.fullmatch(text):
        return max(0, int(now) - int(ago[1]) * _UNITS[ago[2]])
    if text.isascii() and text.isdecimal() and len(text) < 12:
        return int(text)
    raise UsageError("since-malformed", f"expected 30s, 10m, 2h, 3d or seconds, found {text}")


def last_lines(
    apps: AppApi, containers: Sequence[ContainerFacts], asked: LogRequest
) -> list[LogLine]:
    """Return the last lines of all containers, by time.

    Raises:
        EngineFailed: it does not answer, or its log driver shows nothing.
    """
    found: list[LogLine] = []
    for one in containers:
        said = apps.said(one.id, asked.tail, asked.since)
        found += (_line(one, line, asked) for line in said.splitlines())
    return sorted(found, key=lambda line: line.time)


def following(
    apps: AppApi,
    containers: Sequence[ContainerFacts],
    asked: LogRequest,
    cancel: threading.Event,
) -> Iterator[LogLine]:
    """Yield lines as they come, until every container has ended.

    Raises:
        EngineFailed: it does not answer, or its log driver shows nothing.
        Halted: `cancel` was set.
    """
    lines: queue.SimpleQueue[LogLine | EngineFailed | None] = queue.SimpleQueue()
    for one in containers:
        threading.Thread(target=_hand_on, args=(apps, one, asked, lines), daemon=True).start()
    left = len(containers)
    while left:
        if cancel.is_set():
            raise Halted
        try:
            line = lines.get(timeout=_WAIT_S)
        except queue.Empty:
            continue
        if isinstance(line, EngineFailed):
            raise line
        if line is None:
            left -= 1
        else:
            yield line


def _hand_on(
    apps: AppApi,
    one: ContainerFacts,
    asked: LogRequest,
    lines: queue.SimpleQueue[LogLine | EngineFailed | None],
) -> None:
    try:
        for raw in _whole(apps.saying(one.id, asked.tail, asked.since)):
            lines.put(_line(one, raw, asked))
    except EngineFailed as error:
        lines.put(error)
    lines.put(None)


def _whole(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines out of parts that end anywhere; one that is too long in pieces."""
    pending = b""
    for part in parts:
        pending += part
        *ended, pending = pending.split(b"\n")
        yield from ended
        if len(pending) > _PENDING_BYTES:
            yield pending
            pending = b""
    if pending:
        yield pending


def _line(one: ContainerFacts, raw: bytes, asked: LogRequest) -> LogLine:
    text = raw.decode(errors="replace").rstrip("\r")
    shown = safe_line(masked(without_time(text), asked.hidden), limit=LINE_CHARACTERS)
    return LogLine(one.service, one.name, safe_line(text.partition(" ")[0], limit=64), shown)
