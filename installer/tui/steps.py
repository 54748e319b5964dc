"""The steps that a person goes through, and how far they are; pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from installer.events import Stage


class Step(StrEnum):
    """A step, named as its screen is."""

    CHOOSE = "Choose"
    TRUST = "Trust"
    PLAN = "Plan"
    INSTALL = "Install"
    SELFTEST = "Self-test"
    START = "Start"
    SUMMARY = "Summary"


STEPS: Final = tuple(Step)
_ALWAYS: Final = tuple(step for step in STEPS if step is not Step.START)
STEP_OF: Final = {
    Stage.CHECK: Step.INSTALL,
    Stage.LOAD: Step.INSTALL,
    Stage.FILES: Step.INSTALL,
    Stage.SELFTEST: Step.SELFTEST,
    Stage.START: Step.START,
}
"""Whose screen shows a stage; the others are over at once and stay where they are."""


def steps_text(current: Step, *, starts: bool) -> str:
    """Return the line of steps: `Choose ✓  [Trust]  Plan ...`, each one cell wider if done.

    Args:
        current: where a person is.
        starts: whether the release has something to start; else that step is left out.
    """
    shown = [step for step in STEPS if starts or step in (current, *_ALWAYS)]
    at = STEPS.index(current)
    words = (
        f"[{step}]" if step is current else f"✓{step}" if STEPS.index(step) < at else f" {step}"
        for step in shown
    )
    return " ".join(words)
