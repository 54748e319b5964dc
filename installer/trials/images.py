"""Which image is the self-test's, and what the engine knows it by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from installer.engines.containers import ContainerApi, EngineImage
from manifests.digest import Digest
from manifests.errors import NotInstallableHere

LABEL: Final = "io.moonlift.selftest"
"""What selftest/Dockerfile says of its image."""


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


def _own(name: str, image: EngineImage) -> Digest:
    """Return the ID of an image that says it is the self-test's."""
    if LABEL not in image.labels:
        raise NotInstallableHere(
            "selftest-image-foreign",
            f"expected the self-test's image, found {name}, which has no label {LABEL}",
            hint="make one on the connected side: bundle selftest-image --base debian:13-slim",
        )
    return image.image_id
