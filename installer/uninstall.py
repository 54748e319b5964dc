"""Takes an app off this host: its containers, networks, image names and files; volumes if named.

Owns what belongs to an app, and the order in which it goes. The engine's labels say which
containers, networks and volumes are the app's, the kept releases which names are. What is named
last is forgotten last, so that an uninstall that was broken off is finished by the next one. The
high-water mark and the history stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from installer.engines.base import Engine, EngineInfo, keep_name
from installer.events import Event, NameSet, Noted, Outcome, RunFinished, RunRecord, Stage, Unit
from installer.ledger import InstalledApp, Ledger, LockedLedger
from installer.planning.elsewhere import taken_elsewhere
from installer.planning.suiting import suiting
from installer.running.appfiles import forget_files
from installer.state.history import HistoryEntry
from installer.stream.staging import Broken, Staging
from manifests.digest import Digest
from manifests.errors import EngineFailed, MoonliftError
from manifests.release import ImageRecord, Release

if TYPE_CHECKING:  # where nothing ran, none of it is needed
    from installer.engines.appapi import AppApi


@dataclass(frozen=True, slots=True)
class OwnName:
    """A name of an image that is the app's alone.

    Attributes:
        name: full reference.
        points: what it points to.
    """

    name: str
    points: Digest


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants to go with an app.

    Attributes:
        product: name of it.
        volumes: that are to be removed, by their names in the engine.
        all_volumes: whether all of the app's are.
        keep_images: whether its images stay.
    """

    product: str
    volumes: tuple[str, ...] = ()
    all_volumes: bool = False
    keep_images: bool = False


@dataclass(frozen=True, slots=True)
class UninstallPlan:
    """What will be removed, and what stays.

    Attributes:
        product: name of the app.
        app: what the ledger knows of it; None for nothing.
        engine: where it is.
        info: what that said of itself.
        apps: what runs it; None where the engine runs nothing.
        ledger: where it will be recorded.
        containers, networks: of the app, by name.
        volumes: that will be removed.
        kept_volumes: of the app, that stay.
        names: of images, that will be removed.
        elsewhere: another engine that has it by the ledger; empty for none.
    """

    product: str
    app: InstalledApp | None
    engine: Engine
    info: EngineInfo
    apps: AppApi | None
    ledger: Ledger
    containers: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]
    kept_volumes: tuple[str, ...]
    names: tuple[OwnName, ...]
    elsewhere: str = ""

    @property
    def unknown(self) -> bool:
        """Whether neither ledger nor engine has anything of it."""
        there = (self.containers, self.networks, self.volumes, self.kept_volumes)
        return self.app is None and not any(there)


def plan_uninstall(
    asked: Asked, engine: Engine, apps: AppApi | None, ledger: Ledger
) -> UninstallPlan:
    """Ask engine and ledger; changes nothing.

    Raises:
        EngineFailed: it does not answer.
        NotInstallableHere: the ledger can't be read.
    """
    from installer.engines.containerfacts import PRODUCT  # noqa: PLC0415 - beside the engine's API

    product, info = asked.product, engine.info()
    app = ledger.app(product)
    taken = taken_elsewhere(app, engine.address, info.identity)
    found = apps.labelled(PRODUCT, product) if apps else []
    volumes = [one.name for one in apps.volumes(PRODUCT, product)] if apps else []
    chosen = tuple(volumes) if asked.all_volumes else asked.volumes
    return UninstallPlan(
        product=product,
        app=app,
        engine=engine,
        info=info,
        apps=apps,
        ledger=ledger,
        containers=tuple(sorted(one.name for one in found)),
        networks=tuple(one.name for one in apps.networks(PRODUCT, product)) if apps else (),
        volumes=chosen,
        kept_volumes=tuple(one for one in volumes if one not in chosen),
        names=() if asked.keep_images else tuple(_own_names(product, engine, info, ledger)),
        elsewhere=taken.engine if taken else "",
    )


def uninstall(plan: UninstallPlan) -> Iterator[Event]:
    """Yield what happens; see `installer.events` for the law of the stream."""
    staging = Staging()
    try:
        with plan.ledger.locked() as ledger:
            yield from _stages(plan, staging, ledger)
    except Broken:
        pass
    except MoonliftError as error:
        staging.fail(error)
    yield RunFinished(_run_record(plan, staging))


def _remove(apps: AppApi, plan: UninstallPlan) -> Iterator[Event]:
    """Remove what runs, a stack first: its swarm would start what is removed again."""
    from installer.app.control import remove  # noqa: PLC0415 - as above
    from installer.running.runner import remove_stack  # noqa: PLC0415

    yield from remove_stack(apps, plan.product)
    yield from remove(apps, plan.product, plan.volumes)


def _stages(plan: UninstallPlan, staging: Staging, ledger: LockedLedger) -> Iterator[Event]:
    if plan.apps is not None:
        work = _remove(plan.apps, plan)
        yield from staging.stage(Stage.START, len(plan.containers), Unit.SERVICES, work)
    if plan.names:
        count = len(plan.names)
        yield from staging.stage(Stage.TAG, count, Unit.NAMES, _remove_names(plan))
    yield from staging.stage(Stage.RECORD, 1, Unit.STEPS, _forget(plan, ledger))


def _remove_names(plan: UninstallPlan) -> Iterator[Event]:
    """Remove names, and with the last of them images; what strangers use stays."""
    for one in plan.names:
        try:
            plan.engine.remove_name(one.name)
        except EngineFailed as error:
            yield Noted(Stage.TAG, "image-kept", f"{one.name} stays: {error}")
        else:
            yield NameSet(Stage.TAG, one.name, str(one.points), "")


def _forget(plan: UninstallPlan, ledger: LockedLedger) -> Iterator[Event]:
    forget_files(ledger.directory, plan.product, ())
    active = plan.app.active if plan.app else None
    facts: dict[str, str | int] = {
        "containers": len(plan.containers),
        "names": len(plan.names),
        "volumes": " ".join(plan.volumes),
    }
    ledger.record(HistoryEntry(datetime.now(UTC), "uninstalled", plan.product, active, facts))
    ledger.forget_app(plan.product)
    yield from ()


def _own_names(product: str, engine: Engine, info: EngineInfo, ledger: Ledger) -> Iterator[OwnName]:
    """Yield the names that point to images of the product, and to none that others have, too."""
    own, others = (
        _images(info, ledger, lambda one: one == product),
        {
            (image.name, info.store.identity(image))
            for image in _images(info, ledger, lambda one: one != product)
        },
    )
    keep = {one: keep_name(product, one) for one in map(info.store.identity, own)}
    there = engine.presence(own, keep, ())
    seen: set[str] = set()
    for image in own:
        identity = info.store.identity(image)
        for name in (*engine.names(image), keep[identity]):
            points = there.store.pointed(image)
            shared = (image.name, identity) in others and name != keep[identity]
            if points in there.names.get(name, frozenset()) and not shared and name not in seen:
                seen.add(name)
                yield OwnName(name, points)


def _images(
    info: EngineInfo, ledger: Ledger, wanted: Callable[[str], bool]
) -> Sequence[ImageRecord]:
    """Return the images of kept releases of the products that are wanted."""
    found: list[ImageRecord] = []
    for kept in ledger.releases():
        if wanted(kept.product):
            try:
                found += suiting(Release.read(kept.raw), info)
            except MoonliftError:
                continue
    return found


def _run_record(plan: UninstallPlan, staging: Staging) -> RunRecord:
    active = plan.app.release(plan.app.active) if plan.app else None
    return RunRecord(
        outcome=Outcome.DONE if staging.failure is None else Outcome.FAILED,
        product=plan.product,
        version=active.version if active else "",
        sequence=active.sequence if active else 0,
        bundle=str(active.sums) if active else "",
        engine=plan.engine.name,
        images_loaded=0,
        images_present=0,
        bytes_read=0,
        names_set=(),
        seconds=staging.seconds,
        failure=staging.failure,
        verb="uninstall",
    )
