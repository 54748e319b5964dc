"""Bytes, rates and times as people read and write them; pure text."""

from __future__ import annotations

import re

from manifests.errors import UsageError

_SIZE = re.compile(r"(\d+)\s*(?:([KMGT])(i?)B?|B)?", re.ASCII | re.IGNORECASE)
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
_TIME = re.compile(r"(\d{1,9})\s*([smhdw]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def bytes_text(count: float) -> str:
    """Return `1.4 GiB` for 1503238553: IEC units, three figures."""
    size = float(count)
    for unit in _UNITS:
        if abs(size) < 1024 or unit == _UNITS[-1]:
            return f"{size:.0f} B" if unit == "B" else f"{size:.{_decimals(size)}f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")


def seconds_text(seconds: float) -> str:
    """Return `1:02:03`, `2:03` or `4.5 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def parse_size(text: str) -> int:
    """Return bytes for `4GiB`, `4G`, `650MB`: `i` or a bare letter counts in 1024, `B` in 1000.

    Raises:
        UsageError: `size-malformed`.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError("size-malformed", f"expected a size such as 2GiB, found {text!r}")
    if match[2] is None:
        return int(match[1])
    decimal = not match[3] and text.strip().upper().endswith("B")
    unit = 1000 if decimal else 1024
    return int(match[1]) * int(unit ** _POWERS[match[2].upper()])


def parse_seconds(text: str) -> int:
    """Return seconds for `3600`, `90m`, `12h`, `30d`, `2w`.

    Raises:
        UsageError: `time-malformed`.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UsageError("time-malformed", f"expected a time such as 12h or 30d, found {text!r}")
    return int(match[1]) * _SECONDS[match[2]]


def _decimals(size: float) -> int:
    return 2 if size < 10 else 1 if size < 100 else 0
