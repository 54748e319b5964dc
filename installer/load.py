"""Loads the images of a plan: who may go when, and what is told meanwhile.

Owns the order of deliveries and their threads. An image starts only when no image before it, or
beside it, is still to bring a layer that it has too. What is sent is `source`'s matter, how is the
engine's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final

from installer.engines.base import Delivery, Engine
from installer.events import Event, ImageLoaded, Stage
from installer.jobs import Crew, Job, Meter
from installer.metered import metered
from installer.plan import Plan
from installer.source import BundleSource, PipeSource
from manifests.digest import Digest
from manifests.release import ImageRecord

STREAMS: Final = 1
"""Images sent at once."""


class Loading:
    """The load stage of one run.

    Attributes:
        loaded: images that the engine took.
    """

    def __init__(self, plan: Plan, cancel: threading.Event) -> None:
        self.loaded = 0
        self._plan = plan
        self._meter = Meter(plan.read_bytes, cancel)
        self._crew = Crew()
        self._waiting = list(plan.deliveries)
        self._jobs: dict[Job, Delivery] = {}
        self._source = self._make_source()

    @property
    def bytes_read(self) -> int:
        """Bytes of layers read so far."""
        return self._meter.done

    def events(self) -> Iterator[Event]:
        """Do it.

        Raises:
            Halted: a person asked to stop.
            MoonliftError: an image could not be loaded; those before it were.
        """
        try:
            while self._waiting or self._jobs:
                self._start_some()
                ended = self._crew.next_ended()
                yield from metered(self._meter, Stage.LOAD)
                if ended is not None:
                    yield self._finish(ended)
        finally:
            self._meter.stop()
            self._crew.dismiss()

    def _make_source(self) -> BundleSource:
        sealed, meter = self._plan.verified.sealed, self._meter
        if sealed.medium.sequential:
            return PipeSource(sealed, meter.add, self._sent, self._plan.deliveries)
        return BundleSource(sealed, meter.add, self._sent)

    def _sent(self, image: ImageRecord) -> None:
        self._meter.subject = f"{image.written}: the engine is at work"

    def _start_some(self) -> None:
        while len(self._jobs) < STREAMS and (ready := self._next_ready()) is not None:
            self._waiting.remove(ready)
            self._meter.subject = ready.image.written
            job = self._crew.start(ready.image.name, _work(self._plan.engine, ready, self._source))
            self._jobs[job] = ready

    def _next_ready(self) -> Delivery | None:
        """Return the first delivery that shares no layer with an unfinished one before it."""
        store = self._plan.info.store
        busy: set[Digest] = set()
        for running in self._jobs.values():
            busy.update(store.layer_keys(running.image))
        for delivery in self._waiting:
            keys = store.layer_keys(delivery.image)
            if busy.isdisjoint(keys):
                return delivery
            busy.update(keys)
        return None

    def _finish(self, job: Job) -> ImageLoaded:
        delivery = self._jobs.pop(job)
        if job.error is not None:
            raise job.error
        self.loaded += 1
        return ImageLoaded(
            stage=Stage.LOAD,
            name=delivery.image.name,
            identity=str(self._plan.info.store.identity(delivery.image)),
            bytes_read=sum(layer.size for layer in delivery.missing),
            layers_sent=len(delivery.missing),
            seconds=job.seconds,
        )


def _work(engine: Engine, delivery: Delivery, source: BundleSource) -> Callable[[], None]:
    return lambda: engine.load(delivery, source)
