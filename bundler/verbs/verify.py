"""`bundle verify`: the steps of a host, on the building machine, with a list of trust given."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from bundler.progress import Progress, Stage
from bundler.words.waivers import waiver_lines
from manifests.bundle.contents import check_contents
from manifests.bundle.medium import open_medium
from manifests.digest import Digest
from manifests.quantities import bytes_text, seconds_text
from manifests.release import Release
from manifests.safetext import safe_line
from manifests.seals.listing import Judge
from manifests.seals.seal import open_sealed
from manifests.seals.signers import AcceptedSigner
from manifests.strictjson import JsonValue


@dataclass(frozen=True, slots=True)
class Verification:
    """A bundle that was read to its last byte and found whole.

    Attributes:
        release: what it holds.
        sums_digest: its identity.
        signers: who signed.
        size: bytes checked beside the small files.
        seconds: wall time.
    """

    release: Release
    sums_digest: Digest
    signers: tuple[AcceptedSigner, ...]
    size: int
    seconds: float


def verify(path: Path, judge: Judge, progress: Progress) -> Verification:
    """Check signatures, documents and every byte.

    Raises:
        BundleRefused: with the code of the first thing that is wrong.
    """
    started = time.monotonic()
    medium = open_medium(path)
    try:
        sealed = open_sealed(medium, judge)
        progress.expect(Stage.VERIFY, sum(sealed.release.sizes().values()))
        size = check_contents(sealed, lambda count: progress.advance(Stage.VERIFY, "bundle", count))
    finally:
        medium.close()
    seconds = time.monotonic() - started
    return Verification(sealed.release, sealed.sums_digest, sealed.check.accepted, size, seconds)


def verification_text(verification: Verification) -> str:
    """Return the words of `bundle verify`."""
    release = verification.release
    signers = "\n".join(
        f"  signed by  {safe_line(signer.principal)} {signer.fingerprint}"
        for signer in verification.signers
    )
    rate = bytes_text(verification.size / max(verification.seconds, 1e-3))
    return (
        f"{safe_line(f'{release.product} {release.version}')} (sequence {release.sequence})\n"
        f"identity {verification.sums_digest}\n"
        f"{signers}\n"
        f"  checked    {bytes_text(verification.size)} in {seconds_text(verification.seconds)}, "
        f"{rate}/s: whole and signed" + "".join(f"\n{line}" for line in waiver_lines(release))
    )


def verification_json(verification: Verification) -> JsonValue:
    """Return what `bundle verify --json` prints."""
    return {
        "product": verification.release.product,
        "version": verification.release.version,
        "sequence": verification.release.sequence,
        "identity": str(verification.sums_digest),
        "signers": [
            {"principal": signer.principal, "fingerprint": signer.fingerprint}
            for signer in verification.signers
        ],
        "bytes": verification.size,
        "seconds": round(verification.seconds, 3),
        "waived": [
            {"image": one.image, "reason": one.reason} for one in verification.release.waived
        ],
    }
