"""The way into the full-screen program: whether this terminal can show it, and its start.

The program itself is loaded only where it is opened.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from installer.console import Console
from installer.homes import Homes
from installer.tui.terminal import is_usable
from manifests.errors import ExitCode


def has_screen() -> bool:
    """Tell whether a person sits at a terminal that can be drawn on."""
    return Console().interactive and sys.stdout.isatty() and is_usable(os.environ)


def open_screens(homes: Homes, base_bundle: Path | None = None) -> ExitCode:
    """Run the full-screen program until a person leaves it.

    Args:
        homes: of this host.
        base_bundle: a kept bundle that old layers may come from; None for none.

    Raises:
        SystemExit: an expected failure, which has been shown.
    """
    with Console().guarded():
        from installer.tui.opening import run_screens  # noqa: PLC0415 - only where it is opened

        return run_screens(homes, base_bundle=base_bundle)
