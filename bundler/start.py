"""The first lines of `bundle`. Owns what makes the start fast, and nothing else.

Nobody looks for garbage while there are only modules, which would take a fifth of the time; from
when a command works on, it is looked for as ever (`bundler.commandline.loading`).
"""

from __future__ import annotations

import gc


def main() -> None:
    """Run the program."""
    gc.disable()
    from bundler.cli import main as run_command_line  # noqa: PLC0415 - once nobody looks for garbage

    run_command_line()
