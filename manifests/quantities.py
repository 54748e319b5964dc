"""Bytes, rates and times as people read them; pure text."""

from __future__ import annotations

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


def _decimals(size: float) -> int:
    return 2 if size < 10 else 1 if size < 100 else 0
