"""An installed app and what shall run of it: from the ledger, the host's settings and the engine.

Owns how the words of a command line name an app and its services, and which engine is meant where
none is named: the one that took the release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from installer.app.placement import Placement
from installer.app.settings import carried_in, read_settings
from installer.app.status import AppStatus
from installer.app.wanted import Deployment
from installer.engines.appapi import AppApi, open_apps
from installer.ledger import InstalledApp, InstalledRelease, Ledger
from installer.running.appfiles import files_folder
from installer.running.runner import Runner, runner_of
from installer.state.apps import RunsAs
from installer.verbs.picking import AUTO, engine_of, pick_app
from manifests.digest import Digest
from manifests.errors import NotInstallableHere, UsageError
from manifests.release import Release


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked about an app.

    Attributes:
        state: where the ledger is.
        settings: folder of this host's settings for all apps.
        words: name of the app, if several are installed, and of services.
        engine: as on the command line.
        gpus: whether services get the GPUs that they ask for; None as they have them now.
    """

    _: KW_ONLY
    state: Path
    settings: Path
    words: tuple[str, ...] = ()
    engine: str = AUTO
    gpus: bool | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The app that was meant.

    Attributes:
        app: what the ledger says of it.
        services: that were named.
        engine: that runs it, as on the command line.
        runs_as: as containers or as a stack.
    """

    app: InstalledApp
    services: tuple[str, ...]
    engine: str
    runs_as: RunsAs = RunsAs.CONTAINERS

    @property
    def installed(self) -> InstalledRelease | None:
        """The active release; None while none is."""
        return self.app.release(self.app.active)

    def active(self) -> InstalledRelease:
        """Return the active release.

        Raises:
            NotInstallableHere: `app-not-active`.
        """
        if self.installed is None:
            raise NotInstallableHere(
                "app-not-active",
                f"no release of {self.app.product} is active: none was ever started to its end",
                hint="installer install BUNDLE",
            )
        return self.installed


@dataclass(frozen=True, slots=True)
class RunningApp:
    """An app whose active release runs, or shall.

    Attributes:
        chosen: which.
        apps: the engine.
        runner: what runs it.
        release: that shall run.
        at: where and with what.
        wanted: what that comes to.
    """

    chosen: Chosen
    apps: AppApi
    runner: Runner
    release: Release
    at: Placement
    wanted: Deployment


def choose(asked: Asked) -> Chosen:
    """Return which app was meant.

    Raises:
        NotInstallableHere: `app-unknown`, or the ledger can't be read.
        UsageError: `app-ambiguous`.
    """
    state = Ledger(asked.state).state()
    installed = state.apps
    first, services = (asked.words[0], asked.words[1:]) if asked.words else ("", ())
    if first and not _names(first, installed) and len(installed) == 1:
        first, services = "", asked.words
    app = pick_app(installed, first, state.products)
    runs_as = app.current.runs_as if app.current is not None else RunsAs.CONTAINERS
    return Chosen(app, tuple(services), engine_of(app, asked.engine), runs_as)


@contextmanager
def opened_runner(chosen: Chosen) -> Iterator[tuple[AppApi, Runner]]:
    """Return the engine and what runs the app there; let go of both in the end.

    Raises:
        NotInstallableHere: `swarm-inactive`, `engine-none`.
        EngineFailed: it does not answer.
    """
    with (
        closing(open_apps(chosen.engine)) as apps,
        closing(runner_of(apps, chosen.runs_as)) as runner,
    ):
        yield apps, runner


@contextmanager
def running_app(asked: Asked, chosen: Chosen) -> Iterator[RunningApp]:
    """Return the app with what shall run of it; let go of the engine in the end.

    Raises:
        NotInstallableHere: `app-not-active`, `release-lost`, `settings-missing` and others.
        UsageError: `app-runs-nothing`.
        EngineFailed: it does not answer.
    """
    release = _release(Ledger(asked.state), chosen)
    with opened_runner(chosen) as (apps, runner):
        found = _placement(asked, chosen.active(), release, apps)
        at = _as_it_runs(asked, release, found, runner)
        yield RunningApp(chosen, apps, runner, release, at, runner.wanted(release, at))


def current_status(running: RunningApp) -> AppStatus:
    """Return how the app is; of the services named, if any are."""
    found = running.runner.status(running.release, running.at)
    return found.only(running.chosen.services)


def _names(word: str, installed: Sequence[InstalledApp]) -> bool:
    return any(one.product == word for one in installed)


def _release(ledger: Ledger, chosen: Chosen) -> Release:
    product, active = chosen.app.product, chosen.active()
    kept = ledger.kept(product, active.sequence)
    if kept is None:
        raise NotInstallableHere(
            "release-lost",
            f"release.json of {product} {active.version} is not kept any more",
            hint="bring its bundle again: installer install BUNDLE",
        )
    release = Release.read(kept.raw)
    if release.run is None:
        raise UsageError(
            "app-runs-nothing", f"{product} {active.version} only brings images; nothing of it runs"
        )
    return release


def _placement(asked: Asked, active: InstalledRelease, release: Release, apps: AppApi) -> Placement:
    if release.run is None:
        raise AssertionError("a release without services has no placement")
    folder = files_folder(asked.state, release)
    images: Mapping[str, Digest] = {one.name: one.identity for one in active.images}
    return Placement(
        settings=read_settings(asked.settings / release.product, release.run, carried_in(folder)),
        images=images,
        files=folder,
        facts=apps.facts(),
        gpus=asked.gpus is not False,
    )


def _as_it_runs(asked: Asked, release: Release, at: Placement, runner: Runner) -> Placement:
    """Return where it shall run: with GPUs as asked, or as it runs now where nobody asked."""
    spec = release.run
    asking = spec is not None and any(one.gpus is not None for one in spec.services)
    if asked.gpus is not None or not asking:
        return at
    without = at.without_gpus()
    fewer = _troubles(runner, release, without) < _troubles(runner, release, at)
    return without if fewer else at


def _troubles(runner: Runner, release: Release, at: Placement) -> int:
    return sum(bool(one.trouble) for one in runner.status(release, at).instances)
