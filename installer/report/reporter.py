"""Listens to a run and makes its report: a sink of the stream, like a screen, that shows nothing.

Owns what of the events goes where. An event of a kind that is not known here is kept as it is.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

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
    Outcome,
    PictureDrawn,
    RemovalEnded,
    RunFinished,
    ServiceChanged,
    StageFailed,
    StageFinished,
    StageStarted,
    to_json,
)
from installer.logs.redaction import REDACTION
from installer.report.before import Before, host_part
from installer.report.happened import (
    DamagePart,
    FailurePart,
    LoadPart,
    NamePart,
    NotePart,
    RemovedPart,
    ServicePart,
    StagePart,
)
from installer.report.model import REPORT_LIMIT, Report
from installer.report.tested import Tested
from installer.words.results import skipped_text
from manifests import __version__
from manifests.errors import MoonliftError
from manifests.safetext import safe_line, safe_text
from manifests.strictjson import canonical

MAX_EVENTS: Final = 20_000
"""That are kept; a release holds at most 2000 images."""
TEXT_LIMIT: Final = 16_000
"""Characters of one text."""


class Reporter:
    """The report of one run, in the making.

    Attributes:
        run: what the run is called.
    """

    def __init__(self, known: Before) -> None:
        self._started, self._clock = datetime.now(UTC), time.monotonic()
        self.run = _name(self._started)
        self._known = known
        self._outcome: Outcome | None = None
        self._failure: Failure | None = None
        self._stages: list[StagePart] = []
        self._loaded: list[LoadPart] = []
        self._names: list[NamePart] = []
        self._services: list[ServicePart] = []
        self._removed: list[RemovedPart] = []
        self._notes: list[NotePart] = []
        self._damages: list[DamagePart] = []
        self._others: list[dict[str, object]] = []
        self._tested = Tested()
        self._begun = 0.0
        self._kept = 0

    @property
    def worth_keeping(self) -> bool:
        """Whether the run did anything, or tried to."""
        return self._outcome is not Outcome.NOTHING_TO_DO

    def told(self, events: Iterable[Event]) -> Iterator[Event]:
        """Hand the events on, and note what they tell."""
        for event in events:
            self.take(event)
            yield event

    def take(self, event: Event) -> None:
        """Note what one event tells."""
        match event:
            case RunFinished():
                self.end(event.record.outcome, event.record.failure)
            case Advanced():
                pass
            case StageStarted() | StageFinished() | StageFailed():
                self._take_stage(event)
            case _ if self._kept < MAX_EVENTS:
                self._kept += 1
                self._take_fact(event)
            case _:
                pass

    def end(self, outcome: Outcome, failure: Failure | None = None) -> None:
        """Note what the run came to; what was noted first holds."""
        if self._outcome is None:
            self._outcome, self._failure = outcome, failure

    def report(self) -> Report:
        """Return the report of all that was told so far; no secret is in it."""
        known = self._known
        ended = datetime.now(UTC)
        made = Report(
            run=self.run,
            program=__version__,
            started=self._started.replace(microsecond=0),
            ended=ended.replace(microsecond=0),
            seconds=time.monotonic() - self._clock,
            outcome="broken-off" if self._outcome is None else self._outcome.value,
            verb=known.verb,
            product=known.product,
            host=host_part(),
            engine=known.engine,
            bundle=known.bundle,
            images=known.images,
            files=known.files,
            plan=known.plan,
            checks=known.checks,
            stages=tuple(self._stages),
            loaded=tuple(self._loaded),
            names=tuple(self._names),
            services=tuple(self._services),
            removed=tuple(self._removed),
            notes=tuple(self._notes),
            damages=tuple(self._damages),
            others=tuple(self._others),
            selftests=tuple(self._tested.parts()),
            failure=_failure(self._failure) if self._failure else None,
        )
        raw = canonical(REDACTION.json(made.to_json()))
        return Report.parse(raw, limit=REPORT_LIMIT, subject="report.json")

    def _take_stage(self, event: StageStarted | StageFinished | StageFailed) -> None:
        if isinstance(event, StageStarted):
            self._begun = time.monotonic()
            unit, total = str(event.unit), max(0, event.total)
            self._stages.append(StagePart(stage=str(event.stage), total=total, unit=unit))
        elif self._stages:
            ended = {"seconds": time.monotonic() - self._begun, "failed": True}
            if isinstance(event, StageFinished):
                ended = {"seconds": event.seconds}
            self._stages[-1] = self._stages[-1].model_copy(update=ended)

    def _take_fact(self, event: Event) -> None:
        match event:
            case ImageLoaded():
                self._loaded.append(_load(event))
            case NameSet():
                self._names.append(NamePart(name=event.name, old=event.old, new=event.new))
            case ServiceChanged() | RemovalEnded():
                self._take_thing(event)
            case DeviceTested() | PictureDrawn():
                self._tested.take(event)
            case Noted():
                self._notes.append(_note(event))
            case DamageFound():
                self._damages.append(_damage(event))
            case ImageSkipped():
                self._notes.append(_note(Noted(event.stage, "image-skipped", skipped_text(event))))
            case _:
                self._others.append(dict(to_json(event)))

    def _take_thing(self, event: ServiceChanged | RemovalEnded) -> None:
        if isinstance(event, RemovalEnded):
            self._removed.append(_removed(event))
        else:
            self._services.append(_service(event))


@contextmanager
def reporting(known: Before, keep: Callable[[Reporter], None]) -> Iterator[Reporter]:
    """Make a report of what happens in the block, and hand it to `keep` however that ends.

    Raises:
        MoonliftError: as the block; the report says so.
    """
    reporter = Reporter(known)
    try:
        yield reporter
    except MoonliftError as error:
        reporter.end(Outcome.FAILED, Failure.of(error))
        raise
    finally:
        if reporter.worth_keeping:
            keep(reporter)


def _load(event: ImageLoaded) -> LoadPart:
    return LoadPart(
        name=event.name,
        identity=event.identity,
        bytes_read=event.bytes_read,
        layers_sent=event.layers_sent,
        seconds=event.seconds,
    )


def _service(event: ServiceChanged) -> ServicePart:
    return ServicePart(
        service=safe_line(event.service),
        container=safe_line(event.container),
        state=str(event.state),
        detail=safe_text(event.detail, limit=TEXT_LIMIT),
    )


def _removed(event: RemovalEnded) -> RemovedPart:
    return RemovedPart(
        stage=str(event.stage),
        kind=safe_line(event.kind),
        names=tuple(map(safe_line, event.names)),
        identity=safe_line(event.identity),
        outcome=event.outcome.value,
        freed=max(0, event.freed),
        detail=safe_text(event.detail, limit=TEXT_LIMIT),
    )


def _note(event: Noted) -> NotePart:
    text = safe_text(event.text, limit=TEXT_LIMIT)
    return NotePart(stage=str(event.stage), code=safe_line(event.code), text=text)


def _damage(event: DamageFound) -> DamagePart:
    return DamagePart(
        file=safe_line(event.file),
        offset=event.offset,
        length=event.length,
        code=event.code,
        found=safe_line(event.found),
        images=tuple(map(safe_line, event.images)),
    )


def _failure(failure: Failure) -> FailurePart:
    return FailurePart(
        code=failure.code,
        message=safe_text(failure.message, limit=TEXT_LIMIT),
        hint=safe_text(failure.hint, limit=TEXT_LIMIT),
        exit_code=int(failure.exit_code),
    )


def _name(started: datetime) -> str:
    """Return a run's name; names sort as the runs began, and two at once differ all the same."""
    return f"{started:%Y%m%dT%H%M%SZ}-{started.microsecond:05x}{secrets.token_hex(1)[0]}"
