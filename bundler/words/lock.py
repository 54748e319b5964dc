"""Locks as lines and as JSON: each image with its digest, platforms, sizes and places."""

from __future__ import annotations

from collections.abc import Iterator

from bundler.locking.relock import Relocked
from bundler.words.run import run_lines
from manifests.lock import Lock, LockedGpu, LockedImage
from manifests.quantities import bytes_text
from manifests.reference import Reference
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue


def relocked_lines(made: Relocked, *, written: bool) -> Iterator[str]:
    """Yield what `bundle resolve` says; lines are left whole, for searching and copying.

    Args:
        made: the lock.
        written: whether it was written, or only checked.
    """
    lock = made.lock
    for image in lock.images:
        yield from _image_lines(image)
    for waiver in lock.waived:
        yield safe_line(f"{waiver.image}: waived: {waiver.reason}")
        yield from (f"  {safe_line(place)}" for place in waiver.places)
    yield from (_gpu_line(gpu) for gpu in lock.gpus)
    yield from run_lines(lock.run, lock.prune)
    yield ""
    yield _total_line(lock)
    if made.changes:
        yield f"{'changes' if written else 'would change'}:"
        yield from (f"  {safe_line(str(change))}" for change in made.changes)
    yield _verdict(made, written=written)


def _image_lines(image: LockedImage) -> Iterator[str]:
    yield safe_line(Reference.parse(image.reference).familiar)
    yield f"  {image.digest}"
    for one in image.manifests:
        yield f"  {one.platform}  {bytes_text(one.layers_size)}"
    if image.origin != "registry":
        yield f"  from {safe_line(image.origin)}"
    yield from (f"  {safe_line(place)}" for place in image.places)


def _gpu_line(gpu: LockedGpu) -> str:
    devices = f" ({', '.join(gpu.devices)})" if gpu.devices else ""
    count = "all" if gpu.count is None else str(gpu.count)
    return safe_line(f"GPUs: {count}{devices}, {gpu.place}: {gpu.by}")


def _total_line(lock: Lock) -> str:
    manifests = {one.digest: one.layers_size for image in lock.images for one in image.manifests}
    plural = "" if len(lock.images) == 1 else "s"
    return (
        f"{len(lock.images)} image{plural}, {bytes_text(sum(manifests.values()))} of layers"
        " at their sources"
    )


def _verdict(made: Relocked, *, written: bool) -> str:
    path = safe_line(str(made.path))
    if not made.is_stale:
        return f"{path} is up to date"
    if not written:
        return f"{path} would be {'written' if made.old is None else 'changed'}"
    return f"wrote {path}, sequence {made.lock.sequence}"


def relocked_json(made: Relocked, *, written: bool) -> JsonValue:
    """Return what `bundle resolve --json` prints; see `relocked_lines`."""
    return {
        "path": str(made.path),
        "stale": made.is_stale,
        "written": written,
        "changes": [
            {"subject": one.subject, "what": one.what, "old": one.old, "new": one.new}
            for one in made.changes
        ],
        "warnings": list(made.warnings),
        "lock": made.lock.to_json(),
    }
