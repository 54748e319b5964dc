"""Where and with what a release runs: what a deployment is made from, besides the release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

from installer.app.settings import AppSettings
from installer.checks.enginefacts import EngineFacts
from manifests.digest import Digest


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and with what a release runs.

    Attributes:
        settings: of this host for the app.
        images: what the engine knows each image by, by the image's name in the release.
        files: folder that holds the carried files, without `files/`.
        facts: what the engine says of itself.
        gpus: whether services get the GPUs that they ask for.
    """

    settings: AppSettings
    images: Mapping[str, Digest]
    files: Path
    facts: EngineFacts
    _: KW_ONLY
    gpus: bool = True

    def without_gpus(self) -> Placement:
        """Return the same, without GPUs."""
        return replace(self, gpus=False)
