"""The kernel's log since boot, or since it was cleared: /dev/kmsg, else what a log daemon keeps.

Source: Documentation/ABI/testing/dev-kmsg: one record a read, `prefix;message`. A reader that is
overtaken by new records is told so with EPIPE and goes on. SEEK_DATA goes to where `dmesg --clear`
was last called: so a person says that what stands before was seen to.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from installer.checks.hostfiles import HostFiles, Unreadable

LOG_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of log that are looked at; the kernel's own buffer is seldom above 4 MiB."""
LINES_LIMIT: Final = 100_000
READ_SECONDS: Final = 3.0
"""A machine that logs faster than it is read must not keep the reader for ever."""
_RECORD: Final = 8192
_LOG_FILES: Final = ("/var/log/kern.log", "/var/log/messages", "/var/log/syslog")
_BOOT: Final = "Linux version "


@dataclass(frozen=True, slots=True)
class KernelLog:
    """What the kernel said.

    Attributes:
        lines: messages, oldest first.
        source: where they were read; empty when they could not be.
        trouble: why they could not be.
    """

    lines: tuple[str, ...] = ()
    source: str = ""
    trouble: str = ""

    def readable(self) -> KernelLog:
        """Return the log itself.

        Raises:
            Unreadable: there is none to be read.
        """
        if not self.source:
            raise Unreadable("/dev/kmsg", self.trouble or "not there", forbidden=True)
        return self

    def having(self, *words: str) -> tuple[str, ...]:
        """Return the lines that have one of `words` in them, whatever their case."""
        low = tuple(word.lower() for word in words)
        return tuple(line for line in self.lines if any(word in line.lower() for word in low))


def read_kernel_log(root: Path = Path("/")) -> KernelLog:
    """Return the log since boot, or why it can't be read; raises nothing."""
    try:
        return KernelLog(tuple(_records(root / "dev/kmsg")), "/dev/kmsg")
    except OSError as error:
        return _from_file(HostFiles(root), error.strerror or str(error))


def _records(path: Path) -> Iterator[str]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISCHR(os.fstat(descriptor).st_mode):
            raise OSError("not a device")
        os.lseek(descriptor, 0, os.SEEK_DATA)
        for record in _reads(descriptor):
            _, _, message = record.decode("utf-8", errors="replace").partition(";")
            yield message.partition("\n")[0]
    finally:
        os.close(descriptor)


def _reads(descriptor: int) -> Iterator[bytes]:
    """Yield each record that is there now, as long as they stay within the limits."""
    deadline, left = time.monotonic() + READ_SECONDS, LOG_LIMIT
    while left > 0 and time.monotonic() < deadline:
        try:
            record = os.read(descriptor, _RECORD)
        except BlockingIOError:
            return
        except BrokenPipeError:
            continue
        if not record:
            return
        left -= len(record)
        yield record


def _from_file(files: HostFiles, trouble: str) -> KernelLog:
    for path in _LOG_FILES:
        with suppress(Unreadable):
            data = files.tail(path, LOG_LIMIT)
            if data is not None:
                lines = data.decode("utf-8", errors="replace").rsplit("\n", LINES_LIMIT)
                return KernelLog(tuple(_since_boot(lines)), path)
    return KernelLog(trouble=trouble)


def _since_boot(lines: list[str]) -> list[str]:
    """Return the lines from the last boot on; all of them when none is to be seen."""
    boots = [at for at, line in enumerate(lines) if _BOOT in line]
    return lines[boots[-1] if boots else 0 :]
