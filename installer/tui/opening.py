"""Starts the full-screen program on this terminal, and says how it ended."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from installer.tui.app import InstallerApp
from installer.tui.background import in_thread
from installer.tui.session import Session
from installer.tui.stepscreens import load_ahead
from installer.tui.terminal import choose_terminal
from manifests.errors import ExitCode

if TYPE_CHECKING:
    from installer.verbs.install import AppHomes

FALLBACK: Final = (80, 24)
"""Columns and rows of a terminal that tells none: a serial line."""
LOOK: Final = 2.0
"""Seconds between two looks whether the terminal is still there."""


class _Opened(InstallerApp):
    """The program on a terminal of its own, whose start puts the search for garbage off."""

    def on_ready(self) -> None:
        """Look for garbage from now on: the first screen is painted, and modules stay."""
        gc.freeze()
        gc.enable()
        self.set_interval(LOOK, end_without_terminal)
        in_thread(self.post_message, load_ahead)


def run_screens(
    homes: AppHomes, engine: str = "auto", *, base_bundle: Path | None = None
) -> ExitCode:
    """Run until a person leaves.

    Args:
        homes: of this host.
        engine: as on the command line.
        base_bundle: a kept bundle that old layers may come from; None for none.

    Raises:
        BaseException: a bug, with its traceback.
    """
    terminal = choose_terminal(os.environ, sys.stdout.encoding)
    session = Session(homes, engine, program_folder(), base_bundle=base_bundle)
    program = _Opened(session, terminal)
    code = program.run(mouse=False, size=size_of(os.environ))
    if program.bug is not None:
        raise program.bug
    if program.return_code:  # textual has shown it
        return ExitCode.BUG
    return ExitCode.DONE if code is None else code


def end_without_terminal() -> None:
    """End as a lost connection ends programs: a terminal that is gone is read from for ever.

    The kernel sends SIGHUP only where it was the controlling terminal, termios(3): not to the
    child of a loader that was killed, for one.
    """
    if sys.__stdin__ is not None and not sys.__stdin__.isatty():
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGHUP)


def program_folder() -> Path:
    """Return the folder that the program was started from: on a drive, its bundles lie there."""
    return Path(sys.argv[0]).absolute().parent


def size_of(environ: Mapping[str, str]) -> tuple[int, int] | None:
    """Return a size for a terminal that tells none; None for one that does."""
    try:
        told = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    except OSError:
        told = os.terminal_size((0, 0))
    if told.columns and told.lines:
        return None
    columns, rows = (environ.get(name, "") for name in ("COLUMNS", "LINES"))
    return (
        int(columns) if columns.isdecimal() and int(columns) else FALLBACK[0],
        int(rows) if rows.isdecimal() and int(rows) else FALLBACK[1],
    )
