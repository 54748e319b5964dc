"""Takes apart what nodes print: lines, `srun`'s labels, the report between its marks.

Everything is bounded: a node that prints without end costs a fixed piece of memory, and is told of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from installer.fanout.remote import Mark
from manifests.errors import ExitCode

REPORT_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of one node's report; one device takes about 50 KB."""
HELD_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of reports that are not yet whole, of all nodes."""
TAIL_LIMIT: Final = 4096
"""Bytes kept of what else a node prints: the last ones."""
_TIME_OVER: Final = b"DUE TO TIME LIMIT"
_LABEL: Final = re.compile(rb" *([0-9]{1,7}):(?: |$)")


class Lines:
    """Cuts a stream into lines; one that is longer than a report comes in pieces."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the lines that end in the chunk, without their line feed."""
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield bytes(self._rest + line)
            self._rest.clear()
        self._rest += rest
        if len(self._rest) > REPORT_LIMIT:
            yield from self.close()

    def close(self) -> Iterator[bytes]:
        """Yield what is left."""
        if self._rest:
            yield bytes(self._rest)
            self._rest.clear()


class Tail:
    """The last of what was printed."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def add(self, line: bytes) -> None:
        """Take a line."""
        self._kept += line[-TAIL_LIMIT:] + b"\n"
        del self._kept[:-TAIL_LIMIT]

    @property
    def text(self) -> str:
        """What is kept; not yet safe to show."""
        return self._kept.decode("utf-8", errors="replace").strip()


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one node.

    Attributes:
        name: as the node itself gives it; None when the script did not start.
        report: the bytes between the marks.
        status: of the command there; None when it did not come to its end.
        cut: whether there was more than is taken.
        aside: the last of what was printed outside the marks and as errors.
    """

    name: str | None = None
    report: bytes = b""
    status: int | None = None
    cut: bool = False
    aside: str = ""


class Frame:
    """One node's output, line by line."""

    def __init__(self, mark: Mark) -> None:
        self._mark = mark
        self._report = bytearray()
        self._aside = Tail()
        self.name: str | None = None
        self.status: int | None = None
        self.cut = False
        self.judged = False

    @property
    def held(self) -> int:
        """Bytes kept."""
        return len(self._report)

    @property
    def whole(self) -> bool:
        """Whether a report came and nothing need be known of what was printed besides."""
        return bool(self._report) and self.status in (ExitCode.DONE, ExitCode.SELFTEST_FAILED)

    def output(self, line: bytes) -> None:
        """Take a line of standard output."""
        if self.name is None:
            self.name = self._mark.read_begin(line)
            if self.name is None:
                self._aside.add(line)
        elif self.status is None:
            self.status = self._mark.read_end(line)
            if self.status is None:
                self._collect(line)
        else:
            self._aside.add(line)

    def errors(self, line: bytes) -> None:
        """Take a line of standard error."""
        self._aside.add(line)

    def drop(self) -> None:
        """Keep nothing of the report: there is too much of it."""
        self._report = bytearray()
        self.cut = True

    def close(self) -> Said:
        """Return what came of the node, and keep its report no longer."""
        report = bytes(self._report).strip()
        self._report, self.judged = bytearray(), True
        return Said(self.name, report, self.status, self.cut, self._aside.text)

    def _collect(self, line: bytes) -> None:
        if not self.cut:
            self._report += line + b"\n"
        if len(self._report) > REPORT_LIMIT:
            self.drop()


class Labelled:
    """The output of `srun --label`: each line begins with the number of the task that wrote it.

    `srun` writes the labels, so that no node can speak for another.
    """

    def __init__(self, mark: Mark, tasks: int) -> None:
        self._frames = [Frame(mark) for _ in range(tasks)]
        self._talk = Tail()
        self._held = 0
        self.time_over = False

    @property
    def frames(self) -> tuple[Frame, ...]:
        """One for each task."""
        return tuple(self._frames)

    @property
    def talk(self) -> str:
        """The last of what `srun` itself said."""
        return self._talk.text

    def output(self, line: bytes) -> Frame | None:
        """Take a line of standard output; return whose it was."""
        frame, text = self._whose(line)
        if frame is None:
            self._talk.add(text)
            return None
        before = frame.held
        frame.output(text)
        if self._held > HELD_LIMIT:
            frame.drop()
        self._held += frame.held - before
        return frame

    def take(self, frame: Frame) -> Said:
        """Return what came of a task, and keep its report no longer."""
        self._held -= frame.held
        return frame.close()

    def errors(self, line: bytes) -> None:
        """Take a line of standard error."""
        frame, text = self._whose(line)
        self.time_over |= _TIME_OVER in text
        (self._talk.add if frame is None else frame.errors)(text)

    def _whose(self, line: bytes) -> tuple[Frame | None, bytes]:
        label = _LABEL.match(line)
        if label is None or int(label[1]) >= len(self._frames):
            return None, line
        return self._frames[int(label[1])], line[label.end() :]
