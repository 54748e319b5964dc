"""Which screen shows which step; each is loaded when it is shown first, or while a person reads."""

from __future__ import annotations

from importlib import import_module
from typing import Final, assert_never

from textual.screen import Screen

from installer.tui.steps import Step

_NEXT: Final = (
    "installer.tui.trusting",
    "installer.tui.planning",
    "installer.engines.choose",
    "installer.tui.installing",
)


def step_screen(step: Step, *, running: bool) -> Screen[None]:
    """Return the screen of a step; its module is loaded when it is shown first.

    Args:
        step: which.
        running: whether there is a run that it can show.
    """
    match step:
        case Step.CHOOSE:
            from installer.tui.choosing import ChooseScreen  # noqa: PLC0415 - see above

            return ChooseScreen()
        case Step.TRUST:
            from installer.tui.trusting import TrustScreen  # noqa: PLC0415

            return TrustScreen()
        case Step.PLAN:
            from installer.tui.planning import PlanScreen  # noqa: PLC0415

            return PlanScreen()
        case Step.SUMMARY:
            from installer.tui.summing import SummaryScreen  # noqa: PLC0415

            return SummaryScreen()
        case Step.INSTALL | Step.SELFTEST | Step.START:
            return _run_screen(step, running=running)
        case _:
            assert_never(step)


def load_ahead() -> None:
    """Load what the next keys will need: half a second's work, done while a person reads."""
    for module in _NEXT:
        import_module(module)


def _run_screen(step: Step, *, running: bool) -> Screen[None]:
    """Return what shows a run; one that a person comes back to begins with what is there."""
    if step is Step.SELFTEST and running:
        from installer.tui.selftesting import SelftestScreen  # noqa: PLC0415 - see above

        return SelftestScreen()
    if step is Step.START and running:
        from installer.tui.startscreen import StartScreen  # noqa: PLC0415

        return StartScreen()
    from installer.tui.installing import InstallScreen  # noqa: PLC0415

    return InstallScreen()
