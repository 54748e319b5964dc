"""Questions to the person at the terminal: whether to remove something, a new passphrase."""

from __future__ import annotations

import getpass
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


def new_passphrase() -> bytes | None:
    """Ask twice for a new key's passphrase; empty means none.

    Raises:
        UsageError: no terminal, or the two differ.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "signing-key-passphrase",
            "expected a terminal to ask for a passphrase",
            hint="for a key without one: --no-passphrase",
        )
    first = getpass.getpass("Passphrase of the new key (empty for none): ")
    if first != getpass.getpass("Once more: "):
        raise UsageError("signing-key-passphrase", "the two passphrases differ")
    return first.encode() or None
