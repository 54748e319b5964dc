"""The command line of `python -m selftest`: what can be asked, checked and typed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selftest.backends import BACKENDS
from selftest.selection import Selection, UnknownDevice

_PICTURE_SIDE: Final = 512
_SIDE_LEAST: Final = 16
_SIDE_MOST: Final = 4096


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asked for.

    Attributes:
        list_only: list the devices and stop.
        schema_only: print the report's schema and stop.
        selection: which devices.
        full: more and larger cases.
        deadline_s: seconds that a device may take; null for the suite's own.
        expect_gpus: how many there must be; null for any number.
        as_json: one JSON document on standard output, nothing else.
        report: file for the JSON report.
        pictures: folder for PNG files.
        side: pixels of the picture's side.
        show_picture: whether a terminal may show it.
        baseline: file to compare with.
        save_baseline: file to be written.
        baseline_key: file with the key of both.
    """

    list_only: bool
    schema_only: bool
    selection: Selection
    full: bool
    deadline_s: float | None
    expect_gpus: int | None
    as_json: bool
    report: Path | None
    pictures: Path | None
    side: int
    show_picture: bool
    baseline: Path | None
    save_baseline: Path | None
    baseline_key: Path | None


def parse_options(arguments: Sequence[str] | None) -> Options:
    """Return what the command line asks for; exit with status 2 when it asks for nonsense."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        selection = Selection.parse(asked.device, BACKENDS)
    except UnknownDevice as error:
        parser.error(str(error))
    return Options(
        list_only=asked.list,
        schema_only=asked.schema,
        selection=selection,
        full=asked.full,
        deadline_s=asked.deadline,
        expect_gpus=asked.expect_gpus,
        as_json=asked.json,
        report=asked.report,
        pictures=asked.pictures,
        side=asked.size,
        show_picture=not asked.no_picture,
        baseline=asked.baseline,
        save_baseline=asked.save_baseline,
        baseline_key=asked.baseline_key,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m selftest",
        description="Prove what computes here: convolutions on every device, bit by bit, timed.",
        epilog="Exit status: 0 every device computes what it should, 13 one does not, 2 usage.",
    )
    add = parser.add_argument
    add("--list", action="store_true", help="list the devices and stop")
    add(
        "--device",
        action="append",
        default=[],
        metavar="D",
        help="a backend (opencl), one of its devices (opencl:0) or a UUID; may be repeated",
    )
    add("--full", action="store_true", help="more and larger cases: minutes, not seconds")
    add("--deadline", type=_seconds, metavar="S", help="seconds that a device may take")
    add("--expect-gpus", type=_count, metavar="N", help="fail unless N GPUs are seen; 0 for none")
    add("--json", action="store_true", help="print one JSON report instead of the table")
    add("--report", type=Path, metavar="FILE", help="write the JSON report to a file, too")
    add("--schema", action="store_true", help="print the report's JSON Schema and stop")
    add("--pictures", type=Path, metavar="DIR", help="write the filtered red panda as PNG files")
    add("--size", type=_side, default=_PICTURE_SIDE, metavar="PX", help="pixels of its side")
    add("--no-picture", action="store_true", help="show no picture on the terminal")
    _add_baseline(parser)
    return parser


def _add_baseline(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("this machine's own figures").add_argument
    add("--baseline", type=Path, metavar="FILE", help="warn where they have got worse than these")
    add("--save-baseline", type=Path, metavar="FILE", help="save those of this run")
    add("--baseline-key", type=Path, metavar="FILE", help="key that signs and proves the file")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError(f"expected 0 to 86400 seconds, found {text}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 1024:
        raise argparse.ArgumentTypeError(f"expected 0 to 1024, found {text}")
    return value


def _side(text: str) -> int:
    value = int(text)
    if not _SIDE_LEAST <= value <= _SIDE_MOST:
        raise argparse.ArgumentTypeError(
            f"expected {_SIDE_LEAST} to {_SIDE_MOST} pixels, found {text}"
        )
    return value
