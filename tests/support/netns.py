"""Network namespaces without interfaces: where the disconnected host lives.

Names carry the process id of their maker, so that those of a killed run are found and removed.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.process import is_dead

PREFIX = "moonlift-"
_RUN = Path("/run/netns")
_count = itertools.count()


class NetnsError(RuntimeError):
    """`ip netns` refused: not root, or the kernel can't."""


@contextmanager
def network_namespace(*, loopback: bool = True) -> Iterator[str]:
    """Yield the name of a new network namespace that has no interface, or `lo` alone.

    Raises:
        NetnsError: it can't be made here.
    """
    remove_stale()
    name = f"{PREFIX}{os.getpid()}-{next(_count)}"
    _ip("netns", "add", name)
    try:
        if loopback:
            _ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        _ip("netns", "delete", name)


def inside(name: str) -> tuple[str, ...]:
    """Return the command prefix that runs a command in the namespace; nothing for no name.

    Not `ip netns exec`: that hides the control groups under /sys, which engines need.
    """
    return ("nsenter", f"--net={_RUN / name}") if name else ()


def remove_stale() -> None:
    """Remove namespaces whose makers are dead."""
    for path in _RUN.glob(f"{PREFIX}*-*"):
        maker = path.name.removeprefix(PREFIX).partition("-")[0]
        if is_dead(maker):
            subprocess.run(["ip", "netns", "delete", path.name], check=False, capture_output=True)


def _ip(*args: str) -> None:
    done = subprocess.run(["ip", *args], check=False, capture_output=True, text=True)
    if done.returncode:
        raise NetnsError(f"ip {' '.join(args)}: {done.stderr.strip()}")
