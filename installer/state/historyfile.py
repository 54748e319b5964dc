"""The file of the host's log: `history.jsonl` in the state directory.

Owns when it is made, read and added to, and how its loss is noticed. Does not know what entries
mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from installer.state.history import History, HistoryEntry, parse_history
from installer.state.hostdir import HostDirectory

NAME: Final = "history.jsonl"
_MAX_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """The log of a state directory.

    Attributes:
        home: the directory.
        used: whether anything was accepted there: then there must be a log.
    """

    home: HostDirectory
    used: Callable[[], bool]

    def begin(self) -> None:
        """Make it on a host where nothing was accepted yet.

        Raises:
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        if NAME not in self.home.names() and not self.used():
            self.home.write(NAME, b"")

    def read(self) -> History:
        """Return the log, and what of it is damaged or lost; raises as `begin`."""
        raw = self.home.read(NAME, limit=_MAX_BYTES)
        return History((), lost=self.used()) if raw is None else parse_history(raw)

    def add(self, entries: Iterable[HistoryEntry]) -> None:
        """Add entries in one write and wait until they are on the disk; raises as `begin`.

        Where the log was lost, an entry before them says so: none begins anew in silence.
        """
        new = list(entries)
        if new and NAME not in self.home.names() and self.used():
            new.insert(0, HistoryEntry(new[0].at, "history-lost"))
        if new:
            self.home.append(NAME, b"\n".join(entry.encode() for entry in new))
