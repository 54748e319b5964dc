"""Tells the image that a program is given, or what stands in its place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bundler.discover.shell.command import Argument
from bundler.discover.slurm.findings import Findings
from bundler.discover.slurm.getopt import Given
from bundler.discover.slurm.images import Named, What
from manifests.platform import MalformedPlatform, Platform

SQUASHED: Final = (".sqsh", ".squashfs", ".sqfs")
_FILES: Final = (*SQUASHED, ".sif", ".simg", ".img")


def tell_image(
    findings: Findings,
    argument: Argument,
    read: Callable[[str], Named],
    by: str,
    platform: Platform | None = None,
) -> None:
    """Tell the image that an argument names, or why there is none.

    Args:
        findings: where it is told.
        argument: that names it.
        read: what the program makes of such a text.
        by: the program, for people.
        platform: that the program is asked to use.
    """
    named = read(argument.text)
    files = named.what in (What.FILE, What.INSTANCE)
    if argument.unknown is not None and not (files and _is_file(argument.text)):
        findings.unresolved(argument, argument.unknown, by)
        return
    match named.what:
        case What.IMAGE | What.LOCAL_IMAGE:
            local = named.what is What.LOCAL_IMAGE
            findings.mention(named.name, argument.place, by, platform, built=local)
        case What.FILE:
            findings.remark(
                argument.place,
                f"{named.name[:200]} is a file and no image that is carried: list it under files:",
            )
        case What.NO_IMAGE:
            _no_image(findings, argument, by)
    if named.doubt and argument.unknown is None:
        findings.remark(argument.place, named.doubt)


def _no_image(findings: Findings, argument: Argument, by: str) -> None:
    findings.problem(
        argument.place,
        "slurm-not-an-image",
        f"expected an image of a registry, such as docker://REPOSITORY:TAG, for {by},"
        f" found {argument.text[:200]!r}, which can't be carried as one",
        "fetch it into a file beforehand, name that file here, and list it under files:",
    )


def is_unclear(findings: Findings, given: Given, by: str, found: Argument) -> bool:
    """Tell the problem of an option that may or may not have a value."""
    if given.strange is None:
        return False
    option = given.strange.text[:100]
    findings.problem(
        given.strange.place,
        "slurm-option",
        f"expected an option that {by} has, found {option}: whether"
        f" {found.text[:100]!r} is its value or the image is not clear",
        f"write {option}=VALUE, or list the image under images:",
    )
    return True


def platform_of(given: Given) -> Platform | None:
    """Return the platform that options ask for; None for none."""
    value = given.last("--platform")
    arch = given.last("--arch", "-a")
    text = value.text if value else f"linux/{arch.text}" if arch else ""
    with suppress(MalformedPlatform):
        return Platform.parse(text)
    return None


def _is_file(text: str) -> bool:
    """Tell whether a text with unknown parts is surely a file's path: `$DIR/image.sif`."""
    return text.endswith(_FILES)
