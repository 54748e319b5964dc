"""What an install will do, in lines, and its images as they begin; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from installer.events import Failure
from installer.tui.lines import Line, Mark, blank, failure_lines, labelled
from installer.tui.progress import ImageProgress, RunProgress, State
from installer.words.outlook import outlook_lines

if TYPE_CHECKING:
    from installer.plan import Plan
    from installer.planning.outlook import Outlook


def planned_lines(outlook: Outlook) -> Iterator[Line]:
    """Say what will be done, what keeps it from being done, and that nothing was done yet."""
    release, plan = outlook.verified.release, outlook.plan
    if plan is not None and plan.nothing_to_do:
        text = f"{release.product} {release.version} is installed already"
        yield Line(text, "done", Mark.GOOD)
    for problem in outlook.problems:
        yield from failure_lines(Failure.of(problem))
        yield blank()
    yield from labelled(outlook_lines(outlook))
    yield blank()
    yield Line("Nothing was changed so far.", mark=Mark.FAINT)


def first_progress(plan: Plan) -> RunProgress:
    """Return a run that has not begun: what is there already is marked as done."""
    sizes = {id(one.image): plan.brought_bytes(one) for one in plan.deliveries}
    sent = [ImageProgress(one.image.name, sizes[id(one.image)]) for one in plan.deliveries]
    there = [
        ImageProgress(image.name, 0, state=State.DONE)
        for image in plan.images
        if id(image) not in sizes
    ]
    return RunProgress(images=(*there, *sent))
