"""Decides whether a bundle may be used on this host; the only room that makes a VerifiedBundle.

Owns the order: the seal by this host's trusted keys and the documents (`manifests.seals.seal`,
steps 1 to 5), then freshness by this host's ledger. Step 6, the layers' bytes, is
`survey_everything` here, or happens chunk by chunk while they are loaded. Changes nothing, prints
nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import Final

from installer.ledger import Ledger
from installer.planning.freshness import Candidate, FreshnessVerdict
from installer.trust import TrustedKeys
from manifests.bundle.contents import Survey, survey_contents
from manifests.bundle.digesting import Digesting
from manifests.bundle.medium import Medium
from manifests.release import Release
from manifests.seals.listing import Listing, open_listing, trusted_signers
from manifests.seals.seal import SealedRelease, seal
from manifests.seals.signers import AcceptedSigner

_TOKEN: Final = object()


@dataclass(frozen=True, slots=True)
class Leniency:
    """What a person let pass that would be refused.

    Attributes:
        allow_downgrade: a release older than one accepted before.
        accept_expired: a release that only this host's clock calls expired.
    """

    _: KW_ONLY
    allow_downgrade: bool = False
    accept_expired: bool = False


STRICT: Final = Leniency()


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """A bundle that trusted signers sealed and that is fresh enough; only `verify` makes one.

    Attributes:
        sealed: its documents; the layers are not yet read.
        verdict: how it stands to what this host accepted before.
        token: proof that `verify` made it.
    """

    sealed: SealedRelease
    verdict: FreshnessVerdict
    _: KW_ONLY
    token: object

    def __post_init__(self) -> None:
        if self.token is not _TOKEN:
            raise TypeError("only verify() makes a VerifiedBundle")

    @property
    def release(self) -> Release:
        """What the bundle holds."""
        return self.sealed.release

    @property
    def signers(self) -> tuple[AcceptedSigner, ...]:
        """Who sealed it, and is trusted here."""
        return self.sealed.check.accepted


def verify(
    medium: Medium,
    trusted: TrustedKeys,
    ledger: Ledger,
    now: datetime,
    leniency: Leniency = STRICT,
) -> VerifiedBundle:
    """Take every step but reading the layers.

    Args:
        medium: the bundle, wherever it lies.
        trusted: this host's keys; never the bundle's.
        ledger: what this host accepted before; only read.
        now: the host's clock, with a time zone.
        leniency: what a person lets pass.

    Raises:
        BundleRefused: with the step's own code.
        NotInstallableHere: the ledger can't be believed.
    """
    judge = trusted_signers(trusted.signers, trusted.threshold, now)
    return verify_listing(open_listing(medium, judge), ledger, now, leniency)


def verify_listing(
    listing: Listing, ledger: Ledger, now: datetime, leniency: Leniency = STRICT
) -> VerifiedBundle:
    """Take every step that is left after the list of files but reading the layers.

    Args:
        listing: whose signatures counted by this host's keys.
        ledger: what this host accepted before; only read.
        now: the host's clock, with a time zone.
        leniency: what a person lets pass.

    Raises:
        BundleRefused: with the step's own code.
        NotInstallableHere: the ledger can't be believed.
    """
    sealed = seal(listing)
    verdict = ledger.check(
        candidate_of(sealed),
        now,
        allow_downgrade=leniency.allow_downgrade,
        accept_expired=leniency.accept_expired,
    )
    return VerifiedBundle(sealed, verdict, token=_TOKEN)


def survey_everything(
    verified: VerifiedBundle, advance: Callable[[int], None], begun: Digesting | None = None
) -> Survey:
    """Read every byte that `verify` has not, and say what of it is damaged.

    Args:
        verified: the bundle.
        advance: called from several threads with the number of bytes just checked.
        begun: reads some of the files already.

    Raises:
        BundleRefused: `medium-gone`; of a pipe, as `survey_contents`.
    """
    return survey_contents(verified.sealed, advance, begun=begun)


def unread_bytes(verified: VerifiedBundle) -> int:
    """Return how many bytes `survey_everything` will read."""
    sealed = verified.sealed
    read = {blob.name for blob in sealed.release.blobs() if blob.digest in sealed.documents}
    return sum(size for name, size in sealed.release.sizes().items() if name not in read)


def candidate_of(sealed: SealedRelease) -> Candidate:
    """Return what the ledger is asked about."""
    release = sealed.release
    return Candidate(
        product=release.product,
        sequence=release.sequence,
        version=release.version,
        sums=sealed.sums_digest,
        issued=release.issued,
        expires=release.expires,
    )
