"""What `bundle discover` found, as lines and as JSON: each image with every place that names it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bundler.discover.found import GpuRequest, Mention, Problem
from bundler.discover.tree import Skipped
from bundler.resolve import WantedImage
from bundler.verbs.discover import Discovery
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

MAX_SKIPPED: Final = 20
"""Paths shown that were not looked at; `--json` has all."""


def discovery_lines(discovery: Discovery) -> Iterator[str]:
    """Yield what is shown to people; lines are left whole, for searching and copying."""
    merged = discovery.merged
    for image in merged.images:
        yield safe_line(image.reference.familiar)
        yield from (f"  {_mention_line(mention)}" for mention in image.mentions)
    yield from (_gpu_line(gpu) for gpu in discovery.found.gpus)
    if merged.remarks:
        yield from ("", "look at:")
        yield from (f"  {safe_line(f'{one.place}: {one.message}')}" for one in merged.remarks)
    choices = list(_choices(discovery))
    if choices:
        yield from ("", "not taken in, for you to choose:")
        yield from (f"  {safe_line(path)}" for path in choices)
    if discovery.skipped:
        yield from ("", "not looked at:")
        yield from _skipped_lines(discovery.skipped)
    if merged.problems:
        yield from ("", "problems:")
        yield from (line for one in merged.problems for line in _problem_lines(one))
    yield from ("", *_closing_lines(discovery))


def _mention_line(mention: Mention) -> str:
    notes = [str(mention.platform)] if mention.platform else []
    notes += ["built by the app"] if mention.built else []
    return safe_line("  ".join((str(mention.place), mention.by, *notes)))


def _gpu_line(gpu: GpuRequest) -> str:
    devices = f" ({', '.join(gpu.devices)})" if gpu.devices else ""
    count = "all" if gpu.count is None else str(gpu.count)
    return safe_line(f"GPUs: {count}{devices}, {gpu.place}  {gpu.by}")


def _choices(discovery: Discovery) -> Iterator[str]:
    for project in discovery.detected.projects:
        yield from project.others
    for chart in discovery.detected.charts:
        yield from chart.values


def _skipped_lines(skipped: tuple[Skipped, ...]) -> Iterator[str]:
    yield from (f"  {safe_line(f'{one.path}: {one.reason}')}" for one in skipped[:MAX_SKIPPED])
    if len(skipped) > MAX_SKIPPED:
        yield f"  and {len(skipped) - MAX_SKIPPED} more"


def _problem_lines(problem: Problem) -> Iterator[str]:
    place = f"{problem.place}:{problem.place.column}"
    yield safe_line(f"  {place}: {problem.message} [{problem.code}]")
    if problem.hint:
        yield safe_line(f"    next: {problem.hint}")


def _closing_lines(discovery: Discovery) -> Iterator[str]:
    merged = discovery.merged
    files = {mention.place.file for image in merged.images for mention in image.mentions}
    yield f"{_count(len(merged.images), 'image')} in {_count(len(files), 'file')}" + (
        f", {_count(len(merged.problems), 'problem')}" if merged.problems else ""
    )
    if discovery.written is not None:
        path = safe_line(str(discovery.written))
        yield f"wrote {path}; read it, then run: bundle resolve {path}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def discovery_json(discovery: Discovery) -> JsonValue:
    """Return what `bundle discover --json` prints."""
    merged = discovery.merged
    return {
        "path": safe_line(str(discovery.path)),
        "written": safe_line(str(discovery.written)) if discovery.written else None,
        "images": [_image_json(image) for image in merged.images],
        "gpus": [_gpu_json(gpu) for gpu in discovery.found.gpus],
        "problems": [
            {
                "code": one.code,
                "file": one.place.file,
                "line": one.place.line,
                "column": one.place.column,
                "message": one.message,
                "hint": one.hint,
            }
            for one in merged.problems
        ],
        "remarks": [
            {"file": one.place.file, "line": one.place.line, "message": one.message}
            for one in merged.remarks
        ],
        "choices": list(_choices(discovery)),
        "skipped": [
            {"path": safe_line(one.path), "reason": one.reason} for one in discovery.skipped
        ],
    }


def _image_json(image: WantedImage) -> JsonValue:
    return {
        "reference": str(image.reference),
        "places": [
            {
                "file": one.place.file,
                "line": one.place.line,
                "column": one.place.column,
                "by": one.by,
                "written": one.written,
                "platform": str(one.platform) if one.platform else None,
                "built": one.built,
            }
            for one in image.mentions
        ],
    }


def _gpu_json(gpu: GpuRequest) -> JsonValue:
    return {
        "file": gpu.place.file,
        "line": gpu.place.line,
        "by": gpu.by,
        "count": gpu.count,
        "devices": list(gpu.devices),
    }
