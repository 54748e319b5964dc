"""The kernel's limits that many containers run into, and the memory that is left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, or_fine, unknown
from installer.checks.sources import Sources
from manifests.quantities import bytes_text

INOTIFY: Final = Cause(
    "low",
    Severity.WARN,
    "fewer than 512 instances or 65,536 watches a user: 'too many open files' with many containers",
    "sysctl -w {name}={value}, and the same in /etc/sysctl.d/90-containers.conf for the next boot.",
)
FILES_LOW: Final = Cause(
    "low",
    Severity.WARN,
    "fewer than 100,000 open files for the whole system",
    "sysctl -w fs.file-max=1000000, and the same in /etc/sysctl.d/90-containers.conf.",
)
FILES_TAKEN: Final = Cause(
    "taken",
    Severity.WARN,
    "nine tenths of the open files that the system allows are taken",
    "Find who holds them (ls /proc/*/fd | wc -l), or raise it: sysctl -w fs.file-max=1000000",
)
PIDS_LOW: Final = Cause(
    "low",
    Severity.WARN,
    "fewer than 32,768 processes and threads for the whole system",
    "sysctl -w kernel.pid_max=4194304, and the same in /etc/sysctl.d/90-containers.conf.",
)
MEMORY_LOW: Final = Cause(
    "low",
    Severity.WARN,
    "less than 1 GiB of memory is available",
    "Stop what is not needed: loading images needs 300 MiB, the app what its makers say.",
)
HUGE_PAGES: Final = Cause(
    "reserved",
    Severity.WARN,
    "more than half of the memory is set aside as huge pages",
    "Only programs that ask for huge pages can use it. If the app is none of them: sysctl -w"
    " vm.nr_hugepages=0",
)
LOCKED_LOW: Final = Cause(
    "low",
    Severity.NOTE,
    "less than 8 MiB of memory may be locked by programs started from here",
    "Programs that pin memory for GPUs or RDMA may need more: ulimit -l unlimited, or memlock in"
    " /etc/security/limits.d; in containers --ulimit memlock=-1",
)
_INOTIFY: Final = (
    ("max_user_instances", 512, 8192),
    ("max_user_watches", 65_536, 524_288),
)
_FILES_LOW: Final = 100_000
_PIDS_LOW: Final = 32_768
_MEMORY_LOW: Final = 1024**3
_LOCKED_LOW: Final = 8 * 1024**2
_FILE_NUMBERS: Final = re.compile(r"(\d{1,20})\s+\d{1,20}\s+(\d{1,20})\s", re.ASCII)
_LOCKED: Final = re.compile(r"^Max locked memory\s+(\d{1,20}|unlimited)", re.MULTILINE)


def _inotify(sources: Sources) -> Iterator[Finding]:
    yield from or_fine(_inotify_low(sources), "enough instances and watches")


def _inotify_low(sources: Sources) -> Iterator[Finding]:
    for name, least, better in _INOTIFY:
        value = sources.files.number(f"/proc/sys/fs/inotify/{name}")
        if value is not None and value < least:
            setting = f"fs.inotify.{name}"
            yield INOTIFY.found(f"{setting} is {value}", name=setting, value=better)


def _open_files(sources: Sources) -> Iterator[Finding]:
    found = _FILE_NUMBERS.match(sources.files.text("/proc/sys/fs/file-nr") or "")
    if found is None:
        yield unknown("/proc/sys/fs/file-nr does not tell")
        return
    taken, most = int(found[1]), int(found[2])
    evidence = f"{taken} of {most} open files"
    if most < _FILES_LOW:
        yield FILES_LOW.found(evidence)
    elif taken * 10 > most * 9:
        yield FILES_TAKEN.found(evidence)
    else:
        yield fine(evidence)


def _pids(sources: Sources) -> Iterator[Finding]:
    most = sources.files.number("/proc/sys/kernel/pid_max")
    if most is None:
        yield unknown("/proc/sys/kernel/pid_max does not tell")
    elif most < _PIDS_LOW:
        yield PIDS_LOW.found(f"kernel.pid_max is {most}")
    else:
        yield fine(f"kernel.pid_max is {most}")


def _memory(sources: Sources) -> Iterator[Finding]:
    available, total = _meminfo(sources, "MemAvailable"), _meminfo(sources, "MemTotal")
    if available is None or total is None:
        yield unknown("/proc/meminfo does not tell")
        return
    evidence = f"{bytes_text(available)} of {bytes_text(total)} available"
    yield MEMORY_LOW.found(evidence) if available < _MEMORY_LOW else fine(evidence)


def _huge_pages(sources: Sources) -> Iterator[Finding]:
    held, total = _meminfo(sources, "Hugetlb") or 0, _meminfo(sources, "MemTotal") or 0
    evidence = f"{bytes_text(held)} of {bytes_text(total)} are huge pages"
    yield HUGE_PAGES.found(evidence) if held * 2 > total else fine(evidence)


def _meminfo(sources: Sources, name: str) -> int | None:
    """Return a figure of /proc/meminfo in bytes."""
    text = sources.files.text("/proc/meminfo") or ""
    found = re.search(rf"^{name}:\s+(\d{{1,15}}) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _locked(sources: Sources) -> Iterator[Finding]:
    found = _LOCKED.search(sources.files.text("/proc/self/limits") or "")
    if found is None:
        yield unknown("/proc/self/limits does not tell")
    elif found[1] == "unlimited":
        yield fine("any memory may be locked")
    else:
        evidence = f"{bytes_text(int(found[1]))} may be locked"
        yield LOCKED_LOW.found(evidence) if int(found[1]) < _LOCKED_LOW else fine(evidence)


CHECKS: Final = (
    Check("sys.inotify", Topic.HOST, "/proc/sys/fs/inotify", (INOTIFY,), _inotify),
    Check("sys.fd", Topic.HOST, "/proc/sys/fs/file-nr", (FILES_LOW, FILES_TAKEN), _open_files),
    Check("sys.pids", Topic.HOST, "/proc/sys/kernel/pid_max", (PIDS_LOW,), _pids),
    Check("sys.mem", Topic.HOST, "/proc/meminfo", (MEMORY_LOW,), _memory),
    Check("sys.hugepages", Topic.HOST, "/proc/meminfo", (HUGE_PAGES,), _huge_pages),
    Check("sys.memlock", Topic.HOST, "/proc/self/limits", (LOCKED_LOW,), _locked),
)
