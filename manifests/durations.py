"""Spans of time as people write them: `90s`, `1h30m`, `72h`, `1.5d`; pure text."""

from __future__ import annotations

import re
from fractions import Fraction
from types import MappingProxyType
from typing import Final

MAX_SECONDS: Final = 2**31 - 1

_UNITS: Final = MappingProxyType(
    {
        "w": Fraction(7 * 86400),
        "d": Fraction(86400),
        "h": Fraction(3600),
        "m": Fraction(60),
        "s": Fraction(1),
        "ms": Fraction(1, 10**3),
        "us": Fraction(1, 10**6),
        "µs": Fraction(1, 10**6),
        "ns": Fraction(1, 10**9),
    }
)
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ms|us|µs|ns|[wdhms])")
DURATION_PATTERN: Final = r"^0$|^([0-9]{1,12}(\.[0-9]{1,9})?(ms|us|µs|ns|[wdhms]))+$"
"""What `read_duration` takes, for JSON Schemas."""


def read_duration(text: str) -> Fraction:
    """Return the seconds of a span of time.

    Raises:
        ValueError: it is none, or longer than 68 years.
    """
    found, at = Fraction(0), 0
    while (part := _PART.match(text, at)) is not None:
        found += Fraction(part[1]) * _UNITS[part[2]]
        at = part.end()
    if at != len(text) or (not text) or len(text) > 200:
        if text == "0":
            return Fraction(0)
        raise ValueError(f"expected a time such as 90s, 5m or 1h30m, found {text[:100]!r}")
    if found > MAX_SECONDS:
        raise ValueError(f"expected at most {MAX_SECONDS} seconds, found {text[:100]!r}")
    return found


def whole_seconds(text: str) -> int:
    """Return the seconds of a span of time, rounded up; see `read_duration`."""
    return _rounded_up(read_duration(text))


def whole_milliseconds(text: str) -> int:
    """Return the milliseconds of a span of time, rounded up; at most 24 days.

    Raises:
        ValueError: as `read_duration`, or longer.
    """
    found = _rounded_up(read_duration(text) * 1000)
    if found > MAX_SECONDS:
        raise ValueError(f"expected at most 24 days, found {text[:100]!r}")
    return found


def _rounded_up(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)
