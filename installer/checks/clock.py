"""Is the host's clock believable, and is the machine quiet enough to measure anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic, or_fine, unknown
from installer.checks.sources import Sources
from manifests.documents import instant_text

PROGRAM_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""This program is younger than that: a clock that shows less is wrong."""
TOLERANCE: Final = timedelta(seconds=120)
STOLEN_PERCENT: Final = 5

BEHIND: Final = Cause(
    "behind",
    Severity.FAIL,
    "the clock is before this program was made, or before the newest release accepted here was",
    "Certificates and licences will seem not yet valid. Set it: date -s 'YYYY-MM-DD HH:MM:SS', then"
    " hwclock -w.",
)
ENGINE_DIFFERS: Final = Cause(
    "engine-differs",
    Severity.WARN,
    "the engine's clock is more than two minutes off this one's",
    "The engine runs in a virtual machine whose clock is wrong: restart that machine.",
)
RTC_DIFFERS: Final = Cause(
    "rtc-differs",
    Severity.WARN,
    "the clock that runs while the machine is off is more than two minutes off",
    "hwclock -w writes the right time into it; if it is wrong again soon, its battery is empty.",
)
STOLEN: Final = Cause(
    "stolen",
    Severity.NOTE,
    "more than a twentieth of the processors' time went to other virtual machines",
    "Timings taken here mean little; ask whoever owns the host machine.",
)
LOADED: Final = Cause(
    "loaded",
    Severity.NOTE,
    "more work is waiting than there are processors",
    "Timings taken now mean little: run the self-test when the machine is quiet.",
)
_FRACTION: Final = re.compile(r"(\.\d{1,6})\d*")
_STEAL: Final = re.compile(r"cpu +((?:\d{1,19} ){7}\d{1,19})")
"""user nice system idle iowait irq softirq steal, in ticks (proc(5))."""
_LOAD: Final = re.compile(r"(\d{1,9}\.\d{2}) ")
_PROCESSOR: Final = re.compile(r"^cpu\d", re.MULTILINE)


def _time(sources: Sources) -> Iterator[Finding]:
    evidence = f"this clock says {instant_text(sources.now())}"
    yield from or_fine(_time_trouble(sources, evidence), evidence)


def _time_trouble(sources: Sources, evidence: str) -> Iterator[Finding]:
    now, least = sources.now(), max(PROGRAM_TIME, sources.wanted.issued or PROGRAM_TIME)
    if now < least:
        yield BEHIND.found(f"{evidence}, which is before {instant_text(least)}")
    if trouble := sources.wanted.ledger_trouble:
        known = "; the newest release accepted here is not known"
        yield unknown(
            f"{evidence}{known}: {trouble}", "As root it can be read: sudo installer check"
        )
    engine = _parsed(sources.engine.system_time) if sources.engine.answered else None
    if engine and abs(engine - now) > TOLERANCE:
        yield ENGINE_DIFFERS.found(f"{evidence}, the engine's {instant_text(engine)}")
    rtc = sources.files.number("/sys/class/rtc/rtc0/since_epoch")
    if rtc and not _rtc_is_local(sources) and abs(rtc - now.timestamp()) > TOLERANCE.seconds:
        yield RTC_DIFFERS.found(f"{evidence}, rtc0 is {int(rtc - now.timestamp())} s off")


def _rtc_is_local(sources: Sources) -> bool:
    """Tell whether the hardware's clock keeps local time, by which nothing can be compared."""
    return "LOCAL" in (sources.files.text("/etc/adjtime") or "")


def _parsed(text: str) -> datetime | None:
    """Return the time of RFC 3339 with nanoseconds, None when it is none."""
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _steal(sources: Sources) -> Iterator[Finding]:
    text = sources.files.text("/proc/stat") or ""
    stolen, load = _STEAL.match(text), _LOAD.match(sources.files.text("/proc/loadavg") or "")
    if stolen is None or load is None:
        yield unknown("/proc/stat and /proc/loadavg don't tell")
        return
    times = [int(one) for one in stolen[1].split()]
    share = 100 * times[-1] / max(1, sum(times))
    processors = len(_PROCESSOR.findall(text))
    evidence = f"load {load[1]} on {processors} processors, {share:.1f} % stolen since boot"
    loaded = float(load[1]) > processors
    yield from or_fine(_noise(evidence, loaded=loaded, stolen=share > STOLEN_PERCENT), evidence)


def _noise(evidence: str, *, loaded: bool, stolen: bool) -> Iterator[Finding]:
    if stolen:
        yield STOLEN.found(evidence)
    if loaded:
        yield LOADED.found(evidence)


CHECKS: Final = (
    Check(
        "sys.time",
        Topic.HOST,
        "this clock; SystemTime of the engine; /sys/class/rtc/rtc0/since_epoch, /etc/adjtime",
        (BEHIND, ENGINE_DIFFERS, RTC_DIFFERS),
        _time,
    ),
    Check("sys.steal", Topic.HOST, "/proc/stat, /proc/loadavg", (STOLEN, LOADED), _steal),
)
