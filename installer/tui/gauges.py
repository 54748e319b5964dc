"""Bars and amounts as text of a given width; pure."""

from __future__ import annotations

from typing import Final

from installer.events import Unit
from manifests.quantities import bytes_text, seconds_text

FULL: Final = "█"
EMPTY: Final = "░"


def bar_text(share: float, width: int) -> str:
    """Return a bar `width` cells wide; full only when all is done."""
    filled = int(max(0.0, min(1.0, share)) * width)
    return FULL * filled + EMPTY * (width - filled)


def percent_text(share: float) -> str:
    """Return `  7%` or `100%`, never 100 before the end."""
    return f"{int(max(0.0, min(1.0, share)) * 100):>3}%"


def amount_text(done: int, total: int, unit: Unit) -> str:
    """Return `1.2 GiB of 3.4 GiB` or `3 of 5 names`."""
    if unit is Unit.BYTES:
        return f"{bytes_text(done)} of {bytes_text(total)}"
    return f"{done} of {total} {unit}"


def rate_text(bytes_per_second: float) -> str:
    """Return `220 MiB/s`; nothing while it is not known."""
    return f"{bytes_text(bytes_per_second)}/s" if bytes_per_second > 0 else ""


def left_text(seconds: float | None) -> str:
    """Return `2:03 left`; nothing while it is not known."""
    return "" if seconds is None else f"{seconds_text(seconds)} left"


def cut_text(text: str, width: int) -> str:
    """Return text that fits: its end, which tells names apart, stays."""
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]
