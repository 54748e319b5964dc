"""What this host has accepted so far: the ledger's one document.

Owns the form of `ledger.json` and the rule that nothing in it is ever lowered. Does not read or
write files; does not decide: `installer.freshness` does.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from manifests.digest import Digest
from manifests.documents import DigestField, Document, Instant, Part, Product, Sequence, Version
from manifests.errors import MoonliftError
from manifests.strictjson import JsonValue, canonical, load_object, readable

MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of ledger.json: some 40 000 accepted releases."""
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
    """

    floor: Instant = EARLIEST
    accepted: tuple[AcceptedRelease, ...] = ()

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
        """Return the bytes of ledger.json."""
        body = self.to_json()
        return readable({**body, _CHECK: _check(body)})

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
