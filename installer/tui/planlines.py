"""What an install will do, in lines, and its images as they begin; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from installer.events import Failure
from installer.tui.lines import Line, Mark, blank, failure_lines, labelled
from installer.tui.progress import ImageProgress, RunProgress, State
from installer.words.outlook import outlook_lines
from manifests.safetext import safe_line

if TYPE_CHECKING:
    from installer.plan import Plan
    from installer.planning.outlook import Outlook
    from manifests.errors import MoonliftError

BASE_MISSING: Final = "base-missing"


def planned_lines(outlook: Outlook, base: Path | None = None) -> Iterator[Line]:
    """Say what will be done, what keeps it from being done, and that nothing was done yet.

    Args:
        outlook: what is to be expected.
        base: a kept bundle that old layers may come from; None for none.
    """
    release, plan = outlook.verified.release, outlook.plan
    if plan is not None and plan.nothing_to_do:
        text = f"{release.product} {release.version} is installed already"
        yield Line(text, "done", Mark.GOOD)
    for problem in outlook.problems:
        yield from _problem_lines(problem, base)
        yield blank()
    if release.base is not None:
        yield from base_lines(base)
    yield from labelled(outlook_lines(outlook))
    yield blank()
    yield Line("Nothing was changed so far.", mark=Mark.FAINT)


def base_lines(base: Path | None) -> Iterator[Line]:
    """Say which old bundle was given."""
    if base is not None:
        yield Line(safe_line(str(base)), "old bundle")


def _problem_lines(problem: MoonliftError, base: Path | None) -> Iterator[Line]:
    """Say what is in the way; of layers that are nowhere, what can be done from here."""
    failure = Failure.of(problem)
    if problem.code != BASE_MISSING:
        yield from failure_lines(failure)
        return
    yield from failure_lines(replace(failure, hint=""))
    other = "the old bundle that was given lacks them, too: choose another one"
    first = other if base is not None else "choose the old release's bundle, where it was kept"
    yield Line(f"{first}; or install that release first; or bring the complete bundle", "next")


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
