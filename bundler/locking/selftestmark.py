"""Which of a bundle's images proves a host: `--selftest IMAGE`, on its way into the lock; pure.

The image is wanted like any other that a file names, and goes through the same sources, checks and
packing. The lock then says which it is. Whether it is the self-test's is asked as soon as its
config is there: on the disconnected side it would be too late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bundler.discover.found import Found, Mention, Place
from bundler.fetch import FetchedImage
from manifests.errors import AppManifestError
from manifests.lock import LockedImage
from manifests.reference import Reference
from manifests.selftestlabel import SELFTEST_LABEL, has_selftest_label

PLACE: Final = Place("--selftest", 1)
BY: Final = "the self-test"


def selftest_mention(written: str) -> Found:
    """Return the wish for the image, as a file would tell it; nothing when there is none."""
    return Found((Mention(written, PLACE, BY),)) if written else Found()


def selftest_name(written: str, images: Sequence[LockedImage]) -> str | None:
    """Return what the bundle calls the image, None when none was asked for.

    Args:
        written: as on the command line; a reference.
        images: of the lock.

    Raises:
        AppManifestError: `selftest-waived`: the app leaves out the image that was asked for.
    """
    if not written:
        return None
    asked = bundled_name(Reference.parse(written))
    if asked not in (bundled_name(Reference.parse(one.reference)) for one in images):
        raise AppManifestError(
            "selftest-waived",
            f"expected the self-test's image {written} among the app's images, and it is waived",
            hint="remove it from `waived`, or leave out --selftest",
        )
    return asked


def check_selftest(name: str | None, images: Sequence[FetchedImage]) -> None:
    """Refuse an image that does not say that it is the self-test's.

    Args:
        name: what the bundle calls it; None for no image at all.
        images: all of the bundle's, with their configs.

    Raises:
        AppManifestError: `selftest-foreign`.
    """
    marked = (image for image in images if bundled_name(image.reference) == name)
    for reference, config in (
        (image.reference, one.config) for image in marked for one in image.manifests
    ):
        if not has_selftest_label(config.raw):
            raise AppManifestError(
                "selftest-foreign",
                f"expected the self-test's image, found {reference.familiar} for"
                f" {config.platform}, which has no label {SELFTEST_LABEL}",
                hint="bundle selftest-image --base debian:13-slim makes one",
            )


def bundled_name(reference: Reference) -> str:
    """Return what a bundle calls an image: by its tag, without one by its digest."""
    return reference.tagged or str(reference)
