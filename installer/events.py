"""What a run tells: frozen facts that any sink can show, store or send as JSON.

Owns the vocabulary of the event stream; no behaviour, no text but what an error says itself.

The law of the stream: every `StageStarted` is followed by exactly one `StageFinished` or
`StageFailed` of that stage; `Advanced.done` only grows and never exceeds `total`; the one
`RunFinished` comes last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import TypeAlias

from installer.stream.damageevents import DamageFound, ImageSkipped
from installer.stream.removalevents import RemovalEnded
from installer.stream.stages import Outcome, ServiceState, Stage, Unit
from installer.stream.testevents import DeviceTested, PictureDrawn
from manifests.errors import ExitCode, MoonliftError
from manifests.strictjson import JsonValue

__all__ = [
    "Advanced",
    "DamageFound",
    "DeviceTested",
    "Event",
    "Failure",
    "ImageLoaded",
    "ImageSkipped",
    "NameSet",
    "Noted",
    "Outcome",
    "PictureDrawn",
    "RemovalEnded",
    "RunFinished",
    "RunRecord",
    "ServiceChanged",
    "ServiceState",
    "Stage",
    "StageFailed",
    "StageFinished",
    "StageStarted",
    "Unit",
    "kind_of",
    "plain_fields",
    "to_json",
]


@dataclass(frozen=True, slots=True)
class Failure:
    """An expected failure as plain values.

    Attributes:
        code: of the error, stable.
        message: what was expected, what was found and where.
        hint: the next step; may be empty.
        exit_code: what a process that failed by it ends with.
        context: named facts.
    """

    code: str
    message: str
    hint: str
    exit_code: ExitCode
    context: Mapping[str, str | int] = field(default_factory=dict)

    @classmethod
    def of(cls, error: MoonliftError) -> Failure:
        """Return the failure that `error` is."""
        return cls(error.code, str(error), error.hint, error.exit_code, dict(error.context))


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run came to; made by the run, so that no two sinks can disagree.

    Attributes:
        outcome: how it ended.
        product, version, sequence: the release.
        bundle: digest of its SHA256SUMS.
        engine: name of the engine.
        images_loaded: how many the engine took.
        images_present: how many it had already.
        bytes_read: of layers, from the bundle.
        names_set: names that now point to something else than before.
        seconds: from start to end.
        failure: why it failed; None if it did not.
        verb: of the command line: `install`, `rollback`.
        started: whether something of the release was started by it, and is well.
        running_again: number of the release that was put back because this one is not well.
        images_skipped: names of images that a damaged bundle could not give.
    """

    outcome: Outcome
    product: str
    version: str
    sequence: int
    bundle: str
    engine: str
    images_loaded: int
    images_present: int
    bytes_read: int
    names_set: tuple[str, ...]
    seconds: float
    failure: Failure | None = None
    verb: str = "install"
    started: bool = False
    running_again: int | None = None
    images_skipped: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """What a process that ran it ends with."""
        if self.outcome is Outcome.CANCELLED:
            return ExitCode.INTERRUPTED
        return self.failure.exit_code if self.failure else ExitCode.DONE


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage begins.

    Attributes:
        stage: which.
        total: how much there is to do.
        unit: of what.
    """

    stage: Stage
    total: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Advanced:
    """A stage went on; at most some ten a second.

    Attributes:
        stage: which.
        done: so far, of `total`.
        total: as when it started.
        subject: what is being worked on.
    """

    stage: Stage
    done: int
    total: int
    subject: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something worth a line, from a stage; `code` is stable, `text` for people."""

    stage: Stage
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class ImageLoaded:
    """The engine has an image, and it is the signed one.

    Attributes:
        stage: always load.
        name: full reference.
        identity: what the engine knows it by: `sha256:...`.
        bytes_read: of its layers, from the bundle.
        layers_sent: how many were missing.
        seconds: that it took.
    """

    stage: Stage
    name: str
    identity: str
    bytes_read: int
    layers_sent: int
    seconds: float


@dataclass(frozen=True, slots=True)
class NameSet:
    """A name points to an image of this release.

    Attributes:
        stage: always tag.
        name: full reference.
        old: what it pointed to before; empty if it was not there.
        new: what it points to now.
    """

    stage: Stage
    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ServiceChanged:
    """Something became of an instance of a service.

    Attributes:
        stage: always start.
        service: name of it.
        container: name of the instance.
        state: what it is now.
        detail: for people, such as the last lines that a failed one printed; may be empty.
    """

    stage: Stage
    service: str
    container: str
    state: ServiceState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage did all that it had to."""

    stage: Stage
    seconds: float


@dataclass(frozen=True, slots=True)
class StageFailed:
    """A stage broke off; the run ends."""

    stage: Stage
    failure: Failure


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The last event."""

    record: RunRecord


Event: TypeAlias = (
    StageStarted
    | Advanced
    | Noted
    | DamageFound
    | ImageLoaded
    | ImageSkipped
    | NameSet
    | DeviceTested
    | PictureDrawn
    | ServiceChanged
    | RemovalEnded
    | StageFinished
    | StageFailed
    | RunFinished
)


def to_json(event: Event) -> dict[str, JsonValue]:
    """Return an event as a JSON object; `event` names its kind."""
    return {"event": kind_of(type(event)), **plain_fields(event)}


def kind_of(event: type) -> str:
    """Return what a kind of event is called: `stage-started`."""
    return _kebab(event.__name__)


def plain_fields(value: object) -> dict[str, JsonValue]:
    """Return a dataclass as plain JSON values."""
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is no dataclass")
    return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}


def _plain(value: object) -> JsonValue:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return plain_fields(value)


def _kebab(name: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).removeprefix("-")
