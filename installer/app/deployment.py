"""A release and a host's settings for it, as the containers that shall run; pure.

Owns the order in which the modules beside it build one container's document. Asks no engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from installer.app.settings import AppSettings
from installer.app.wanted import Deployment
from installer.checks.enginefacts import EngineFacts
from manifests.digest import Digest
from manifests.release import Release


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


def deployment(release: Release, at: Placement) -> Deployment:
    """Return what shall run.

    Raises:
        NotInstallableHere: `settings-missing`: variables, env files and secrets that this host
            must set, all of them; `app-order`: services that wait for each other; `app-ports`,
            `app-mount`: what no host can do.
    """
    raise NotImplementedError
