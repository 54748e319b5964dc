"""Services in lines: what became of each while it was started, and how it is now; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from installer.events import ServiceState
from installer.tui.lines import Line, Mark, blank, head
from installer.tui.progress import RunProgress
from installer.tui.runlines import end_lines
from manifests.safetext import safe_line

if TYPE_CHECKING:
    from installer.app.status import AppStatus, InstanceStatus

_GOOD: Final = frozenset(
    {
        ServiceState.HEALTHY,
        ServiceState.RUNNING,
        ServiceState.COMPLETED,
        ServiceState.UNCHANGED,
        ServiceState.RESTORED,
    }
)
_BAD: Final = frozenset({ServiceState.UNHEALTHY, ServiceState.FAILED})
TAIL: Final = 12
"""Lines of what a failed one printed last."""


def starting_lines(run: RunProgress) -> Iterator[Line]:
    """Say what a run came to, and what became of each instance so far."""
    yield from end_lines(run)
    if run.finished:
        yield blank()
    yield head("services")
    if not run.services:
        yield Line("asking the engine ...")
    for one in run.services:
        yield Line(safe_line(one.container or one.service), str(one.state), state_mark(one.state))
        for text in one.detail.splitlines()[-TAIL:]:
            yield Line(safe_line(text), "", Mark.FAINT)
    if run.current is not None and run.subject:
        yield Line(safe_line(run.subject), "waits for", Mark.FAINT)


def status_lines(status: AppStatus) -> Iterator[Line]:
    """Say how each instance is now."""
    yield head(f"now, {safe_line(status.product)}")
    for one in status.instances:
        yield from _instance_lines(one)
    yield blank()
    if status.well:
        yield Line("everything is as it should be", "well", Mark.GOOD)
    else:
        yield Line("something is not as it should be", "NOT WELL", Mark.BAD)


def state_mark(state: ServiceState) -> Mark:
    """Return how a state stands out."""
    if state in _GOOD:
        return Mark.GOOD
    return Mark.BAD if state in _BAD else Mark.PLAIN


def _instance_lines(one: InstanceStatus) -> Iterator[Line]:
    word = one.state if one.health == "unchecked" else str(one.health)
    mark = Mark.BAD if one.trouble else Mark.GOOD
    name = safe_line(one.container or one.service)
    yield Line(f"{name}  {safe_line(', '.join(one.ports))}".rstrip(), safe_line(word)[:12], mark)
    if one.trouble:
        yield Line(safe_line(one.trouble), "", Mark.BAD)
