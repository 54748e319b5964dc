"""Which images of a release suit an engine: one for each name. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from installer.engines.base import EngineInfo
from installer.planning.problems import together
from manifests.errors import NotInstallableHere
from manifests.platform import Platform, choose
from manifests.release import ImageRecord, Release


def suiting(release: Release, info: EngineInfo) -> tuple[ImageRecord, ...]:
    """Return one image for each name: the one that suits the engine best.

    Raises:
        NotInstallableHere: `platform-mismatch`.
    """
    images, problems = matched(release, info)
    if problems:
        raise together(problems)
    return images


def matched(
    release: Release, info: EngineInfo
) -> tuple[tuple[ImageRecord, ...], list[NotInstallableHere]]:
    """Return the images that suit the engine, and an error for each name that has none."""
    if info.platform is None:
        return release.images, []
    chosen: list[ImageRecord] = []
    problems: list[NotInstallableHere] = []
    for name in dict.fromkeys(image.name for image in release.images):
        offered = [(image.platform, image) for image in release.images if image.name == name]
        best = choose(info.platform, offered)
        if best is None:
            problems.append(_mismatch(name, info.platform, [one for one, _ in offered]))
        else:
            chosen.append(best)
    return tuple(chosen), problems


def _mismatch(name: str, wanted: Platform, offered: Sequence[Platform]) -> NotInstallableHere:
    found = ", ".join(map(str, offered))
    return NotInstallableHere(
        "platform-mismatch",
        f"{name}: expected an image for {wanted}, found {found}",
        hint=f"ask the maker for a bundle with platform {wanted}",
        image=name,
    )
