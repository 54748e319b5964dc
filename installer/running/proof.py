"""Proves that this host computes before a release is started on it: the self-test of an install.

Owns which self-test is run and what a failed one means for the install. The image that the release
carries is run as its services will be, in containers; without one, the host's own self-test is
run. `installer.trials` does the work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from installer.events import Advanced, Event, Noted, Stage
from installer.stream.jobs import Halted
from manifests.digest import Digest
from manifests.errors import SelftestFailed
from manifests.safetext import safe_line

if TYPE_CHECKING:  # an install without a self-test needs none of it
    from installer.trials.judge import Trial
    from installer.trials.rounds import RoundsRequest

CONTAINER_S: Final = 300.0
"""Seconds that one container of the quick run may take, and the host's own run."""

_ACCEPT: Final = "--accept-failed-selftest starts it all the same, and the history says so"


class ProofMode(StrEnum):
    """What a failed self-test means."""

    REQUIRED = "required"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Proof:
    """The self-test of one install.

    Attributes:
        mode: what it means if it fails.
        image: what the engine will know the self-test's image by; None for the host's own.
        url: of the engine's socket.
        gpus: whether services may get GPUs.
        gpu_needed: whether a service asks for one.
    """

    mode: ProofMode
    image: Digest | None
    url: str
    gpus: bool = True
    gpu_needed: bool = False

    @property
    def wanted(self) -> bool:
        """Whether anything is to be run."""
        return self.mode is not ProofMode.OFF

    @property
    def steps(self) -> int:
        """How many tests there will be."""
        if self.image is None:
            return 1
        return len(self._request().ways)

    def _request(self) -> RoundsRequest:
        from installer.trials.hostgpus import host_gpus  # noqa: PLC0415 - only where it is run
        from installer.trials.rounds import RoundsRequest  # noqa: PLC0415
        from installer.trials.ways import Grant  # noqa: PLC0415

        if self.image is None:
            raise AssertionError("the host's own self-test has no container")
        host = host_gpus()
        wanted = max(host.count, 1) if self.gpu_needed else host.count
        return RoundsRequest(
            image=self.image,
            grant=Grant(),
            expected=wanted if self.gpus else 0,
            host=host,
            full=False,
            deadline_s=CONTAINER_S,
        )

    def events(self, cancel: threading.Event) -> Iterator[Event]:
        """Run it, and tell of each test.

        Raises:
            SelftestFailed: `selftest-failed`, where it is required; `selftest-broken`.
            EngineFailed: the engine does not run containers.
            Halted: `cancel` was set.
        """
        try:
            yield from self._on_host(cancel) if self.image is None else self._contained(cancel)
        except SelftestFailed as error:
            if self.mode is ProofMode.REQUIRED:
                raise
            yield Noted(Stage.SELFTEST, error.code, f"accepted all the same: {error}")
        except KeyboardInterrupt as stopped:
            if not cancel.is_set():
                raise
            raise Halted from stopped

    def _contained(self, cancel: threading.Event) -> Iterator[Event]:
        from installer.engines.containers import ContainerApi  # noqa: PLC0415 - as above
        from installer.trials.judge import Standing, judge_all  # noqa: PLC0415
        from installer.trials.rounds import run_rounds  # noqa: PLC0415
        from installer.trials.texts import trial_lines  # noqa: PLC0415
        from installer.trials.told import devices_tested  # noqa: PLC0415

        request = self._request()
        trials: list[Trial] = []
        with closing(ContainerApi(self.url)) as api:
            for trial in run_rounds(request, api, cancel):
                trials.append(trial)
                text = "self-test    " + "\n".join(trial_lines(trial))
                yield Noted(Stage.SELFTEST, f"selftest-{trial.standing}", text)
                if trial.report is not None:
                    yield from devices_tested(str(trial.way), trial.report)
                yield _advanced(len(trials), len(request.ways), trial.way.words)
        if judge_all(trials, request.wanted_gpus) is not Standing.PASSED:
            raise _failed(_worst(trials))

    def _on_host(self, cancel: threading.Event) -> Iterator[Event]:
        from installer.trials.quietchild import report_of_child  # noqa: PLC0415 - as above
        from installer.trials.reports import FAIL  # noqa: PLC0415
        from installer.trials.told import (  # noqa: PLC0415
            PICTURE_SIDE,
            devices_tested,
            pictures_drawn,
        )

        with TemporaryDirectory(prefix="moonlift-") as folder:
            options = (f"--pictures={folder}", f"--size={PICTURE_SIDE}")
            report = report_of_child(options, CONTAINER_S, cancel)
            yield from devices_tested("host", report)
            yield from pictures_drawn("host", Path(folder))
        devices = ", ".join(f"{one.address} {one.name}: {one.verdict}" for one in report.devices)
        yield Noted(Stage.SELFTEST, f"selftest-{report.verdict}", f"self-test    {devices}")
        yield _advanced(1, 1, "this host")
        if report.verdict == FAIL:
            first = next(iter(report.failures), None)
            raise _failed((first.text, first.remedy) if first else ("a device failed", ""))


def _worst(trials: Sequence[Trial]) -> tuple[str, str]:
    """Return what was found first, and what to do about it."""
    from installer.trials.judge import Standing  # noqa: PLC0415 - as above

    order = (Standing.FAILED, Standing.UNAVAILABLE)
    bad = sorted(
        (one for one in trials if one.standing in order), key=lambda one: order.index(one.standing)
    )
    return f"{bad[0].way.words}: {bad[0].text}", bad[0].remedy


def _advanced(done: int, total: int, subject: str) -> Advanced:
    return Advanced(Stage.SELFTEST, done, total, safe_line(subject))


def _failed(found: tuple[str, str]) -> SelftestFailed:
    text, remedy = found
    return SelftestFailed(
        "selftest-failed",
        "this host does not compute as it must, and nothing was switched: "
        f"{safe_line(text, limit=1000)}",
        hint=" ".join(filter(None, (safe_line(remedy), _ACCEPT))),
    )
