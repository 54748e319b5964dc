"""What this host has installed: high-water marks, kept releases and the log of decisions.

Owns the state directory. Does not decide what is fresh (`installer.planning.freshness`) and does
not know engines.

    ledger.json                       high-water marks, the time floor, what is installed
    history.jsonl                     every decision, only ever added to
    releases/<product>/<sequence>.json  release.json of what was installed here, byte for byte

A directory that was never used is a fresh host. One that was used and has lost `ledger.json`, or
holds a damaged one, is refused until a person resets it: forgetting must be asked for. The limit
of that: whoever may remove the whole directory makes a fresh host, and nothing here can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from installer.planning.freshness import (
    Candidate,
    FreshnessVerdict,
    FreshnessWarning,
    Standing,
    judge,
    refuse_fork,
)
from installer.state.apps import InstalledApp, InstalledImage, InstalledRelease, PendingSwitch
from installer.state.document import MAX_BYTES, AcceptedRelease, DamagedState, LedgerState
from installer.state.history import History, HistoryEntry
from installer.state.historyfile import NAME as HISTORY
from installer.state.historyfile import HistoryFile
from installer.state.hostdir import HostDirectory
from installer.state.releases import FOLDER as RELEASES
from installer.state.releases import KeptRelease, KeptReleases
from manifests.errors import NotInstallableHere, UsageError

__all__ = [
    "DEFAULT_DIRECTORY",
    "RESET_CONFIRMATION",
    "Candidate",
    "FreshnessVerdict",
    "FreshnessWarning",
    "HistoryEntry",
    "InstalledApp",
    "InstalledImage",
    "InstalledRelease",
    "KeptRelease",
    "Ledger",
    "LedgerState",
    "LockedLedger",
    "PendingSwitch",
    "Standing",
]

DEFAULT_DIRECTORY: Final = Path("/var/lib/moonlift")
RESET_CONFIRMATION: Final = "forget all releases"
"""What a person types to reset the ledger."""

_ROOM: Final = "ledger"
_STATE: Final = "ledger.json"


class Ledger:
    """The state directory of this host, for reading; each call reads it anew."""

    def __init__(self, directory: Path = DEFAULT_DIRECTORY) -> None:
        self.directory = directory
        self._home = HostDirectory(directory, _ROOM)
        self._releases = KeptReleases(directory, _ROOM)
        self._history = HistoryFile(self._home, self._has_accepted)

    def state(self) -> LedgerState:
        """Return what was accepted so far; nothing on a fresh host.

        Raises:
            NotInstallableHere: `ledger-damaged`, `ledger-unsafe`, `ledger-io`.
        """
        raw = self._home.read(_STATE, limit=MAX_BYTES)
        if raw is None:
            if self._was_used():
                raise self._damaged("is missing, though this host has used it")
            return LedgerState()
        try:
            return LedgerState.decode(raw)
        except DamagedState as err:
            raise self._damaged(f"is damaged: {err}") from err

    def check(
        self,
        candidate: Candidate,
        host_now: datetime,
        *,
        allow_downgrade: bool = False,
        accept_expired: bool = False,
    ) -> FreshnessVerdict:
        """Return the verdict on `candidate`; changes nothing.

        Raises:
            BundleRefused: `release-fork`, `downgrade-refused`, `release-expired`.
            NotInstallableHere: as `state`.
        """
        return judge(
            self.state(),
            candidate,
            host_now,
            allow_downgrade=allow_downgrade,
            accept_expired=accept_expired,
        )

    def app(self, product: str) -> InstalledApp | None:
        """Return what is installed of an app, None if nothing is.

        Raises:
            NotInstallableHere: as `state`.
        """
        return self.state().app(product)

    def kept(self, product: str, sequence: int) -> KeptRelease | None:
        """Return a kept release, None if it is not kept.

        Raises:
            UsageError: `product-malformed`.
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        return self._releases.find(product, sequence)

    def releases(self) -> tuple[KeptRelease, ...]:
        """Return the kept releases, by product and number.

        Raises:
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        return tuple(self._releases.all())

    def history(self) -> tuple[HistoryEntry, ...]:
        """Return what of the log can be read, oldest first; raises as `log`."""
        return self.log().entries

    def log(self) -> History:
        """Return the log, and what of it is damaged or lost.

        Raises:
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        return self._history.read()

    @contextmanager
    def locked(self) -> Iterator[LockedLedger]:
        """Keep other installers out and allow changes; makes the directory if it is missing.

        Raises:
            NotInstallableHere: `ledger-busy`, `ledger-unsafe`, `ledger-io`.
        """
        with self._home.locked():
            if not self._was_used() and self._home.read(_STATE, limit=MAX_BYTES) is None:
                self._home.write(_STATE, LedgerState().encode())
            self._history.begin()
            yield LockedLedger(self.directory)

    def _has_accepted(self) -> bool:
        """Tell whether a release was ever accepted; a damaged ledger is one that has."""
        return self._home.read(_STATE, limit=MAX_BYTES) not in (None, LedgerState().encode())

    def _was_used(self) -> bool:
        return not {HISTORY, RELEASES}.isdisjoint(self._home.names())

    def _damaged(self, reason: str) -> NotInstallableHere:
        return NotInstallableHere(
            "ledger-damaged",
            f"{self.directory / _STATE} {reason}: this host no longer knows which releases it"
            " has seen, and could be given an old one",
            hint="restore it from a backup, or forget everything: installer ledger reset",
            path=str(self.directory / _STATE),
        )


class LockedLedger(Ledger):
    """The ledger while its lock is held; only `Ledger.locked` makes one."""

    def accept(self, verdict: FreshnessVerdict) -> LedgerState:
        """Raise the high-water mark; must be called before anything of the release is used.

        Accepting a release again changes nothing; accepting an older one lowers nothing.

        Raises:
            BundleRefused: `release-fork`.
            NotInstallableHere: as `state`.
        """
        candidate = verdict.candidate
        before = self.state()
        refuse_fork(before, candidate)
        release = AcceptedRelease(
            product=candidate.product,
            sequence=candidate.sequence,
            sums=candidate.sums,
            version=candidate.version,
            accepted_at=verdict.now,
        )
        after = before.with_accepted(release, issued=candidate.issued)
        self._write(after)
        facts = {"sums": str(candidate.sums), "version": candidate.version}
        self.record(HistoryEntry(verdict.now, "accepted", release.product, release.sequence, facts))
        return after

    def keep_release(self, release: KeptRelease) -> None:
        """Keep the bytes of an installed release's release.json; raises as `kept`."""
        self._releases.keep(release)

    def change_app(
        self, product: str, change: Callable[[InstalledApp], InstalledApp]
    ) -> InstalledApp:
        """Write down what is installed of an app, all of it at once, and return it.

        The release.json of a release that is no longer among its releases is not kept either.

        Args:
            product: name of the app.
            change: from what was known, an app without releases at first, to what is now.

        Raises:
            NotInstallableHere: as `state`, and `ledger-full`.
        """
        state = self.state()
        before = state.app(product) or InstalledApp(product=product)
        app = change(before)
        if (after := state.with_app(app)) != state:
            self._write(after)
        for sequence in before.sequences - app.sequences:
            self._releases.forget(product, sequence)
        return app

    def forget_app(self, product: str) -> None:
        """Forget an app, kept releases too; the high-water mark stays; raises as `state`."""
        self._write(self.state().without_app(product))
        for sequence in self._releases.sequences(product):
            self._releases.forget(product, sequence)

    def forget_release(self, product: str, sequence: int) -> None:
        """Forget a release whose images were pruned; the high-water mark stays.

        Raises:
            UsageError: `release-needed`: it is active, previous or about to be.
            NotInstallableHere: as `state`.
        """
        if (app := self.app(product)) is not None:
            if sequence in app.protected:
                raise UsageError("release-needed", f"{product} {sequence} can't be forgotten")
            self.change_app(product, lambda app: app.without(sequence))
        self._releases.forget(product, sequence)

    def record(self, entry: HistoryEntry) -> None:
        """Add one decision to the log; as `record_all`."""
        self.record_all((entry,))

    def record_all(self, entries: Iterable[HistoryEntry]) -> None:
        """Add decisions to the log, in one write, and wait until they are on the disk.

        Raises:
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        self._history.add(entries)

    def reset(self, *, confirm: str, at: datetime) -> None:
        """Forget every high-water mark, the floor and the apps; kept releases and the log stay.

        The old `ledger.json`, if there is one, is kept beside as `ledger.json.old`.

        Args:
            confirm: `RESET_CONFIRMATION`, typed by a person.
            at: for the log.

        Raises:
            UsageError: `ledger-reset-unconfirmed`.
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        if confirm != RESET_CONFIRMATION:
            raise UsageError(
                "ledger-reset-unconfirmed",
                f"expected the words {RESET_CONFIRMATION!r}, found {confirm!r}",
                hint="after this, an old release can be installed as if it were new",
            )
        self.record(HistoryEntry(at, "ledger-reset"))
        if _STATE in self._home.names():
            self._home.rename(_STATE, f"{_STATE}.old")
        self._home.write(_STATE, LedgerState().encode())

    def _write(self, state: LedgerState) -> None:
        """Replace the state; what could not be read back is not written."""
        raw = state.encode()
        if len(raw) > MAX_BYTES:
            raise NotInstallableHere(
                "ledger-full",
                f"{self.directory / _STATE} would be larger than {MAX_BYTES} bytes",
                hint="forget old releases: installer prune",
            )
        self._home.write(_STATE, raw)
