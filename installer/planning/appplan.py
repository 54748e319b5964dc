"""What an install or a rollback will do to a running app, found out before any of it is done.

Owns the questions: what this host sets for the app, what shall run, what runs now, whether there is
room for the files that the release carries. Changes nothing but by `switch`, which the run calls.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from installer.app.placement import Placement
from installer.app.settings import Carried, carried_in, read_settings
from installer.app.status import AppStatus
from installer.app.wanted import Deployment
from installer.engines.appapi import AppApi, open_apps
from installer.events import Event
from installer.ledger import Ledger
from installer.running.appfiles import files_bytes, files_folder, is_placed
from installer.running.runner import Go, Runner, runner_of, way_of
from installer.state.apps import RunsAs
from manifests.bundle.layout import FILES
from manifests.bundle.medium import Medium
from manifests.bundle.reading import read_checked
from manifests.digest import Digest
from manifests.errors import NotInstallableHere
from manifests.quantities import bytes_text
from manifests.release import Release

SPACE_MARGIN: Final = 32 * 1024 * 1024
"""Bytes that stay free where the files go."""
ENV_FILE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a carried file that is read before it is placed."""


class Fate(StrEnum):
    """What becomes of a service."""

    START = "start"
    REPLACE = "replace"
    UNCHANGED = "unchanged"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class ServiceFate:
    """What becomes of one service.

    Attributes:
        service: name of it.
        fate: what.
        why: what is there now, for people; may be empty.
    """

    service: str
    fate: Fate
    why: str = ""


@dataclass(frozen=True, slots=True)
class AppChoices:
    """How an app is to be started.

    Attributes:
        engine: as on the command line.
        settings: folder of this host's settings for all apps.
        gpus: whether services get the GPUs that they ask for.
        runs_as: as containers or as a stack; None for as it does.
    """

    _: KW_ONLY
    engine: str
    settings: Path
    gpus: bool = True
    runs_as: RunsAs | None = None


@dataclass(frozen=True, slots=True)
class AppPlan:
    """What will run, and what has to be done for it.

    Attributes:
        apps: the engine.
        runner: what runs it there.
        runs_as: which of the two ways that is.
        home: folder of this host's settings for the app.
        folder: where the carried files lie, or will.
        placed: whether they do.
        placement: with what it runs, as far as it is known before the files are placed.
        wanted: what shall run, as far as it is known before.
        fates: of each service, those of the release that runs now included.
        interrupted: whether a switch was broken off.
        resumed: whether it was one to this very release.
    """

    apps: AppApi
    runner: Runner
    runs_as: RunsAs
    home: Path
    folder: Path
    placed: bool
    placement: Placement
    wanted: Deployment
    fates: tuple[ServiceFate, ...]
    interrupted: bool
    resumed: bool

    @property
    def settled(self) -> bool:
        """Whether all of it runs as it should already."""
        done = all(one.fate is Fate.UNCHANGED for one in self.fates)
        return done and self.placed and not self.interrupted

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know before: of this host's settings, and what it can't do."""
        return self.wanted.remarks

    @property
    def gpu_services(self) -> tuple[str, ...]:
        """Services that will be given GPUs."""
        return tuple(dict.fromkeys(one.service for one in self.wanted.containers if one.gpus))

    def switch(self, release: Release, cancel: threading.Event) -> Iterator[Event]:
        """Let it run, by the files that are placed by now; raises as `installer.app.switch`."""
        spec = release.run
        if spec is None:
            raise AssertionError("a release without services is not started")
        settings = read_settings(self.home, spec, carried_in(self.folder))
        at = replace(self.placement, settings=settings)
        yield from self.runner.start(release, at, Go(cancel, resumed=self.resumed))


def plan_app(
    release: Release,
    images: Mapping[str, Digest],
    ledger: Ledger,
    medium: Medium | None,
    choices: AppChoices,
) -> AppPlan | None:
    """Ask what has to be done so that `release` runs; None if nothing of it runs.

    Args:
        release: what shall run.
        images: what the engine knows its images by, or will.
        ledger: what this host has; only read.
        medium: where the carried files are read from if they are not placed yet.
        choices: how it is to be started.

    Raises:
        NotInstallableHere: `settings-missing` and others of `installer.app`; `no-space`;
            `swarm-inactive`, `swarm-other-way` and others of `installer.swarm`.
        EngineFailed: it does not answer.
    """
    spec = release.run
    if spec is None:
        return None
    folder, placed = files_folder(ledger.directory, release), is_placed(ledger.directory, release)
    if not placed:
        _refuse_full(ledger.directory, files_bytes(release))
    home = choices.settings / release.product
    carried = carried_in(folder) if placed or medium is None else _carried_by(release, medium)
    known = ledger.app(release.product)
    apps = open_apps(choices.engine)
    runs_as = way_of(known, choices.runs_as, apps)
    runner = runner_of(apps, runs_as)
    placement = Placement(
        settings=read_settings(home, spec, carried),
        images=images,
        files=folder,
        facts=apps.facts(),
        gpus=choices.gpus,
    )
    wanted = runner.wanted(release, placement)
    runner.check_room(release, placement)
    pending = known.pending if known is not None else None
    return AppPlan(
        apps=apps,
        runner=runner,
        runs_as=runs_as,
        home=home,
        folder=folder,
        placed=placed,
        placement=placement,
        wanted=wanted,
        fates=_fates(runner.status(release, placement), wanted.services),
        interrupted=pending is not None,
        resumed=pending is not None and pending.sequence == release.sequence,
    )


def _fates(found: AppStatus, wanted: tuple[str, ...]) -> tuple[ServiceFate, ...]:
    """Return what becomes of each service, from what the engine has of it."""
    there = tuple(dict.fromkeys(one.service for one in found.instances))
    kept = tuple(_fate(found, service) for service in there if service in wanted)
    return (*kept, *(ServiceFate(one, Fate.STOP) for one in there if one not in wanted))


def _fate(found: AppStatus, service: str) -> ServiceFate:
    own = [one for one in found.instances if one.service == service]
    unwell = [one for one in own if one.trouble]
    if not unwell:
        return ServiceFate(service, Fate.UNCHANGED)
    if not any(one.container for one in own):
        return ServiceFate(service, Fate.START)
    states = ", ".join(dict.fromkeys(one.state for one in unwell))
    releases = ", ".join(dict.fromkeys(str(one.release) for one in unwell if one.release))
    return ServiceFate(service, Fate.REPLACE, f"of release {releases}, {states}")


def _carried_by(release: Release, medium: Medium) -> Carried:
    """Return what finds carried files in the bundle; from a pipe none can be had before its time.

    What is found here is only for the plan: the start goes by what was checked and placed.
    """
    records = {one.name: one for one in release.files}

    def find(path: str) -> bytes | None:
        record = records.get(f"{FILES}{path}")
        if record is None or medium.sequential:
            return None if record is None else b""
        return read_checked(medium, record.name, ENV_FILE_LIMIT, record.digest)

    return find


def _refuse_full(state: Path, need: int) -> None:
    """Refuse to place files where there is no room.

    Raises:
        NotInstallableHere: `no-space`.
    """
    at = next((one for one in (state, *state.parents) if one.exists()), Path("/"))
    free = shutil.disk_usage(at).free
    if need and need + SPACE_MARGIN > free:
        raise NotInstallableHere(
            "no-space",
            f"{state}: expected {bytes_text(need + SPACE_MARGIN)} free for the app's files, found"
            f" {bytes_text(free)}",
            hint="free space there, or choose another folder: --state-dir",
            root=str(state),
            need=need + SPACE_MARGIN,
            free=free,
        )
