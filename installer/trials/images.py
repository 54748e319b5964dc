"""Which image is the self-test's, and what the engine knows it by."""

from __future__ import annotations

from dataclasses import dataclass

from installer.engines.containers import ContainerApi, EngineImage
from installer.ledger import Ledger
from manifests.digest import Digest
from manifests.errors import NotInstallableHere
from manifests.release import Release
from manifests.selftestlabel import SELFTEST_LABEL


@dataclass(frozen=True, slots=True)
class FoundImage:
    """The self-test's image, in an engine.

    Attributes:
        name: as it was asked for, or as its bundle has it.
        image_id: the engine's.
    """

    name: str
    image_id: Digest


def named_image(api: ContainerApi, name: str) -> FoundImage:
    """Return the image that a person named.

    Raises:
        NotInstallableHere: `selftest-image-missing`, `selftest-image-foreign`.
    """
    found = api.image(name)
    if found is None:
        raise NotInstallableHere(
            "selftest-image-missing",
            f"expected the image {name} in the engine at {api.url}, found none",
            hint="docker images lists what there is; install a bundle built with --selftest",
        )
    return FoundImage(name, _own(name, found))


def installed_image(api: ContainerApi, ledger: Ledger) -> FoundImage:
    """Return the image of the release with the highest number here that has one.

    It is looked up by what was signed, not by its name.

    Raises:
        NotInstallableHere: `selftest-image-missing`; or the ledger can't be read.
    """
    kept = sorted(ledger.releases(), key=lambda one: one.sequence, reverse=True)
    named = [image for one in kept for image in Release.read(one.raw).selftest_images]
    for image in named:
        for identity in (image.image_id, image.target):
            found = api.image(str(identity))
            if found is not None:
                return FoundImage(image.name, _own(image.name, found))
    what = (
        f"found {named[0].name} in no engine here" if named else "found none in what is installed"
    )
    raise NotInstallableHere(
        "selftest-image-missing",
        f"expected the self-test's image of an installed bundle, {what}",
        hint="install a bundle that was built with --selftest, or name an image: --image NAME",
    )


def _own(name: str, image: EngineImage) -> Digest:
    """Return the ID of an image that says it is the self-test's."""
    if SELFTEST_LABEL not in image.labels:
        raise NotInstallableHere(
            "selftest-image-foreign",
            f"expected the self-test's image, found {name}, which has no label {SELFTEST_LABEL}",
            hint="make one on the connected side: bundle selftest-image --base debian:13-slim",
        )
    return image.image_id
