"""What the driver wrote into the kernel's log: Xid errors, one cause for each number.

They stand there until the next boot, or until `dmesg --clear` says that they were seen to.

Source: NVIDIA's "XID Errors" catalogue.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine
from installer.checks.sources import Sources

_RESET: Final = "stop what runs on it and reset it (nvidia-smi --gpu-reset)"
_FATAL: Final[Mapping[int, tuple[str, str]]] = {
    48: (
        "a memory error of two bits",
        f"Uncorrected memory: {_RESET}; have it replaced if it returns.",
    ),
    62: ("its micro-controller halted", f"{_RESET.capitalize()}; update the driver if it returns."),
    64: (
        "bad memory could not be retired or replaced",
        f"{_RESET.capitalize()}; have it replaced if it returns.",
    ),
    74: ("NVLink error", f"{_RESET.capitalize()}; reseat the NVLink bridge or board."),
    79: (
        "fell off the bus",
        "Power the machine off and on, reseat the card, check its power supply and heat.",
    ),
    94: (
        "a contained memory error",
        "Start the app that it hit again, and reset the GPU as soon as nothing uses it.",
    ),
    95: ("an uncontained memory error", f"Results since then can't be trusted: {_RESET} at once."),
    119: (
        "its system processor did not answer",
        f"{_RESET.capitalize()}; update the driver, or load it with NVreg_EnableGpuFirmware=0.",
    ),
    120: (
        "its system processor failed",
        f"{_RESET.capitalize()}; update the driver, or load it with NVreg_EnableGpuFirmware=0.",
    ),
    140: ("an unrecovered memory error", f"{_RESET.capitalize()}; have it replaced if it returns."),
}
_APP: Final[Mapping[int, str]] = {
    13: "a program's kernel faulted",
    31: "a program touched memory that is not its own",
    43: "a program was stopped",
    45: "a program ended while its work was under way",
}
FATAL: Final[Mapping[int, Cause]] = {
    number: Cause(f"xid-{number}", Severity.FAIL, f"Xid {number}: {when}", remedy)
    for number, (when, remedy) in _FATAL.items()
}
RETIRED: Final = Cause(
    "xid-63",
    Severity.WARN,
    "Xid 63: bad memory was retired or is about to be",
    "Reset the GPU when nothing uses it; gpu.remap and gpu.retired say whether it is still due.",
)
APP: Final = Cause(
    "xid-app",
    Severity.NOTE,
    f"Xid {', '.join(map(str, _APP))}: faults of programs, not of the card",
    "Look at the program that had it; if every program has them, run the self-test.",
)
OTHER: Final = Cause(
    "xid-other",
    Severity.WARN,
    "any other Xid",
    "Look up Xid {number} in NVIDIA's catalogue of Xid errors, and run the self-test.",
)
_XID: Final = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9A-Fa-f:.]{1,20})\): (\d{1,4})")


def _xid(sources: Sources) -> Iterator[Finding]:
    log = sources.log.readable()
    seen: Counter[tuple[int, str]] = Counter()
    for line in log.having("nvrm: xid"):
        if found := _XID.search(line):
            seen[int(found[2]), found[1]] += 1
    for (number, address), count in sorted(seen.items()):
        yield _cause(number).found(_evidence(number, address, count), number=number)
    if not seen:
        yield fine(f"no Xid in {log.source}")


def _evidence(number: int, address: str, count: int) -> str:
    times = "once" if count == 1 else f"{count} times"
    what = f" ({_APP[number]})" if number in _APP else ""
    return f"Xid {number}{what} on {address}, {times}"


def _cause(number: int) -> Cause:
    if number == 63:
        return RETIRED
    return APP if number in _APP else FATAL.get(number, OTHER)


CHECKS: Final = (
    Check(
        "gpu.xid",
        Topic.GPU,
        "/dev/kmsg, else /var/log/kern.log, messages or syslog",
        (*FATAL.values(), RETIRED, APP, OTHER),
        _xid,
    ),
)
