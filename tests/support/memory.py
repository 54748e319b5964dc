"""How much memory a block of work takes at its peak, as the kernel counts it: pages of the process.

Tracing each allocation would be exact, and make the work several times slower.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROC = Path("/proc/self")


@contextmanager
def growing_at_most(limit: int) -> Iterator[None]:
    """Assert that this process grows by no more than `limit` bytes within the block."""
    gc.collect()
    (_PROC / "clear_refs").write_text("5")  # the peak counts from here (proc(5))
    before = _bytes("VmRSS")
    yield
    grown = _bytes("VmHWM") - before
    assert grown <= limit, f"grew by {grown} bytes, expected {limit} at most"


def _bytes(name: str) -> int:
    lines = (_PROC / "status").read_text().splitlines()
    found = next(line for line in lines if line.startswith(f"{name}:"))
    return int(found.split()[1]) * 1024
