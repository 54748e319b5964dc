"""What the self-test's containers came to, in words and as JSON; pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from installer.trials.judge import Standing, Trial
from installer.trials.ways import Way
from manifests.digest import Digest
from manifests.quantities import seconds_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

_MARK: Final = {Standing.PASSED: "PASS", Standing.FAILED: "FAIL", Standing.UNAVAILABLE: "n/a"}
_LINE: Final = 80
"""Columns."""
_INDENT: Final = " " * 6


@dataclass(frozen=True, slots=True)
class Setting:
    """What all containers have in common.

    Attributes:
        image: its name, as it was given or as the bundle has it.
        image_id: what the engine knows it by.
        engine: the engine's version.
        expected: GPUs that a container must be able to get; 0 when it need not.
    """

    image: str
    image_id: Digest
    engine: str
    expected: int


def heading_lines(setting: Setting) -> Iterator[str]:
    """Say what is about to be run."""
    image = f"{safe_line(setting.image)} (sha256:{setting.image_id.short})"
    yield f"image        {image}"
    yield f"engine       Docker {safe_line(setting.engine, limit=100)}"
    yield ""


def trial_lines(trial: Trial) -> Iterator[str]:
    """Say what came of one way."""
    head = f"{_MARK[trial.standing]:<5} {trial.way.words}: "
    if trial.standing is Standing.PASSED:
        yield from _wrapped(f"{head}{_passed_text(trial)}")
        return
    what = "not available here" if trial.standing is Standing.UNAVAILABLE else trial.code
    yield f"{head}{what}{f'; layer: {trial.layer}' if trial.layer else ''}"
    yield from _wrapped(f"{_INDENT}{safe_line(trial.text)}")
    yield from (f"{_INDENT}| {line}" for line in trial.evidence)
    if trial.remedy:
        yield from _wrapped(f"{_INDENT}-> {safe_line(trial.remedy)}")


def summary_lines(trials: Sequence[Trial], setting: Setting, standing: Standing) -> Iterator[str]:
    """Say what all of it comes to."""
    yield ""
    if standing is Standing.PASSED:
        given = ", ".join(one.way.words for one in trials if _gives_gpus(one))
        gpus = f"GPUs by {given}" if given else "no way to a GPU, and none is asked for"
        yield f"PASS: containers compute here; {gpus}"
        return
    failed = [one for one in trials if one.standing is Standing.FAILED]
    if failed:
        names = ", ".join(one.way.words for one in failed)
        yield f"FAIL: {names}: mend the layer that is named, then run again"
    else:
        yield f"FAIL: {setting.expected} wanted, and no way gives a container a GPU;"
        yield "      mend the layers that are named, or say that none is wanted: --expect-gpu 0"


def trials_json(
    trials: Sequence[Trial], setting: Setting, standing: Standing
) -> dict[str, JsonValue]:
    """Return all of it for programs, with each container's own report."""
    return {
        "verdict": str(standing),
        "image": setting.image,
        "image_id": str(setting.image_id),
        "engine": setting.engine,
        "gpus_expected": setting.expected,
        "ways": [_trial_json(one) for one in trials],
    }


def _trial_json(trial: Trial) -> dict[str, JsonValue]:
    return {
        "way": str(trial.way),
        "verdict": str(trial.standing),
        "layer": str(trial.layer) if trial.layer else None,
        "code": trial.code or None,
        "text": trial.text,
        "remedy": trial.remedy,
        "evidence": list(trial.evidence),
        "gpus_granted": trial.granted,
        "gpus_seen": trial.report.gpus if trial.report else None,
        "seconds": round(trial.seconds, 3),
        "report": dict(trial.report.document) if trial.report else None,
    }


def _passed_text(trial: Trial) -> str:
    report = trial.report
    devices = ", ".join(f"{one.address} {one.name}" for one in report.devices) if report else ""
    gpus = f"{report.gpus if report else 0} of {_granted_text(trial)}"
    return f"{gpus} GPUs seen; {devices}; {seconds_text(trial.seconds)}"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(
        line, _LINE, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )


def _granted_text(trial: Trial) -> str:
    return "all" if trial.granted is None else str(trial.granted)


def _gives_gpus(trial: Trial) -> bool:
    return trial.way is not Way.NONE and trial.standing is Standing.PASSED
