"""What a run has told so far, as one value: events and the time go in, the next value comes out.

Pure; the screens show it, the tests feed it. Owns the time left, which no event tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar, Protocol, TypeAlias, assert_never, runtime_checkable

from installer.events import (
    Advanced,
    DamageFound,
    DeviceTested,
    Event,
    Failure,
    ImageLoaded,
    ImageSkipped,
    NameSet,
    Noted,
    PictureDrawn,
    RemovalEnded,
    RunFinished,
    RunRecord,
    ServiceChanged,
    ServiceState,
    Stage,
    StageFailed,
    StageFinished,
    StageStarted,
    Unit,
)
from installer.tui.rate import Pace
from installer.tui.steps import Step


class State(StrEnum):
    """How far something is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ImageProgress:
    """An image of the plan.

    Attributes:
        name: full reference, as the events have it.
        total: bytes to be read for it; 0 when it is there already.
        done: bytes read.
        state: how far it is.
    """

    name: str
    total: int
    done: int = 0
    state: State = State.WAITING


@dataclass(frozen=True, slots=True)
class StageProgress:
    """A stage that has begun."""

    stage: Stage
    total: int
    unit: Unit
    done: int = 0
    state: State = State.RUNNING
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ServiceProgress:
    """An instance of a service, as it was told of last."""

    service: str
    container: str
    state: ServiceState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A run.

    Attributes:
        images: of the plan, in the order in which they are sent.
        stages: that began, in order.
        subject: what is being worked on.
        pace: of the stage under way.
        services: by container, in the order in which they were first told of.
        tested: devices that the self-test is through with.
        notes: worth a line each.
        damages: to the bundle.
        failure: why it broke off.
        record: of the end.
        never_began: whether it could not even begin; `failure` says why.
    """

    images: tuple[ImageProgress, ...] = ()
    stages: tuple[StageProgress, ...] = ()
    subject: str = ""
    pace: Pace = field(default_factory=Pace)
    services: tuple[ServiceProgress, ...] = ()
    tested: tuple[DeviceTested, ...] = ()
    notes: tuple[Noted, ...] = ()
    damages: tuple[DamageFound, ...] = ()
    failure: Failure | None = None
    record: RunRecord | None = None
    never_began: bool = False

    @property
    def current(self) -> StageProgress | None:
        """The stage under way."""
        last = self.stages[-1] if self.stages else None
        return last if last is not None and last.state is State.RUNNING else None

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.record is not None or self.never_began

    @property
    def seconds_left(self) -> float | None:
        """Of the stage under way; None while it can't be said."""
        stage, rate = self.current, self.pace.rate
        if stage is None or stage.unit is not Unit.BYTES or rate <= 0:
            return None
        return (stage.total - stage.done) / rate

    def stage(self, wanted: Stage) -> StageProgress | None:
        """Return a stage, None if it has not begun."""
        return next((one for one in self.stages if one.stage is wanted), None)


@runtime_checkable
class ShowsRun(Protocol):
    """A screen that shows the run."""

    step: ClassVar[Step]

    @property
    def is_asking(self) -> bool: ...  # noqa: D102
    def run_changed(self, run: RunProgress) -> None: ...  # noqa: D102


def progressed(run: RunProgress, event: Event, now: float) -> RunProgress:
    """Return the run after an event that came at `now`, in seconds of a clock that only grows."""
    match event:
        case StageStarted() | StageFinished() | StageFailed():
            return _staged(run, event, now)
        case Advanced():
            return _advanced(run, event, now)
        case DeviceTested():
            return replace(run, tested=(*run.tested, event))
        case PictureDrawn() | RemovalEnded():
            return run
        case (
            Noted() | ImageLoaded() | NameSet() | ServiceChanged() | DamageFound() | ImageSkipped()
        ):
            return _noted(run, event)
        case RunFinished():
            failure = run.failure or event.record.failure
            return replace(run, record=event.record, failure=failure, subject="")
        case _:
            assert_never(event)


def _staged(
    run: RunProgress, event: StageStarted | StageFinished | StageFailed, now: float
) -> RunProgress:
    match event:
        case StageStarted():
            stage = StageProgress(event.stage, event.total, event.unit)
            pace = Pace(points=run.pace.points).after(now, 0)
            return replace(run, stages=(*run.stages, stage), pace=pace, subject="")
        case StageFinished():
            return _ended(run, event.stage, State.DONE, event.seconds)
        case StageFailed():
            failed = _ended(run, event.stage, State.FAILED, 0.0)
            images = tuple(_stopped(one) for one in run.images)
            return replace(failed, failure=event.failure, images=images)
        case _:
            assert_never(event)


_Fact: TypeAlias = Noted | ImageLoaded | NameSet | ServiceChanged | DamageFound | ImageSkipped


def _noted(run: RunProgress, event: _Fact) -> RunProgress:
    match event:
        case Noted():
            return replace(run, notes=(*run.notes, event))
        case ImageLoaded():
            return replace(run, images=tuple(_loaded(run.images, event)))
        case NameSet():
            return replace(run, subject=event.name)
        case ServiceChanged():
            return replace(run, services=tuple(_changed(run.services, event)))
        case DamageFound():
            return replace(run, damages=(*run.damages, event))
        case ImageSkipped():
            return replace(run, images=tuple(_skipped(one, event) for one in run.images))
        case _:
            assert_never(event)


def _advanced(run: RunProgress, event: Advanced, now: float) -> RunProgress:
    stages = tuple(
        replace(one, done=event.done) if one.stage is event.stage else one for one in run.stages
    )
    images = run.images
    if event.stage is Stage.LOAD:
        images = tuple(_filled(run.images, event.done))
    pace = run.pace.after(now, event.done)
    return replace(run, stages=stages, images=images, subject=event.subject, pace=pace)


def _filled(images: tuple[ImageProgress, ...], done: int) -> Iterator[ImageProgress]:
    """Share out what was read: images are sent one after the other."""
    before = 0
    for image in images:
        own = max(0, min(image.total, done - before))
        before += image.total
        begun = image.state is State.WAITING and own > 0
        state = State.RUNNING if begun else image.state
        yield replace(image, done=max(image.done, own), state=state)


def _loaded(images: tuple[ImageProgress, ...], event: ImageLoaded) -> Iterator[ImageProgress]:
    told = False
    for image in images:
        if image.name == event.name and image.state is not State.DONE and not told:
            told = True
            yield replace(image, done=image.total, state=State.DONE)
        else:
            yield image


def _skipped(image: ImageProgress, event: ImageSkipped) -> ImageProgress:
    lost = replace(image, total=0, done=0, state=State.FAILED)
    return lost if image.name == event.name and image.state is not State.DONE else image


def _stopped(image: ImageProgress) -> ImageProgress:
    return replace(image, state=State.FAILED) if image.state is State.RUNNING else image


def _changed(
    services: tuple[ServiceProgress, ...], event: ServiceChanged
) -> Iterator[ServiceProgress]:
    after = ServiceProgress(event.service, event.container, event.state, event.detail)
    if all(one.container != event.container for one in services):
        yield from (*services, after)
        return
    yield from (after if one.container == event.container else one for one in services)


def _ended(run: RunProgress, stage: Stage, state: State, seconds: float) -> RunProgress:
    stages = tuple(
        replace(one, state=state, seconds=seconds) if one.stage is stage else one
        for one in run.stages
    )
    return replace(run, stages=stages)
