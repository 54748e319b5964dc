"""What this host has accepted and installed so far: the ledger's one document.

Owns the form of `ledger.json`, its bounds and the rule that no high-water mark in it is ever
lowered. Does not read or write files; does not decide: `installer.planning.freshness` does. What is
installed of one app is `installer.state.apps`' matter.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import Field

from installer.state.apps import InstalledApp
from manifests.digest import Digest
from manifests.documents import DigestField, Document, Instant, Part, Product, Sequence, Version
from manifests.errors import MoonliftError
from manifests.strictjson import JsonValue, canonical, load_object, readable

MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of ledger.json: some 20 000 accepted releases and as many installed images."""
MAX_APPS: Final = 1000
EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""No release was made before this program; a clock that says so is wrong."""

_CHECK: Final = "check"
"""The field with the digest of all others, against a damaged disk."""


class DamagedState(MoonliftError, ValueError):
    """Bytes that are not a ledger; code `ledger-damaged`."""

    def __init__(self, reason: str) -> None:
        super().__init__("ledger-damaged", reason)


class AcceptedRelease(Part):
    """A release that passed every check on this host once.

    Attributes:
        product: name of the app.
        sequence: number of the release.
        sums: digest of its SHA256SUMS, which names every file of it.
        version: for people.
        accepted_at: by the host's clock, raised to the floor.
    """

    product: Product
    sequence: Sequence
    sums: DigestField
    version: Version
    accepted_at: Instant


class LedgerState(Document):
    """The whole ledger.

    Attributes:
        floor: the latest time of issue ever accepted: it can't be earlier now.
        accepted: every release accepted, oldest first.
        apps: what is installed, by product.
    """

    floor: Instant = EARLIEST
    accepted: tuple[AcceptedRelease, ...] = ()
    apps: Annotated[tuple[InstalledApp, ...], Field(max_length=MAX_APPS)] = ()

    @classmethod
    def decode(cls, raw: bytes) -> LedgerState:
        """Parse the bytes of ledger.json.

        Raises:
            DamagedState: not exactly what `encode` writes.
        """
        try:
            return cls.parse(_checked(raw), limit=MAX_BYTES, subject="ledger.json")
        except MoonliftError as err:
            raise DamagedState(str(err)) from err

    def encode(self) -> bytes:
        """Return the bytes of ledger.json; they may be more than `MAX_BYTES`."""
        body = self.to_json()
        return readable({**body, _CHECK: _check(body)})

    @property
    def products(self) -> frozenset[str]:
        """Every app that a release was ever accepted of, whatever became of it."""
        return frozenset(one.product for one in self.accepted)

    def app(self, product: str) -> InstalledApp | None:
        """Return what is installed of an app, None if nothing is."""
        return next((one for one in self.apps if one.product == product), None)

    def with_app(self, app: InstalledApp) -> LedgerState:
        """Return the state with `app` in the place of what was known of its product."""
        others = [one for one in self.apps if one.product != app.product]
        ordered = sorted((*others, app), key=lambda one: one.product)
        return self.model_copy(update={"apps": tuple(ordered)})

    def without_app(self, product: str) -> LedgerState:
        """Return the state after an app was uninstalled; its high-water mark stays."""
        others = tuple(one for one in self.apps if one.product != product)
        return self.model_copy(update={"apps": others})

    def newest(self, product: str) -> AcceptedRelease | None:
        """Return the high-water mark of `product`; None if it was never installed here."""
        return max(
            (one for one in self.accepted if one.product == product),
            key=lambda one: one.sequence,
            default=None,
        )

    def find(self, product: str, sequence: int) -> AcceptedRelease | None:
        """Return the release accepted under this number, None if there was none."""
        for one in self.accepted:
            if (one.product, one.sequence) == (product, sequence):
                return one
        return None

    def with_accepted(self, release: AcceptedRelease, *, issued: datetime) -> LedgerState:
        """Return the state after `release`; high-water marks and floor only rise."""
        known = self.find(release.product, release.sequence) is not None
        return self.model_copy(
            update={
                "floor": max(self.floor, issued),
                "accepted": self.accepted if known else (*self.accepted, release),
            }
        )


def _checked(raw: bytes) -> bytes:
    body = load_object(raw, limit=MAX_BYTES, subject="ledger.json")
    found = body.pop(_CHECK, None)
    if found != _check(body):
        raise DamagedState(f"expected check {_check(body)}, found {found}")
    return canonical(body)


def _check(body: dict[str, JsonValue]) -> str:
    return str(Digest.of(canonical(body)))
