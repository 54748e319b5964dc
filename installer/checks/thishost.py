"""This very host as the source of all checks."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from installer.checks.engineasking import ask_engine, engine_socket
from installer.checks.hostfiles import HostFiles
from installer.checks.kernellog import read_kernel_log
from installer.checks.libraryasking import load_library
from installer.checks.nvmlasking import ask_nvml
from installer.checks.sources import Sources, Wanted


def host_sources(engine: str, wanted: Wanted) -> Sources:
    """Return this host, to be read; nothing is asked yet.

    Args:
        engine: as on the command line.
        wanted: what the host is to be fit for.

    Raises:
        UsageError: `engine-unknown`, `engine-not-local`.
    """
    socket = engine_socket(engine)
    return Sources(
        files=HostFiles(),
        ask_nvml=ask_nvml,
        ask_engine=lambda: ask_engine(socket),
        read_log=read_kernel_log,
        load_library=load_library,
        now=lambda: datetime.now(UTC),
        environment=dict(os.environ),
        wanted=wanted,
    )
