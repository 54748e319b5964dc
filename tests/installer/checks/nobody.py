"""Looks at this host as an ordinary user, and prints what it finds; a program for tests.

Started as root, since another user may not reach this interpreter; it gives up its rights when all
is imported. Its one argument is the URL of an engine's socket.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime

from installer.checks.catalogue import run_checks
from installer.checks.engineasking import ask_engine
from installer.checks.hostfiles import HostFiles
from installer.checks.kernellog import read_kernel_log
from installer.checks.libraryasking import load_library
from installer.checks.nvmlasking import ask_nvml
from installer.checks.sources import Sources, Wanted
from installer.checks.texts import results_json

NOBODY = 65534


def main() -> None:
    """Run every check without rights."""
    ask_engine("unix:///nowhere")  # imports the engine's client
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    facts = ask_engine(sys.argv[1])
    sources = Sources(
        files=HostFiles(),
        ask_nvml=ask_nvml,
        ask_engine=lambda: facts,
        read_log=read_kernel_log,
        load_library=load_library,
        now=lambda: datetime.now(UTC),
        wanted=Wanted(gpu=True),
    )
    print(json.dumps(results_json(list(run_checks(sources)))))


if __name__ == "__main__":
    main()
