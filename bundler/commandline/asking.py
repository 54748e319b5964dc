"""Questions to the person at the terminal, before something is removed."""

from __future__ import annotations

import sys

from manifests.errors import UsageError


def confirm(question: str, *, as_json: bool) -> None:
    """Ask on the terminal; only yes goes on.

    Raises:
        UsageError: `not-a-terminal`.
        KeyboardInterrupt: no.
    """
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "not-a-terminal",
            "this needs an answer, and no one can be asked",
            hint="--yes removes without asking; --dry-run shows the plan",
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise KeyboardInterrupt
