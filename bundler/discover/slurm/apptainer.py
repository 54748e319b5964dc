"""What `apptainer`, `singularity` and `enroot` are asked to run, pull and build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from bundler.discover.shell.command import Argument
from bundler.discover.slurm import engineoptions
from bundler.discover.slurm.arguments import SQUASHED, is_unclear, platform_of, tell_image
from bundler.discover.slurm.findings import Findings
from bundler.discover.slurm.getopt import read_options
from bundler.discover.slurm.images import Named, What, apptainer_uri, enroot_uri

Arguments: TypeAlias = Sequence[Argument]

APPTAINER: Final = frozenset({"apptainer", "singularity"})


def take_apptainer(findings: Findings, name: str, arguments: Arguments) -> None:
    """Tell what Apptainer is asked to do.

    Args:
        findings: where it is told.
        name: of the program.
        arguments: of it.
    """
    given = read_options(arguments, engineoptions.APPTAINER)
    if not given.rest:
        return
    verb, rest = given.rest[0].text, given.rest[1:]
    if verb == "instance" and rest:
        verb, rest = f"instance {rest[0].text}", rest[1:]
    by = f"{name} {verb}"
    if verb in ("exec", "run", "shell", "test", "instance start", "instance run"):
        _apptainer_run(findings, by, rest)
    elif verb in ("pull", "build"):
        _apptainer_fetch(findings, by, rest)


def _apptainer_run(findings: Findings, by: str, arguments: Arguments) -> None:
    given = read_options(arguments, engineoptions.APPTAINER_RUN)
    for flag in ("--nv", "--nvccli", "--rocm"):
        if given.has(flag) and arguments:
            findings.gpu(arguments[0].place, f"{by} {flag}", None)
    if given.rest and not is_unclear(findings, given, by, given.rest[0]):
        tell_image(findings, given.rest[0], apptainer_uri, by)


def _apptainer_fetch(findings: Findings, by: str, arguments: Arguments) -> None:
    given = read_options(arguments, engineoptions.APPTAINER_FETCH)
    if not given.rest or is_unclear(findings, given, by, given.rest[0]):
        return
    source = given.rest[1] if len(given.rest) > 1 else given.rest[0]
    if by.endswith("build") and source.text.endswith(".def"):
        findings.remark(
            source.place,
            f"{source.text} is a definition file: list the image after its `From:` under images:",
        )
    else:
        tell_image(findings, source, apptainer_uri, by, platform_of(given))


def take_enroot(findings: Findings, name: str, arguments: Arguments) -> None:
    """Tell what enroot is asked to do; see `take_apptainer`."""
    if not arguments:
        return
    by = f"{name} {arguments[0].text}"
    given = read_options(arguments[1:], engineoptions.ENROOT)
    if by == "enroot import" and given.rest:
        tell_image(findings, given.rest[0], enroot_uri, by, platform_of(given))
    elif given.rest and given.rest[0].text.endswith(SQUASHED):
        tell_image(findings, given.rest[0], lambda text: Named(What.FILE, text), by)
