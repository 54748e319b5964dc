"""Waived images in words, wherever a bundle is shown."""

from __future__ import annotations

from manifests.release import Release
from manifests.safetext import safe_line


def waiver_lines(release: Release) -> list[str]:
    """Return the images that the app names and that the bundle does not hold, with the reasons."""
    lines = ["waived: named by the app and not in the bundle"] if release.waived else []
    return lines + [safe_line(f"  {one.image}: {one.reason}") for one in release.waived]
