"""An old bundle that was kept, as a place where old layers can be read from.

It is believed for its signatures by this host's keys, as any bundle; how old it is does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from installer.trust import TrustedKeys
from manifests.bundle.medium import open_medium
from manifests.digest import Digest
from manifests.errors import UsageError
from manifests.release import LayerRecord
from manifests.seals.listing import trusted_signers
from manifests.seals.seal import SealedRelease, open_sealed


@dataclass(frozen=True, slots=True)
class OldBundle:
    """A bundle that trusted signers sealed.

    Attributes:
        sealed: its documents; a layer's bytes are checked when they are read.
        by_digest: the layers that it holds.
        by_diff_id: the same by what they unpack to.
    """

    sealed: SealedRelease = field(repr=False)
    by_digest: Mapping[Digest, LayerRecord] = field(repr=False)
    by_diff_id: Mapping[Digest, LayerRecord] = field(repr=False)


@contextmanager
def opened_old(path: Path | None, trusted: TrustedKeys) -> Iterator[OldBundle | None]:
    """Open the bundle at `path`; None for None.

    Raises:
        BundleRefused: with the code of what is wrong with it.
        NotInstallableHere: `bundle-not-found`.
        UsageError: `base-bundle-pipe`.
    """
    if path is None:
        yield None
        return
    with closing(open_medium(path)) as medium:
        if medium.sequential:
            raise UsageError(
                "base-bundle-pipe",
                "expected an old bundle that can be read in any order, found a pipe",
                hint="save it to a file, and give that to --base-bundle",
            )
        judge = trusted_signers(trusted.signers, trusted.threshold, datetime.now(UTC))
        yield _old(open_sealed(medium, judge))


def _old(sealed: SealedRelease) -> OldBundle:
    release = sealed.release
    layers = [
        layer
        for image in release.images
        for layer in image.layers
        if release.carrier(layer) is layer
    ]
    return OldBundle(
        sealed,
        {layer.digest: layer for layer in layers},
        {layer.diff_id: layer for layer in layers},
    )
