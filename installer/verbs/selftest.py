"""What `installer selftest` does: on this host as a child process, or in containers of the engine.

Owns the order in which things are shown. Works through a Console, so it prints nothing itself; the
child process on the host has the terminal to itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from installer.console import Console, stopping
from installer.ledger import Ledger
from installer.trials.child import run_child
from manifests.digest import Digest
from manifests.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from installer.engines.containers import ContainerApi
    from installer.trials.images import FoundImage
    from installer.trials.judge import Trial
    from installer.trials.rounds import RoundsRequest
    from installer.trials.ways import Grant

QUICK_S: Final = 300.0
"""Seconds that a container may take for the quick run; it needs ten on two cores."""
FULL_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class OnHost:
    """What was asked of the self-test on this host.

    Attributes:
        devices: backends, addresses or UUIDs; none for all.
        full: the full run.
        json: print its report instead of its table.
        pictures: folder for PNG files; None for none.
        expect_gpu: how many GPUs there must be; None for any number.
        deadline_s: seconds that a device may take; None for the self-test's own.
        others: further options, handed on as they are.
    """

    _: KW_ONLY
    devices: tuple[str, ...] = ()
    full: bool = False
    json: bool = False
    pictures: Path | None = None
    expect_gpu: int | None = None
    deadline_s: float | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InContainer:
    """What was asked of the self-test in containers.

    Attributes:
        state: where this host's ledger is.
        engine: as on the command line.
        image: name of the image; empty for that of what is installed.
        gpu: which GPUs to give; empty for all.
        full: the full run.
        expect_gpu: how many GPUs there must be; None for those of the host.
        deadline_s: seconds that a container may take; None for the usual.
    """

    _: KW_ONLY
    state: Path
    engine: str = "auto"
    image: str = ""
    gpu: str = ""
    full: bool = False
    expect_gpu: int | None = None
    deadline_s: float | None = None


def prove_host(asked: OnHost) -> ExitCode:
    """Run the self-test here.

    Raises:
        SelftestFailed: `selftest-broken`.
    """
    return run_child(child_options(asked))


def prove_containers(console: Console, asked: InContainer) -> ExitCode:
    """Run the self-test's image in every way, and show what came of each.

    Raises:
        UsageError: `gpu-malformed`, `engine-unknown`, `engine-not-local`, `engine-needed`.
        NotInstallableHere: `selftest-image-missing`, `selftest-image-foreign`, or the ledger can't
            be read.
        EngineFailed: `engine-unreachable`, `engine-answer`.
    """
    from installer.engines.containers import ContainerApi  # noqa: PLC0415 - not on the host
    from installer.trials import texts  # noqa: PLC0415
    from installer.trials.judge import Standing, judge_all  # noqa: PLC0415
    from installer.trials.ways import Grant  # noqa: PLC0415

    grant = Grant.parse(asked.gpu)
    with closing(ContainerApi(_socket(asked.engine))) as api:
        found = _image(api, asked)
        request = _rounds_request(asked, found.image_id, grant)
        setting = texts.Setting(found.name, found.image_id, api.version(), request.wanted_gpus)
        console.lines(texts.heading_lines(setting))
        trials = _run(console, request, api)
    standing = judge_all(trials, setting.expected)
    console.lines(texts.summary_lines(trials, setting, standing))
    console.document("selftest", texts.trials_json(trials, setting, standing))
    return ExitCode.DONE if standing is Standing.PASSED else ExitCode.SELFTEST_FAILED


def _image(api: ContainerApi, asked: InContainer) -> FoundImage:
    from installer.trials.images import installed_image, named_image  # noqa: PLC0415 - as above

    if asked.image:
        return named_image(api, asked.image)
    return installed_image(api, Ledger(asked.state))


def _rounds_request(asked: InContainer, image: Digest, grant: Grant) -> RoundsRequest:
    from installer.trials.hostgpus import host_gpus  # noqa: PLC0415 - as above
    from installer.trials.rounds import RoundsRequest  # noqa: PLC0415

    return RoundsRequest(
        image=image,
        grant=grant,
        expected=asked.expect_gpu,
        host=host_gpus(),
        full=asked.full,
        deadline_s=asked.deadline_s or (FULL_S if asked.full else QUICK_S),
    )


def _run(console: Console, request: RoundsRequest, api: ContainerApi) -> list[Trial]:
    """Run every way, and show each as soon as it is done."""
    from installer.trials.rounds import run_rounds  # noqa: PLC0415 - as above
    from installer.trials.texts import trial_lines  # noqa: PLC0415

    trials: list[Trial] = []
    with stopping() as cancel:
        for trial in run_rounds(request, api, cancel):
            console.lines(trial_lines(trial))
            trials.append(trial)
    return trials


def child_options(asked: OnHost) -> tuple[str, ...]:
    """Return what was asked as options of `python -m selftest`."""
    return tuple(_options(asked))


def _options(asked: OnHost) -> Iterator[str]:
    yield from (f"--device={one}" for one in asked.devices)
    if asked.full:
        yield "--full"
    if asked.json:
        yield "--json"
    if asked.pictures is not None:
        yield f"--pictures={asked.pictures}"
    if asked.expect_gpu is not None:
        yield f"--expect-gpus={asked.expect_gpu}"
    if asked.deadline_s is not None:
        yield f"--deadline={asked.deadline_s:g}"
    yield from asked.others


def _socket(engine: str) -> str:
    """Return the URL of the engine's socket.

    Raises:
        UsageError: `engine-unknown`, `engine-not-local`; `engine-needed`: a layout runs nothing.
    """
    from installer.checks.engineasking import engine_socket  # noqa: PLC0415 - as above

    url = engine_socket(engine)
    if url is None:
        raise UsageError(
            "engine-needed",
            f"expected an engine that runs containers, found {engine}",
            hint="--engine docker, or the self-test on the host: installer selftest",
        )
    return url
