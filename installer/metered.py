"""Tells of a meter as events; the bridge between threads that count and the stream of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from installer.events import Advanced, Stage
from installer.jobs import Crew, Halted, Meter


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
    crew = Crew()
    job = crew.start(stage, work)
    try:
        while crew.next_ended() is None:
            yield from metered(meter, stage)
        if job.error is not None:
            raise job.error
        yield from metered(meter, stage)
    finally:
        meter.stop()
        crew.dismiss()
