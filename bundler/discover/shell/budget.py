"""How much work one script may make, whatever it holds."""

from __future__ import annotations

from typing import Final

from bundler.discover.shell.tokens import ShellLimit

WORK: Final = 8 * 1024 * 1024
"""Characters that are read and put together for one file."""
_STEP: Final = 24
"""What each step counts beside its characters."""


class Budget:
    """Counts the work for one file; loops and calls in scripts can't make it endless."""

    def __init__(self) -> None:
        self._left = WORK

    def spend(self, characters: int) -> None:
        """Count work.

        Raises:
            ShellLimit: nothing is left.
        """
        self._left -= characters + _STEP
        if self._left < 0:
            raise ShellLimit("more work than any script that people write")
