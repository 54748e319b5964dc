"""What a plan does to a running app, in words and as JSON; pure, prints nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from installer.words.results import LABEL
from manifests.quantities import bytes_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

if TYPE_CHECKING:  # what only verifies loads none of it
    from installer.planning.appplan import AppPlan
    from installer.planning.outgrown import Outgrown
    from installer.running.proof import Proof
    from manifests.prunerules.policy import PrunePolicy
    from manifests.release import FileRecord

WIDTH: Final = 80


def app_lines(app: AppPlan | None, proof: Proof | None) -> Iterator[str]:
    """Say what becomes of each service, and what must be known about it."""
    if proof is not None:
        where = "in containers" if proof.image is not None else "on this host"
        yield row("self-test", f"{where} before anything is switched, {proof.mode}")
    if app is None:
        return
    if app.interrupted:
        yield row("interrupted", "an earlier switch was broken off; this one ends it")
    for label, one in zip(labels("services"), app.fates, strict=False):
        why = f" ({one.why})" if one.why else ""
        yield row(label, f"{one.service}: {one.fate}{why}")
    if app.gpu_services:
        yield row("GPUs", f"for {', '.join(app.gpu_services)}")
    for label, remark in zip(labels("remarks"), app.remarks, strict=False):
        yield from wrapped(label, remark)


def prune_lines(policy: PrunePolicy | None, outgrown: Outgrown) -> Iterator[str]:
    """Say what will be removed once the release is active."""
    if policy is not None:
        gone = ", ".join(outgrown.versions)
        size = bytes_text(outgrown.size)
        what = f"; lets {gone} go once unused long enough, about {size}" if gone else ""
        yield from wrapped("prune", f"keeps {policy.keep_releases} releases of it{what}")


def files_lines(files: Sequence[FileRecord], folder: object) -> Iterator[str]:
    """Say which files will be placed."""
    if files:
        size = bytes_text(sum(one.size for one in files))
        yield row("files", f"{len(files)}, {size}, to {folder}")


def app_json(app: AppPlan | None, proof: Proof | None) -> dict[str, JsonValue]:
    """Return the same for programs."""
    return {
        "services": [
            {"service": one.service, "fate": str(one.fate), "why": one.why}
            for one in (app.fates if app else ())
        ],
        "gpu_services": list(app.gpu_services) if app else [],
        "remarks": list(app.remarks) if app else [],
        "interrupted": bool(app and app.interrupted),
        "selftest": str(proof.mode) if proof else None,
    }


def row(label: str, text: str) -> str:
    """Return a line of a plan."""
    return f"{label:<{LABEL}}{safe_line(text)}"


def wrapped(label: str, text: str) -> Iterator[str]:
    """Return a text as lines of a plan."""
    lines = textwrap.wrap(safe_line(text), WIDTH - LABEL) or [""]
    yield from (row(mark, line) for mark, line in zip(labels(label), lines, strict=False))


def labels(first: str) -> Iterator[str]:
    """Yield a label for the first line, none for those below."""
    yield first
    while True:
        yield ""
