"""The first steps by which a bundle comes to be believed: its list of files, and who signed it.

Steps 1 to 3 of `seal`. After them every file's digest is known and trusted, so that reading can
begin while the documents are still being judged. Loads nothing that takes time to load.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from manifests.bundle import layout
from manifests.bundle.medium import Medium, missing
from manifests.bundle.reading import read_small
from manifests.bundle.sums import MAX_BYTES as SUMS_LIMIT
from manifests.bundle.sums import Sums, signature_name
from manifests.digest import Digest
from manifests.errors import BundleRefused
from manifests.seals.allowedsigners import AllowedSigner
from manifests.seals.signers import SealCheck, count_valid
from manifests.seals.sshsig import MAX_SIGNATURE_BYTES, MAX_SIGNATURES

Judge = Callable[[bytes, Sequence[bytes]], SealCheck]
"""Step 2: takes SHA256SUMS and the signatures, returns who signed, or refuses."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A bundle whose signatures count, and the files that it must have.

    Attributes:
        medium: where it lies.
        sums: every file and its digest.
        sums_digest: of SHA256SUMS itself: the identity of the bundle.
        check: who signed.
    """

    medium: Medium
    sums: Sums
    sums_digest: Digest
    check: SealCheck


def trusted_signers(allowed: Sequence[AllowedSigner], threshold: int, now: datetime) -> Judge:
    """Return the judge that asks for `threshold` distinct keys of `allowed`."""
    return lambda message, signatures: count_valid(
        signatures, message, allowed, threshold=threshold, now=now
    )


def open_listing(medium: Medium, judge: Judge) -> Listing:
    """Take steps 1 to 3.

    Raises:
        BundleRefused: with the step's own code.
    """
    sums_raw, signatures = _read_seal(medium)
    check = judge(sums_raw, signatures)
    sums = Sums.parse(sums_raw)
    _check_names(medium, sums, len(signatures))
    return Listing(medium, sums, Digest.of(sums_raw), check)


def _read_seal(medium: Medium) -> tuple[bytes, list[bytes]]:
    """Step 1."""
    try:
        sums = read_small(medium, layout.SUMS, SUMS_LIMIT)
    except BundleRefused as error:
        if error.code != "file-missing":
            raise
        raise BundleRefused(
            "not-a-bundle",
            f"{medium.path}: expected a bundle, found no {layout.SUMS}",
            hint="of a drive give a release's folder: installer bundles DRIVE lists them;"
            " an interrupted copy has no list: copy the bundle again",
        ) from error
    signatures: list[bytes] = []
    for number in range(1, MAX_SIGNATURES + 1):
        name = signature_name(number)
        if not _comes_next(medium, name):
            break
        signatures.append(read_small(medium, name, MAX_SIGNATURE_BYTES))
    return sums, signatures


def _comes_next(medium: Medium, name: str) -> bool:
    return medium.peek() == name if medium.sequential else name in medium.sizes


def _check_names(medium: Medium, sums: Sums, signature_count: int) -> None:
    """Step 3."""
    own = {layout.SUMS, *(signature_name(n + 1) for n in range(signature_count))}
    medium.expect(frozenset(sums.files) | own)
    if medium.sequential:
        return
    for name in sums.files:
        if name not in medium.sizes:
            raise missing(name, medium.path)
