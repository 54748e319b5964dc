"""Media that fail: over a real bundle lie faults, as a bad drive, cable or port has them.

medium = FaultyMedium(open_medium(path))
medium.faults.append(Fault(name, 4096, 512, errno.EIO))         # a bad sector
medium.faults.append(Fault(name, 7, 1, times=1))                # a flipped byte, once
medium.gone_after = 30                                          # pulled out
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from manifests.bundle import reading
from manifests.bundle.drivefaults import unreadable
from manifests.bundle.medium import Medium, missing, open_medium, refuse_extra


@dataclass
class Fault:
    """A range of a file that reads badly.

    Attributes:
        name: of the file.
        offset: first byte.
        length: bytes.
        number: what reading it fails with; 0 where other bytes come instead.
        times: readings that it spoils; -1 for all.
    """

    name: str
    offset: int
    length: int = 1
    number: int = 0
    times: int = -1

    def strikes(self, start: int, end: int) -> bool:
        """Tell whether a reading meets it, and count that."""
        if self.times == 0 or end <= self.offset or start >= self.offset + self.length:
            return False
        self.times -= self.times > 0
        return True


class FaultyMedium:
    """Another medium, with faults.

    Attributes:
        faults: that lie over it.
        gone_after: readings after which the drive is pulled out; -1 for never.
        gone_with: what everything fails with from then on.
        reads: readings so far.
        forgotten: names of files whose pages were dropped.
    """

    def __init__(self, real: Medium, *faults: Fault) -> None:
        self.faults = list(faults)
        self.gone_after = -1
        self.gone_with = errno.ENODEV
        self.reads = 0
        self.forgotten: list[str] = []
        self._real = real

    @property
    def path(self) -> str:
        return self._real.path

    @property
    def sequential(self) -> bool:
        return self._real.sequential

    @property
    def sizes(self) -> Mapping[str, int]:
        return self._real.sizes

    @property
    def litter(self) -> Sequence[str]:
        return self._real.litter

    def open(self, name: str) -> io.RawIOBase:
        self.check(name)
        return _FaultyFile(self, name, self._real.open(name))

    def peek(self) -> str | None:
        return self._real.peek()

    def expect(self, names: frozenset[str]) -> None:
        self._real.expect(names)

    def forget(self, name: str) -> None:
        self.check(name)
        self.forgotten.append(name)
        self._real.forget(name)

    def close(self) -> None:
        self._real.close()

    @property
    def is_gone(self) -> bool:
        return 0 <= self.gone_after <= self.reads

    def check(self, name: str) -> None:
        if self.is_gone:
            raise unreadable(name, OSError(self.gone_with, os.strerror(self.gone_with)))


class _FaultyFile(io.RawIOBase):
    def __init__(self, medium: FaultyMedium, name: str, real: io.RawIOBase) -> None:
        super().__init__()
        self._medium, self._name, self._real = medium, name, real
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._position = self._real.seek(offset, whence)
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        medium = self._medium
        if medium.is_gone:
            raise OSError(medium.gone_with, os.strerror(medium.gone_with))
        medium.reads += 1
        with memoryview(buffer) as view:
            count = self._real.readinto(view) or 0
            start, self._position = self._position, self._position + count
            for fault in [one for one in medium.faults if one.name == self._name]:
                if fault.strikes(start, start + count):
                    self._spoil(fault, view, start, count)
        return count

    def _spoil(self, fault: Fault, view: memoryview, start: int, count: int) -> None:
        if fault.number:
            self._position = start
            raise OSError(fault.number, os.strerror(fault.number))
        for at in range(max(0, fault.offset - start), fault.offset + fault.length - start):
            if at < count:
                view[at] ^= 1

    def close(self) -> None:
        self._real.close()
        super().close()


class MemoryMedium:
    """A bundle's files in memory, to be spoiled where they are."""

    sequential = False
    path = "memory"
    litter = ()

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = {name: bytearray(data) for name, data in files.items()}

    @property
    def sizes(self) -> dict[str, int]:
        return {name: len(data) for name, data in self.files.items()}

    def open(self, name: str) -> io.RawIOBase:
        if name not in self.files:
            raise missing(name, self.path)
        return _InMemory(self.files[name])

    def peek(self) -> str | None:
        return None

    def expect(self, names: frozenset[str]) -> None:
        refuse_extra(self.files, names, self.path)

    def forget(self, name: str) -> None:
        del name

    def close(self) -> None:
        pass


class _InMemory(io.RawIOBase):
    def __init__(self, data: bytearray) -> None:
        super().__init__()
        self._data, self._position = data, 0

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        del whence
        self._position = offset
        return offset

    def readinto(self, buffer: Any, /) -> int:
        with memoryview(buffer) as view:
            data = self._data[self._position : self._position + len(view)]
            view[: len(data)] = data
        self._position += len(data)
        return len(data)


@contextmanager
def impatient() -> Iterator[None]:
    """Let what is read again be read at once."""
    with patch.object(reading, "sleep", lambda _: None):
        yield


@contextmanager
def opened_with(module: str, *faults: Fault, gone_after: int = -1) -> Iterator[list[FaultyMedium]]:
    """Lay faults over every bundle that a module opens; yield the media as they are opened."""
    opened: list[FaultyMedium] = []

    def opening(path: Path) -> Medium:
        medium = FaultyMedium(open_medium(path), *faults)
        medium.gone_after = gone_after
        opened.append(medium)
        return medium

    with impatient(), patch(f"{module}.open_medium", opening):
        yield opened
