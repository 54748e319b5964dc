"""What this host has installed: high-water marks, kept releases and the log of decisions.

Owns the state directory. Does not decide what is fresh (`installer.freshness`) and does not know
engines.

    ledger.json                       high-water marks and the time floor
    history.jsonl                     every decision, only ever added to
    releases/<product>/<sequence>.json  release.json of what was installed here, byte for byte

A directory that was never used is a fresh host. One that was used and has lost `ledger.json`, or
holds a damaged one, is refused until a person resets it: forgetting must be asked for. The limit
of that: whoever may remove the whole directory makes a fresh host, and nothing here can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from installer.freshness import (
    Candidate,
    FreshnessVerdict,
    FreshnessWarning,
    Standing,
    judge,
    refuse_fork,
)
from installer.history import HistoryEntry, parse_history
from installer.hostdir import HostDirectory
from installer.ledgerstate import MAX_BYTES, AcceptedRelease, DamagedState, LedgerState
from manifests.errors import NotInstallableHere, UsageError
from manifests.release import RELEASE_LIMIT

__all__ = [
    "DEFAULT_DIRECTORY",
    "RESET_CONFIRMATION",
    "AcceptedRelease",
    "Candidate",
    "FreshnessVerdict",
    "FreshnessWarning",
    "HistoryEntry",
    "KeptRelease",
    "Ledger",
    "LedgerState",
    "LockedLedger",
    "Standing",
]

DEFAULT_DIRECTORY: Final = Path("/var/lib/moonlift")
RESET_CONFIRMATION: Final = "forget all releases"
"""What a person types to reset the ledger."""

_ROOM: Final = "ledger"
_STATE: Final = "ledger.json"
_HISTORY: Final = "history.jsonl"
_RELEASES: Final = "releases"
_MAX_HISTORY: Final = 64 * 1024 * 1024
_PRODUCT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_KEPT = re.compile(r"([1-9][0-9]{0,18})\.json", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeptRelease:
    """release.json of a release that was installed here.

    Attributes:
        product: name of the app.
        sequence: number of the release.
        raw: the bytes that were signed.
    """

    product: str
    sequence: int
    raw: bytes


class Ledger:
    """The state directory of this host, for reading; each call reads it anew."""

    def __init__(self, directory: Path = DEFAULT_DIRECTORY) -> None:
        self.directory = directory
        self._home = HostDirectory(directory, _ROOM)

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

    def releases(self) -> tuple[KeptRelease, ...]:
        """Return the kept releases, by product and number.

        Raises:
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        home = HostDirectory(self.directory / _RELEASES, _ROOM)
        products = filter(_PRODUCT.fullmatch, home.names())
        return tuple(kept for product in products for kept in self._kept(product))

    def history(self) -> tuple[HistoryEntry, ...]:
        """Return the log, oldest first.

        Raises:
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        return parse_history(self._home.read(_HISTORY, limit=_MAX_HISTORY) or b"")

    @contextmanager
    def locked(self) -> Iterator[LockedLedger]:
        """Keep other installers out and allow changes; makes the directory if it is missing.

        Raises:
            NotInstallableHere: `ledger-busy`, `ledger-unsafe`, `ledger-io`.
        """
        with self._home.locked():
            if not self._was_used() and self._home.read(_STATE, limit=MAX_BYTES) is None:
                self._home.write(_STATE, LedgerState().encode())
            yield LockedLedger(self.directory)

    def _was_used(self) -> bool:
        return not {_HISTORY, _RELEASES}.isdisjoint(self._home.names())

    def _kept(self, product: str) -> Iterator[KeptRelease]:
        home = self._product_home(product)
        sequences = sorted(int(m[1]) for name in home.names() if (m := _KEPT.fullmatch(name)))
        for sequence in sequences:
            raw = home.read(f"{sequence}.json", limit=RELEASE_LIMIT)
            if raw is not None:
                yield KeptRelease(product, sequence, raw)

    def _product_home(self, product: str) -> HostDirectory:
        if not _PRODUCT.fullmatch(product):
            raise UsageError("product-malformed", f"{product!r} is not the name of a product")
        return HostDirectory(self.directory / _RELEASES / product, _ROOM)

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
        self._home.write(_STATE, after.encode())
        facts = {"sums": str(candidate.sums), "version": candidate.version}
        self.record(HistoryEntry(verdict.now, "accepted", release.product, release.sequence, facts))
        return after

    def keep_release(self, release: KeptRelease) -> None:
        """Keep the bytes of an installed release's release.json.

        Raises:
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        home = self._product_home(release.product)
        HostDirectory(self.directory / _RELEASES, _ROOM).create()
        home.create()
        home.write(f"{release.sequence}.json", release.raw)

    def forget_release(self, product: str, sequence: int) -> None:
        """Stop keeping a release whose images were pruned; the high-water mark stays.

        Raises:
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        home = self._product_home(product)
        if home.exists():
            home.remove(f"{sequence}.json")

    def record(self, entry: HistoryEntry) -> None:
        """Add one decision to the log and wait until it is on the disk.

        Raises:
            NotInstallableHere: `ledger-unsafe`, `ledger-io`.
        """
        self._home.append(_HISTORY, entry.encode())

    def reset(self, *, confirm: str, at: datetime) -> None:
        """Forget every high-water mark and the floor; kept releases and the log stay.

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
