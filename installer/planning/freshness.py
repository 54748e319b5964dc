"""Decides whether a sealed release is new enough to be installed here.

Owns the rules against downgrade, forked numbers, expiry and bad clocks. Pure: the ledger's state
and the host's time come in, a verdict or a refusal goes out.

Time is never believed alone. `evidence` is the latest time that a trusted signer ever wrote down
and this host accepted: it can't be earlier than that. The host's clock counts only where it is
later, and never moves the floor. Replay of the newest release this host has seen (a freeze)
can't be noticed offline; the verdict says how old it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from installer.state.document import AcceptedRelease, LedgerState
from manifests.digest import Digest
from manifests.documents import instant_text
from manifests.errors import BundleRefused

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far the host's clock may lag behind the evidence before it is worth a word."""
SEQUENCE_JUMP: Final = 10**11
"""Steps of a sequence that are worth a warning: ten years of numbers made of the time."""


class Standing(StrEnum):
    """How a release stands to what was accepted here before."""

    FIRST = "first"
    NEWER = "newer"
    SAME = "same"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release whose seal holds, before it is accepted.

    Attributes:
        product: name of the app.
        sequence: number of the release.
        version: for people.
        sums: digest of its SHA256SUMS.
        issued: when it was made.
        expires: after this it is refused; None for never.
    """

    product: str
    sequence: int
    version: str
    sums: Digest
    issued: datetime
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class FreshnessWarning:
    """Something that a person should see before going on.

    Attributes:
        code: kebab-case and stable: `clock-behind`, `release-old`, `release-expired`,
            `sequence-jump`.
        text: for people.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class FreshnessVerdict:
    """The release may be installed; only `judge` makes one.

    Attributes:
        candidate: the release.
        standing: how it stands to what was accepted before.
        newest: the high-water mark; None if the product was never installed here.
        now: the latest of the host's clock and the evidence.
        age: from its issue to `now`.
        warnings: to be shown.
    """

    candidate: Candidate
    standing: Standing
    newest: AcceptedRelease | None
    now: datetime
    age: timedelta
    warnings: tuple[FreshnessWarning, ...]


def judge(
    state: LedgerState,
    candidate: Candidate,
    host_now: datetime,
    *,
    allow_downgrade: bool = False,
    accept_expired: bool = False,
) -> FreshnessVerdict:
    """Return the verdict on `candidate`.

    Args:
        state: what this host accepted so far.
        candidate: the release, its seal verified.
        host_now: the host's clock, with a time zone.
        allow_downgrade: an older release may pass, with a warning; the active one always may.
        accept_expired: a release that only the host's clock calls expired may pass.

    Raises:
        BundleRefused: `release-fork`, `downgrade-refused`, `release-expired`.
    """
    refuse_fork(state, candidate)
    newest = state.newest(candidate.product)
    standing = _standing(newest, candidate)
    evidence = max(state.floor, candidate.issued)
    active = _is_active(state, candidate)
    if newest is not None and standing is Standing.OLDER and not (allow_downgrade or active):
        raise _downgrade(newest, candidate)
    _refuse_expired(candidate, evidence, host_now, accept_expired=accept_expired)
    now = max(host_now, evidence)
    warnings = (
        *_clock_warnings(host_now, evidence),
        *_sequence_warnings(newest, candidate),
        *_expiry_warnings(candidate, now),
    )
    return FreshnessVerdict(candidate, standing, newest, now, now - candidate.issued, warnings)


def refuse_fork(state: LedgerState, candidate: Candidate) -> None:
    """Refuse another release under a number that was accepted already.

    Raises:
        BundleRefused: `release-fork`.
    """
    known = state.find(candidate.product, candidate.sequence)
    if known is not None and known.sums != candidate.sums:
        raise BundleRefused(
            "release-fork",
            f"{candidate.product}: two different releases call themselves number"
            f" {candidate.sequence}: accepted {known.sums} ({known.version}),"
            f" found {candidate.sums} ({candidate.version})",
            hint="ask the maker which one is true, and for a release with a new number",
            product=candidate.product,
            sequence=candidate.sequence,
            expected=str(known.sums),
            found=str(candidate.sums),
        )


def _is_active(state: LedgerState, candidate: Candidate) -> bool:
    """Tell whether it is what this host went on with, such as after a newer one did not start."""
    app = state.app(candidate.product)
    return app is not None and app.active == candidate.sequence


def _standing(newest: AcceptedRelease | None, candidate: Candidate) -> Standing:
    if newest is None:
        return Standing.FIRST
    if candidate.sequence == newest.sequence:
        return Standing.SAME
    return Standing.NEWER if candidate.sequence > newest.sequence else Standing.OLDER


def _downgrade(newest: AcceptedRelease, candidate: Candidate) -> BundleRefused:
    return BundleRefused(
        "downgrade-refused",
        f"{candidate.product} {candidate.version} is release {candidate.sequence}, older than"
        f" release {newest.sequence} ({newest.version}) accepted here on"
        f" {newest.accepted_at:%Y-%m-%d}",
        hint="installer rollback goes back to the previous release; --allow-downgrade forces it",
        product=candidate.product,
        expected=newest.sequence,
        found=candidate.sequence,
    )


def _refuse_expired(
    candidate: Candidate, evidence: datetime, host_now: datetime, *, accept_expired: bool
) -> None:
    if candidate.expires is None:
        return
    if candidate.expires < evidence:
        raise _expired(
            candidate, f"a trusted signer signed on {instant_text(evidence)}", hint=_ASK_HINT
        )
    if candidate.expires < host_now and not accept_expired:
        raise _expired(
            candidate,
            f"this host's clock says {instant_text(host_now)}",
            hint=f"check the clock; {_ASK_HINT}; --accept-expired forces it",
        )


_ASK_HINT: Final = "ask the maker for a newer release"


def _expired(candidate: Candidate, reason: str, *, hint: str) -> BundleRefused:
    expires = instant_text(candidate.expires) if candidate.expires is not None else ""
    return BundleRefused(
        "release-expired",
        f"{candidate.product} {candidate.version} was good until {expires}, and {reason}",
        hint=hint,
        product=candidate.product,
        expires=expires,
    )


def _clock_warnings(host_now: datetime, evidence: datetime) -> Iterator[FreshnessWarning]:
    behind = evidence - host_now
    if behind > CLOCK_TOLERANCE:
        yield FreshnessWarning(
            "clock-behind",
            f"this host's clock is {_span(behind)} behind what a trusted signer wrote down;"
            f" counting with {instant_text(evidence)}",
        )


def _sequence_warnings(
    newest: AcceptedRelease | None, candidate: Candidate
) -> Iterator[FreshnessWarning]:
    if newest is None:
        return
    if candidate.sequence < newest.sequence:
        yield FreshnessWarning(
            "release-old",
            f"older than release {newest.sequence} ({newest.version}) accepted here on"
            f" {newest.accepted_at:%Y-%m-%d}",
        )
    if candidate.sequence > newest.sequence + SEQUENCE_JUMP:
        yield FreshnessWarning(
            "sequence-jump",
            f"the number leaps from {newest.sequence} to {candidate.sequence}: once accepted,"
            " every release with a smaller number is refused",
        )


def _expiry_warnings(candidate: Candidate, now: datetime) -> Iterator[FreshnessWarning]:
    if candidate.expires is not None and candidate.expires < now:
        yield FreshnessWarning(
            "release-expired", f"was good until {instant_text(candidate.expires)}"
        )


def _span(span: timedelta) -> str:
    if span >= timedelta(days=2):
        return f"{span.days} days"
    return f"{span.total_seconds() / 3600:.1f} hours"
