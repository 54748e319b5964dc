"""Reads a written bundle back as a host will: signatures, listing, documents.

A bundle that a host would refuse must not leave the building machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bundler.sign import Signer
from manifests.bundle.medium import open_medium
from manifests.errors import BundleRefused, SourceFailed
from manifests.seals.allowedsigners import AllowedSigner
from manifests.seals.listing import trusted_signers
from manifests.seals.seal import open_sealed


def check_written(path: Path, signers: Sequence[Signer]) -> None:
    """Open the bundle at `path`, trusting its own signers and nobody else.

    Raises:
        SourceFailed: `selfcheck`: what was written is not what a host would accept.
    """
    allowed = [AllowedSigner(("builder",), signer.public_key) for signer in signers]
    medium = open_medium(path)
    try:
        open_sealed(medium, trusted_signers(allowed, len(signers), datetime.now(UTC)))
    except BundleRefused as error:
        raise SourceFailed(
            "selfcheck",
            f"{path}: a host would refuse what was just written: {error}",
            hint="check the disk, then build again",
        ) from error
    finally:
        medium.close()
