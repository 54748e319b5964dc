"""Loads the images of a plan, one after the other, and tells meanwhile.

Owns the thread in which an engine works. What is sent is `source`'s matter, how is the engine's,
and which images a damaged bundle can still give is `salvage`'s. One image at a time: two at once
were no faster on two cores, since the engine's own work fills them, and would take its space for
two archives and our memory for two zstd windows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial

from installer.delta.source import DeltaSource
from installer.delta.stock import Stock
from installer.engines.base import Delivery
from installer.events import Event, ImageLoaded, ImageSkipped, Stage
from installer.plan import Plan
from installer.running.salvage import Salvage
from installer.running.source import BundleSource, PipeSource
from installer.stream.jobs import Meter
from installer.stream.metered import metered_work
from manifests.bundle.reading import FAULTS
from manifests.errors import BundleRefused
from manifests.release import ImageRecord


class Loading:
    """The load stage of one run.

    Attributes:
        loaded: images that the engine took.
    """

    def __init__(self, plan: Plan, salvage: Salvage, cancel: threading.Event) -> None:
        self.loaded = 0
        self._plan = plan
        self._salvage = salvage
        self._meter = Meter(plan.read_bytes, cancel)
        self._stock = Stock(plan.ledger.directory)
        self._source = self._make_source()

    @property
    def bytes_read(self) -> int:
        """Bytes of layers read so far."""
        return self._meter.done

    def events(self) -> Iterator[Event]:
        """Do it.

        Raises:
            Halted: a person asked to stop.
            BundleRefused: `bundle-damaged`: what is good was loaded.
            MoonliftError: an image could not be loaded; those before it were.
        """
        for one in self._salvage.deliveries():
            if isinstance(one, ImageSkipped):
                yield one
            else:
                yield from self._deliver(one)
        if self._salvage.is_needed:
            raise self._salvage.refusal(self.loaded)

    def _deliver(self, delivery: Delivery) -> Iterator[Event]:
        start = time.monotonic()
        self._meter.subject = delivery.image.written
        try:
            yield from metered_work(self._meter, Stage.LOAD, partial(self._load, delivery))
        except BundleRefused as fault:
            if fault.code not in FAULTS or not self._source.repeatable:
                raise
            yield from self._salvage.failed(delivery.image, fault)
        else:
            self.loaded += 1
            self._salvage.loaded(delivery.image)
            yield self._loaded(delivery, time.monotonic() - start)

    def close(self) -> None:
        """Remove what was copied for a while."""
        self._stock.clear()

    def _load(self, delivery: Delivery) -> None:
        self._stock_up(delivery)
        self._plan.engine.load(delivery, self._source)

    def _stock_up(self, delivery: Delivery) -> None:
        """Copy the old layers that a difference builds on, before the first image."""
        plan = self._plan
        if plan.regain is not None and not self._stock.is_filled:
            self._meter.subject = "old layers that this host has"
            self._stock.fill(plan.regain, plan.engine, lambda _: self._meter.add(0))
            self._meter.subject = delivery.image.written

    def _make_source(self) -> BundleSource | DeltaSource:
        plan, bundle = self._plan, self._bundle_source()
        return bundle if plan.regain is None else DeltaSource(bundle, plan.regain, self._stock)

    def _bundle_source(self) -> BundleSource:
        sealed, meter = self._plan.verified.sealed, self._meter
        if sealed.medium.sequential:
            return PipeSource(sealed, meter.add, self._at_work, self._plan.deliveries)
        return BundleSource(sealed, meter.add, self._at_work)

    def _at_work(self, image: ImageRecord, how_far: str) -> None:
        self._meter.subject = f"{image.written}: the engine unpacks {how_far}".rstrip()

    def _loaded(self, delivery: Delivery, seconds: float) -> ImageLoaded:
        return ImageLoaded(
            stage=Stage.LOAD,
            name=delivery.image.name,
            identity=str(self._plan.info.store.identity(delivery.image)),
            bytes_read=self._plan.brought_bytes(delivery),
            layers_sent=len(delivery.missing),
            seconds=seconds,
        )
