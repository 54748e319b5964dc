"""What an install will do, in lines, and its images as they begin; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from installer.texts import plan_lines
from installer.tui.lines import Line, Mark, blank, labelled
from installer.tui.progress import ImageProgress, RunProgress, State

if TYPE_CHECKING:
    from installer.plan import Plan


def planned_lines(plan: Plan) -> Iterator[Line]:
    """Say what will be done, and that nothing was done yet."""
    release = plan.verified.release
    if plan.nothing_to_do:
        text = f"{release.product} {release.version} is installed already"
        yield Line(text, "done", Mark.GOOD)
    yield from labelled(plan_lines(plan))
    yield blank()
    yield Line("Nothing was changed so far.", mark=Mark.FAINT)


def first_progress(plan: Plan) -> RunProgress:
    """Return a run that has not begun: what is there already is marked as done."""
    sizes = {id(one.image): sum(layer.size for layer in one.missing) for one in plan.deliveries}
    sent = [ImageProgress(one.image.name, sizes[id(one.image)]) for one in plan.deliveries]
    there = [
        ImageProgress(image.name, 0, state=State.DONE)
        for image in plan.images
        if id(image) not in sizes
    ]
    return RunProgress(images=(*there, *sent))
