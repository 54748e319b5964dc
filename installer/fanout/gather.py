"""Takes in what nodes say as they say it: judges, keeps whole reports in a folder, tells."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from installer.fanout.asking import Asked, Tell
from installer.fanout.framing import Said
from installer.fanout.outcome import NodeOutcome, judge_node
from manifests.errors import UsageError

_FILE_NAME: Final = re.compile(r"[^A-Za-z0-9._@-]")


def keep_and_judge(
    asked: Asked, node: str, said: Said, gpus: int | None, *, late: bool
) -> NodeOutcome:
    """Judge a node, and write its report where reports are kept: good ones only.

    `srun --label` breaks lines after 1024 bytes. JSON has no line feed that means anything, so a
    report that can't be read is read once more without them.

    Raises:
        UsageError: `reports-unwritable`.
    """
    late = late and said.status is None
    outcome = judge_node(node, said, asked.command, gpus, late=late)
    if outcome.report is None and b"\n" in said.report:
        joined = replace(said, report=said.report.replace(b"\n", b""))
        again = judge_node(node, joined, asked.command, gpus, late=late)
        if again.report is not None:
            said, outcome = joined, again
    if asked.reports is not None and outcome.report is not None:
        _write(asked.reports / f"{_FILE_NAME.sub('_', node)}.json", said.report + b"\n")
    return outcome


def tell_node(tell: Tell, outcome: NodeOutcome, count: int, total: int) -> None:
    """Say that a node answered, and what."""
    codes = "".join(f" {one.code}" for one in outcome.troubles)
    tell(f"{count} of {total}  {outcome.node}: {outcome.verdict}{codes}")


def make_folder(folder: Path | None) -> None:
    """Make the folder for whole reports, where one was asked for.

    Raises:
        UsageError: `reports-unwritable`.
    """
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path | None, error: OSError) -> UsageError:
    return UsageError(
        "reports-unwritable", f"{path}: {error.strerror or error}", hint="--reports DIR"
    )
