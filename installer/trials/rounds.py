"""Runs the self-test's image in every way in turn, each in a container of its own.

Owns the order and the tidying up: what a killed run left is removed before, its own container
after each way, however it ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from installer.engines.containers import Bounds, ContainerApi, ContainerRefused
from installer.trials.hostgpus import HostGpus
from installer.trials.judge import Granted, Trial, judge_refusal, judge_said
from installer.trials.sandbox import (
    LABEL,
    TrialRequest,
    container_settings,
    is_leftover,
    process_identity,
)
from installer.trials.ways import Grant, Way
from manifests.digest import Digest
from manifests.errors import EngineFailed

GRACE_S: Final = 600
"""Seconds beyond its deadline after which a container is a leftover, whoever made it."""


@dataclass(frozen=True, slots=True)
class RoundsRequest:
    """What is to be run.

    Attributes:
        image: ID of the self-test's image.
        grant: which GPUs the ways that give any shall give.
        expected: how many GPUs there must be, as a person said; None for those of the host.
        host: the host's own.
        full: the full run instead of the quick one.
        deadline_s: seconds that one container may take.
    """

    image: Digest
    grant: Grant
    expected: int | None
    host: HostGpus
    full: bool
    deadline_s: float

    @property
    def ways(self) -> tuple[Way, ...]:
        """Which ways are tried: those to GPUs only where GPUs are not unwanted."""
        return (Way.NONE,) if self.expected == 0 else tuple(Way)

    @property
    def wanted_gpus(self) -> int:
        """How many GPUs a container must be able to get; 0 when it need not."""
        if self.expected is not None:
            return self.expected
        return len(self.grant.devices) or self.host.count

    def granted(self, way: Way) -> Granted:
        """Return what a container is to get; of a divided GPU the parts can't be told before."""
        if way is Way.NONE:
            return Granted(0, host_has_driver=bool(self.host.count))
        known = len(self.grant.devices) or self.expected
        if known is None and not self.host.divided:
            known = self.host.count or None
        return Granted(known, host_has_driver=bool(self.host.count))


def run_rounds(
    request: RoundsRequest, api: ContainerApi, cancel: threading.Event
) -> Iterator[Trial]:
    """Run each way, and yield what came of it.

    Raises:
        EngineFailed: `engine-unreachable`, `engine-answer`: the engine does not work at all.
        KeyboardInterrupt: `cancel` was set.
    """
    remove_leftovers(api)
    for way in request.ways:
        started = time.monotonic()
        trial = _run_one(request, way, api, cancel)
        yield replace(trial, seconds=time.monotonic() - started)


def remove_leftovers(api: ContainerApi) -> int:
    """Remove the containers of runs that are no more; return how many there were."""
    now = time.time()
    stale = [one for one, labels in api.labelled(LABEL).items() if is_leftover(labels, now)]
    for container in stale:
        api.remove(container)
    return len(stale)


def _run_one(request: RoundsRequest, way: Way, api: ContainerApi, cancel: threading.Event) -> Trial:
    granted = request.granted(way)
    container = ""
    try:
        container = api.create(container_settings(_trial_request(request, way, granted)))
        said = api.run(container, Bounds(request.deadline_s), cancel)
    except ContainerRefused as refusal:
        return judge_refusal(way, granted, refusal)
    finally:
        if container:
            with suppress(EngineFailed):
                api.remove(container)
    return judge_said(way, granted, said)


def _trial_request(request: RoundsRequest, way: Way, granted: Granted) -> TrialRequest:
    options = ["--json"]
    if granted.gpus is not None:
        options.append(f"--expect-gpus={granted.gpus}")
    if request.full:
        options.append("--full")
    return TrialRequest(
        image=request.image,
        way=way,
        grant=request.grant,
        options=tuple(options),
        owner=process_identity(),
        until=int(time.time() + request.deadline_s + GRACE_S),
    )
