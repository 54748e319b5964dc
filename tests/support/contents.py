"""A bundle's contents for tests to which one fault is as good as many."""

from __future__ import annotations

from manifests.bundle.contents import survey_contents
from manifests.bundle.digesting import Advance, Digesting
from manifests.errors import BundleRefused
from manifests.seals.seal import SealedRelease


def check_contents(
    sealed: SealedRelease,
    advance: Advance,
    names: frozenset[str] | None = None,
    begun: Digesting | None = None,
) -> int:
    """Read layers and files as `survey_contents`; return the bytes read, or raise what is wrong.

    Raises:
        BundleRefused: with the code and the place of the first damage.
    """
    survey = survey_contents(sealed, advance, names, begun)
    for one in survey.damages:
        raise BundleRefused(one.code, one.found, file=one.file, offset=one.offset)
    return survey.size
