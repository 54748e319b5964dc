"""What `installer ledger ...` does: shows what this host remembers, and forgets it if told so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from installer.console import Console
from installer.ledger import RESET_CONFIRMATION, Ledger, LedgerState
from manifests.documents import instant_text


def show(console: Console, directory: Path) -> None:
    """List what was accepted and what is kept."""
    ledger = Ledger(directory)
    state, kept = ledger.state(), {(one.product, one.sequence) for one in ledger.releases()}
    console.lines(_lines(state, kept))
    console.document(
        "ledger",
        {
            "floor": instant_text(state.floor),
            "accepted": [
                {
                    "product": one.product,
                    "sequence": one.sequence,
                    "version": one.version,
                    "sums": str(one.sums),
                    "accepted_at": instant_text(one.accepted_at),
                    "installed": (one.product, one.sequence) in kept,
                }
                for one in state.accepted
            ],
        },
    )


def reset(console: Console, directory: Path, confirm: str, at: datetime) -> None:
    """Forget every release after a person typed the words."""
    words = confirm or console.ask(
        f"this lets older releases in. Type '{RESET_CONFIRMATION}':",
        f"--confirm '{RESET_CONFIRMATION}'",
    )
    with Ledger(directory).locked() as ledger:
        ledger.reset(confirm=words, at=at)
    console.lines(["the ledger is empty; the old one is kept beside it"])


def _lines(state: LedgerState, kept: set[tuple[str, int]]) -> Iterator[str]:
    for one in state.accepted:
        mark = "installed" if (one.product, one.sequence) in kept else "accepted"
        when = instant_text(one.accepted_at)
        yield f"{one.product} {one.version}, release {one.sequence}: {mark}, {when}"
    if not state.accepted:
        yield "nothing was installed here yet"
