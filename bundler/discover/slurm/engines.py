"""What `docker`, `podman`, `nerdctl` and their like are asked to run, pull and build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from bundler.discover.shell.command import Argument
from bundler.discover.slurm import engineoptions
from bundler.discover.slurm.arguments import is_unclear, platform_of, tell_image
from bundler.discover.slurm.findings import Findings
from bundler.discover.slurm.getopt import Given, read_options
from bundler.discover.slurm.images import engine_image

Arguments: TypeAlias = Sequence[Argument]

ENGINES: Final = frozenset(
    {"docker", "podman", "nvidia-docker", "nvidia-docker2", "nerdctl", "podman-hpc"}
)
_GPU_DEVICE: Final = "nvidia.com/gpu="


def take_engine(findings: Findings, name: str, arguments: Arguments) -> None:
    """Tell what an engine is asked to do.

    Args:
        findings: where it is told.
        name: of the program.
        arguments: of it.
    """
    given = read_options(arguments, engineoptions.ENGINE)
    words = [one.text for one in given.rest[:2]]
    rest = given.rest[1:]
    if words[:1] in (["container"], ["image"]):
        words, rest = words[1:], rest[1:]
    verb = words[0] if words else ""
    by = f"{name} {verb}"
    if verb in ("run", "create"):
        _engine_run(findings, by, rest)
    elif verb == "pull":
        _engine_pull(findings, by, rest)
    elif verb in ("build", "buildx"):
        _engine_build(findings, by, rest[verb == "buildx" :], arguments)
    elif verb == "tag" and len(rest) == 2:
        findings.built.add(rest[1].text)
    elif verb in ("compose", "stack"):
        take_compose(findings, by, rest)
    elif verb in ("load", "import"):
        _archive(findings, by, rest, arguments)


def take_compose(findings: Findings, name: str, arguments: Arguments) -> None:
    """Tell where the images of compose files are looked for; see `take_engine`."""
    if arguments:
        findings.remark(
            arguments[0].place,
            f"{name} reads compose files: list them under sources:, as compose:",
        )


def _engine_run(findings: Findings, by: str, arguments: Arguments) -> None:
    given = read_options(arguments, engineoptions.RUN)
    if by.startswith("nvidia-docker") and arguments:
        findings.gpu(arguments[0].place, by, None)
    _engine_gpus(findings, given, by)
    if not given.rest and arguments and not given.has("--help"):
        findings.remark(
            arguments[-1].place, f"{by} names no image: does a comment cut the command off?"
        )
    if given.has("--rootfs") or not given.rest:
        return
    if is_unclear(findings, given, by, given.rest[0]):
        return
    tell_image(findings, given.rest[0], engine_image, by, platform_of(given))


def _engine_pull(findings: Findings, by: str, arguments: Arguments) -> None:
    given = read_options(arguments, engineoptions.PULL)
    if given.rest and not is_unclear(findings, given, by, given.rest[0]):
        for argument in given.rest:
            tell_image(findings, argument, engine_image, by, platform_of(given))


def _engine_build(findings: Findings, by: str, arguments: Arguments, all_of_it: Arguments) -> None:
    given = read_options(arguments, engineoptions.BUILD)
    tags = [value.text for name, value in given.options if value and name in ("-t", "--tag")]
    findings.built.update(tags)
    if all_of_it:
        findings.remark(
            all_of_it[0].place,
            f"{by} builds an image: list its Dockerfile under sources:, as dockerfile:",
        )


def _engine_gpus(findings: Findings, given: Given, by: str) -> None:
    for name, value in given.options:
        if value is None:
            continue
        if name == "--gpus":
            _gpus_value(findings, value, f"{by} --gpus")
        elif name == "--runtime" and value.text.startswith("nvidia"):
            findings.gpu(value.place, f"{by} --runtime", None)
        elif name == "--device" and value.text.startswith(_GPU_DEVICE):
            device = value.text.removeprefix(_GPU_DEVICE)
            devices = () if device == "all" else (device,)
            count = None if device == "all" else 1
            findings.gpu(value.place, f"{by} --device", count, devices)


def _gpus_value(findings: Findings, value: Argument, by: str) -> None:
    """Read `all`, `2`, `device=0,1` or `"device=0,1",capabilities=utility`."""
    text = value.text.strip("\"'")
    listed = text.partition("device=")[2].partition('"')[0]
    devices = tuple(filter(None, listed.split(",")))
    number = text.removeprefix("count=").partition(",")[0]
    if value.unknown:
        findings.remark(value.place, f"asks for GPUs, how many is not known: {text[:100]}")
    elif devices:
        findings.gpu(value.place, by, len(devices), devices)
    elif number.isdecimal() and len(number) < 6:
        if int(number):
            findings.gpu(value.place, by, int(number))
    else:
        findings.gpu(value.place, by, None)


def _archive(findings: Findings, by: str, rest: Arguments, all_of_it: Arguments) -> None:
    place = (rest or all_of_it)[0].place
    findings.remark(place, f"{by} takes images out of a file: list that file under files:")
