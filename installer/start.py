"""The first lines of `installer`: the full-screen program, or the command line where words follow.

Owns what makes the start fast, and nothing else. Screens wait for no command line to be loaded,
and nobody looks for garbage while there are only modules, which would take a fifth of the time.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> None:
    """Run the program."""
    gc.disable()
    from installer.console import exit_with  # noqa: PLC0415 - loaded once nobody looks for garbage
    from installer.screens import has_screen  # noqa: PLC0415

    if not sys.argv[1:] and has_screen():
        exit_with(_run_screens)
    from installer.cli import main as run_command_line  # noqa: PLC0415 - where it is asked for

    gc.freeze()
    gc.enable()
    run_command_line()


def _run_screens() -> NoReturn:
    """Open the screens as the command line would; they look for garbage once they are shown."""
    from installer.homes import Homes  # noqa: PLC0415
    from installer.logs.log import log_start, open_log  # noqa: PLC0415
    from installer.screens import open_screens  # noqa: PLC0415
    from manifests import __version__  # noqa: PLC0415

    homes = Homes.of(os.environ)
    open_log(homes.state, verbose=False)
    log_start(__version__, [])
    raise SystemExit(open_screens(homes))
