"""The last words of a container: bounded, without secrets and what a terminal would obey."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from typing import Final

from installer.engines.appapi import AppApi
from manifests.errors import EngineFailed
from manifests.safetext import safe_line

LINES: Final = 15
LINE_CHARACTERS: Final = 200
HIDDEN: Final = "***"


def last_words(apps: AppApi, container: str, hidden: Iterable[str]) -> tuple[str, ...]:
    """Return the last lines that a container printed; none if its log driver keeps none."""
    with suppress(EngineFailed):
        said = apps.said(container, LINES).decode(errors="replace")
        lines = (masked(without_time(line), hidden) for line in said.splitlines()[-LINES:])
        return tuple(once_each(safe_line(line, limit=LINE_CHARACTERS) for line in lines))
    return ()


def once_each(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines; what stands several times in a row once, with how often."""
    for line, same in groupby(lines):
        times = sum(1 for _ in same)
        yield line if times == 1 else f"{line} ({times} times)"


def masked(text: str, hidden: Iterable[str]) -> str:
    """Return a text without values that must not be shown."""
    for value in sorted(hidden, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


def without_time(line: str) -> str:
    """Return a line without the time that the engine put before it."""
    return line.partition(" ")[2]
