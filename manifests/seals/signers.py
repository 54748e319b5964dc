"""Counts the seals on a bundle: which signatures hold, by whom, and whether they are enough.

Owns the threshold rule. Does not read files or clocks, and never takes a key from the bundle: the
allowed signers are the host's own.

A signature counts if it is sound, for our namespace, over the message, and by a key that is
listed and valid now. Keys are counted by their bare bytes: one key under two names, in two files
or in two lines is one signer. What does not count is kept with the reason, for the screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from manifests.errors import BundleRefused
from manifests.seals.allowedsigners import (
    AllowedSigner,
    MalformedSigners,
    distinct_keys,
    is_principal,
    parse_signers,
)
from manifests.seals.sshsig import MAX_SIGNATURES, NAMESPACE, Signature, verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = [
    "AcceptedSigner",
    "AllowedSigner",
    "IgnoredSignature",
    "MalformedSigners",
    "SealCheck",
    "count_valid",
    "distinct_keys",
    "is_principal",
    "parse_signers",
]

_ADD_HINT: Final = (
    "if the maker of the bundle gave you this fingerprint by another way than the drive:"
    " installer trust add KEY.pub --fingerprint FINGERPRINT"
)
_TELLING: Final = (
    "signature-invalid",
    "signature-expired",
    "signature-unknown-signer",
    "signature-namespace",
    "signature-key-type",
    "signature-malformed",
)
"""If no signature counts, the first of these that occurred names the refusal."""


@dataclass(frozen=True, slots=True)
class AcceptedSigner:
    """A trusted signer whose signature holds.

    Attributes:
        principal: the names in the host's list, never from the bundle.
        fingerprint: of the key, as ssh-keygen shows it.
    """

    principal: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class IgnoredSignature:
    """A signature that does not count.

    Attributes:
        position: which of the signatures, from 1.
        code: as of an error: `signature-unknown-signer`, `signature-invalid`, ...
        reason: for people.
        fingerprint: of the key it says it is by; empty if it can't be read.
    """

    position: int
    code: str
    reason: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class SealCheck:
    """What the signatures on one message came to.

    Attributes:
        accepted: distinct trusted signers, in the order of the signatures.
        ignored: every other signature, and why.
        threshold: how many signers were asked for.
    """

    accepted: tuple[AcceptedSigner, ...]
    ignored: tuple[IgnoredSignature, ...]
    threshold: int


def count_valid(
    signatures: Sequence[bytes],
    message: bytes,
    allowed: Sequence[AllowedSigner],
    *,
    threshold: int,
    now: datetime,
) -> SealCheck:
    """Return who sealed `message`, if they are at least `threshold` distinct trusted keys.

    Args:
        signatures: the bytes of the `.sig` files.
        message: the bytes of SHA256SUMS.
        allowed: the host's own list.
        threshold: 1 or more.
        now: with a time zone.

    Raises:
        BundleRefused: `signature-none`, `signature-too-many`, `signature-threshold`; and if none
            counts, the most telling reason: `signature-invalid`, `signature-expired`,
            `signature-unknown-signer`, `signature-namespace`, `signature-key-type`,
            `signature-malformed`.
    """
    if threshold < 1:
        raise ValueError(f"a threshold of {threshold} would accept everything")
    _check_count(signatures)
    check = _Counter(message, allowed, now).count(signatures, threshold)
    if not check.accepted:
        raise _none_counts(check)
    if len(check.accepted) < threshold:
        raise _too_few(check)
    return check


class _Counter:
    """One count; remembers the bare keys already counted."""

    def __init__(self, message: bytes, allowed: Sequence[AllowedSigner], now: datetime) -> None:
        self._message = message
        self._allowed = allowed
        self._now = now
        self._counted: set[bytes] = set()

    def count(self, signatures: Sequence[bytes], threshold: int) -> SealCheck:
        judged = [self._judge(at, armoured) for at, armoured in enumerate(signatures, start=1)]
        return SealCheck(
            accepted=tuple(one for one in judged if isinstance(one, AcceptedSigner)),
            ignored=tuple(one for one in judged if isinstance(one, IgnoredSignature)),
            threshold=threshold,
        )

    def _judge(self, position: int, armoured: bytes) -> AcceptedSigner | IgnoredSignature:
        try:
            signature = Signature.parse(armoured)
        except BundleRefused as err:
            return IgnoredSignature(position, err.code, str(err))
        fingerprint = signature.public_key.fingerprint
        try:
            verify(signature, self._message)
        except BundleRefused as err:
            return IgnoredSignature(position, err.code, str(err), fingerprint)
        code, text = self._admit(signature)
        if code:
            return IgnoredSignature(position, code, f"{fingerprint} {text}", fingerprint)
        return AcceptedSigner(text, fingerprint)

    def _admit(self, signature: Signature) -> tuple[str, str]:
        """Return an empty code and the signer's names, or a code and the reason."""
        listed = [one for one in self._allowed if one.public_key == signature.public_key]
        if not listed:
            return "signature-unknown-signer", "is not among the trusted keys of this host"
        entries = [one for one in listed if one.may_sign(NAMESPACE)]
        if not entries:
            return "signature-unknown-signer", f"is trusted, but not for {NAMESPACE}"
        valid = [one for one in entries if not one.objection(self._now)]
        if not valid:
            text = f"({entries[0].principal}) {entries[0].objection(self._now)}"
            return "signature-expired", text
        point = signature.public_key.point
        if point in self._counted:
            return "signature-duplicate", "was counted already"
        self._counted.add(point)
        return "", valid[0].principal


def _check_count(signatures: Sequence[bytes]) -> None:
    if not signatures:
        raise BundleRefused(
            "signature-none",
            "the bundle is not signed: expected SHA256SUMS.1.sig, found none",
            hint="ask the maker of the bundle for a signed one; bundle build --key KEY signs",
        )
    if len(signatures) > MAX_SIGNATURES:
        raise BundleRefused(
            "signature-too-many",
            f"expected at most {MAX_SIGNATURES} signatures, found {len(signatures)}",
        )


def _none_counts(check: SealCheck) -> BundleRefused:
    code = next(code for code in _TELLING if any(one.code == code for one in check.ignored))
    first = next(one for one in check.ignored if one.code == code)
    return BundleRefused(
        code,
        f"no signature counts, expected {check.threshold}: {_reasons(check)}",
        hint=_ADD_HINT if code == "signature-unknown-signer" else "",
        expected=check.threshold,
        found=0,
        fingerprint=first.fingerprint or None,
    )


def _too_few(check: SealCheck) -> BundleRefused:
    names = ", ".join(f"{one.principal} {one.fingerprint}" for one in check.accepted)
    ignored = f"; not counted: {_reasons(check)}" if check.ignored else ""
    return BundleRefused(
        "signature-threshold",
        f"expected {check.threshold} trusted signers, found {len(check.accepted)}:"
        f" {names}{ignored}",
        hint="ask the maker to sign with more keys: bundle build --key A --key B;"
        " installer trust list shows whose count here",
        expected=check.threshold,
        found=len(check.accepted),
    )


def _reasons(check: SealCheck) -> str:
    return "; ".join(f"signature {one.position}: {one.reason}" for one in check.ignored)
