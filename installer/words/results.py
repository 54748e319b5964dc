"""What a run came to, in words and as JSON; pure, and light to import."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from installer.events import Failure, ImageSkipped, Outcome, RunRecord, plain_fields
from installer.stream.stages import counted_text
from manifests.quantities import bytes_text, seconds_text
from manifests.reference import MalformedReference, Reference
from manifests.strictjson import JsonValue

LABEL: Final = 13
"""Characters of a label left of what it labels, its gap included."""


def short_name(name: str) -> str:
    """Return a reference so that it fits on a line: a digest is cut as engines cut it."""
    try:
        reference = Reference.parse(name)
    except MalformedReference:
        return name
    digest = f"@sha256:{reference.digest.short}\u2026" if reference.digest else ""
    return f"{reference.tagged or reference.name}{digest}"


def layers_text(count: int) -> str:
    """Return `1 layer`, `2 layers`."""
    return f"{count} layer{'' if count == 1 else 's'}"


def skipped_text(skipped: ImageSkipped) -> str:
    """Say of an image why it was not loaded."""
    count = len(skipped.files)
    return (
        f"{short_name(skipped.name)}: {count} of its layers"
        f" {'is' if count == 1 else 'are'} damaged in the bundle"
    )


def record_lines(record: RunRecord) -> Iterator[str]:
    """Say what a run came to."""
    what = f"{record.product} {record.version}"
    if record.running_again is not None:
        yield f"release {record.running_again} of {record.product} runs again; no name was moved"
    elif record.outcome is Outcome.NOTHING_TO_DO:
        yield f"nothing to do: {what} is installed already"
    elif record.outcome is Outcome.DONE and record.verb == "uninstall":
        yield f"uninstalled {record.product}; its history stays"
    elif record.outcome is Outcome.DONE and record.verb == "rollback":
        runs = "runs again" if record.started else "is active again"
        yield f"rolled back: {what} {runs}, after {seconds_text(record.seconds)}"
    elif record.outcome is Outcome.DONE:
        loaded = counted_text(record.images_loaded, "images")
        there = f"{record.images_present} {'was' if record.images_present == 1 else 'were'} there"
        read = f"{bytes_text(record.bytes_read)} read in {seconds_text(record.seconds)}"
        yield f"installed {what}: {loaded} loaded, {there}, {read}"
        if record.started:
            yield f"{what} runs; installer status shows it"


def record_json(record: RunRecord) -> dict[str, JsonValue]:
    """Return the same for programs; `error` is there only if it failed."""
    document = plain_fields(record)
    del document["failure"]
    if record.failure is not None:
        document["error"] = failure_json(record.failure)
    return document


def failure_json(failure: Failure) -> dict[str, JsonValue]:
    """Return a failure for programs, as every command tells it."""
    return {
        "code": failure.code,
        "message": failure.message,
        "hint": failure.hint,
        "context": dict(failure.context),
        "exit": int(failure.exit_code),
    }
