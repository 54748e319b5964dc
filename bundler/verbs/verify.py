"""`bundle verify`: the steps of a host, on the building machine, with a list of trust given.

Reads to the last byte whatever is damaged, and says what is, as `installer verify` does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from bundler.progress import Progress, Stage
from bundler.words.waivers import waiver_lines
from manifests.bundle.contents import Survey, survey_contents
from manifests.bundle.damage import bundle_damaged
from manifests.bundle.damagetable import damage_json
from manifests.bundle.medium import open_medium
from manifests.digest import Digest
from manifests.errors import BundleRefused
from manifests.quantities import bytes_text, seconds_text
from manifests.release import Release
from manifests.safetext import safe_line
from manifests.seals.listing import Judge
from manifests.seals.seal import open_sealed
from manifests.seals.signers import AcceptedSigner
from manifests.strictjson import JsonValue


@dataclass(frozen=True, slots=True)
class Verification:
    """A bundle that is signed and was read to its last byte.

    Attributes:
        path: where it lies.
        release: what it holds.
        sums_digest: its identity.
        signers: who signed.
        survey: what reading its layers and files came to.
        seconds: wall time.
    """

    path: Path
    release: Release
    sums_digest: Digest
    signers: tuple[AcceptedSigner, ...]
    survey: Survey
    seconds: float

    @property
    def refusal(self) -> BundleRefused | None:
        """The error for what is damaged; None where nothing is."""
        damages = self.survey.damages
        return bundle_damaged(str(self.path), damages, ()) if damages else None


def verify(path: Path, judge: Judge, progress: Progress) -> Verification:
    """Check signatures, documents and every byte; what is damaged does not end it.

    Raises:
        BundleRefused: with the code of the first thing that is wrong before the layers; of a
            pipe, which can't be read past damage, in them too.
    """
    started = time.monotonic()
    medium = open_medium(path)
    try:
        sealed = open_sealed(medium, judge)
        progress.expect(Stage.VERIFY, sum(sealed.release.sizes().values()))
        survey = survey_contents(
            sealed, lambda count: progress.advance(Stage.VERIFY, "bundle", count)
        )
    finally:
        medium.close()
    seconds = time.monotonic() - started
    signers = sealed.check.accepted
    return Verification(path, sealed.release, sealed.sums_digest, signers, survey, seconds)


def verification_text(verification: Verification) -> str:
    """Return the words of `bundle verify`; what is damaged has its own table."""
    release, size = verification.release, verification.survey.size
    signers = "\n".join(
        f"  signed by  {safe_line(signer.principal)} {signer.fingerprint}"
        for signer in verification.signers
    )
    rate = bytes_text(size / max(verification.seconds, 1e-3))
    state = "signed, but not whole" if verification.survey.damages else "whole and signed"
    return (
        f"{safe_line(f'{release.product} {release.version}')} (sequence {release.sequence})\n"
        f"identity {verification.sums_digest}\n"
        f"{signers}\n"
        f"  checked    {bytes_text(size)} in {seconds_text(verification.seconds)}, "
        f"{rate}/s: {state}" + "".join(f"\n{line}" for line in waiver_lines(release))
    )


def verification_json(verification: Verification) -> dict[str, JsonValue]:
    """Return what `bundle verify --json` prints, its error left out."""
    return {
        **damage_json(verification.survey),
        "product": verification.release.product,
        "version": verification.release.version,
        "sequence": verification.release.sequence,
        "identity": str(verification.sums_digest),
        "signers": [
            {"principal": signer.principal, "fingerprint": signer.fingerprint}
            for signer in verification.signers
        ],
        "bytes": verification.survey.size,
        "seconds": round(verification.seconds, 3),
        "waived": [
            {"image": one.image, "reason": one.reason} for one in verification.release.waived
        ],
    }
