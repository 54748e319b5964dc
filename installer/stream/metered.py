"""Tells of a meter as events; the bridge between threads that count and the stream of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from installer.events import Advanced, Stage
from installer.stream.jobs import PATIENCE, TICK, Halted, Job, Meter


def metered(meter: Meter, stage: Stage) -> Iterator[Advanced]:
    """Tell how far a meter is, if that is new.

    Raises:
        Halted: a person asked to stop.
    """
    if meter.cancelled:
        raise Halted
    if (news := meter.news()) is not None:
        done, subject = news
        yield Advanced(stage, done, meter.total, subject)


def metered_work(meter: Meter, stage: Stage, work: Callable[[], object]) -> Iterator[Advanced]:
    """Do one piece of work in a thread and tell of its meter until it ends.

    Raises:
        Halted: a person asked to stop.
        BaseException: whatever the work raises.
    """
    job = Job(stage, work)
    job.start()
    try:
        while not job.ends_within(TICK):
            yield from metered(meter, stage)
    finally:
        if job.is_alive():
            meter.stop()
            job.join(PATIENCE)
    yield from metered(meter, stage)
