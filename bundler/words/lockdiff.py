"""What is different between two locks, one fact a line, in the words of the app manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from bundler.words.changes import LockChange
from bundler.words.rundiff import prune_changes, run_changes
from manifests.documents import instant_text
from manifests.lock import Lock, LockedImage
from manifests.reference import Reference


def lock_changes(old: Lock | None, new: Lock) -> tuple[LockChange, ...]:
    """Return how `new` differs from `old`; nothing where only numbers, times or places do."""
    return () if old is None else tuple(_changes(old, new))


def _changes(old: Lock, new: Lock) -> Iterator[LockChange]:
    for key, before, after in (
        ("name", old.product, new.product),
        ("version", old.version, new.version),
        ("expires", old.expires, new.expires),
        ("selftest", old.selftest, new.selftest),
    ):
        if before != after:
            yield LockChange(key, "", _text(before), _text(after))
    yield from _image_changes(old, new)
    yield from _entry_changes(_files(old), _files(new))
    yield from _entry_changes(_waivers(old), _waivers(new))
    was, now = old.without_places(), new.without_places()
    if was.gpus != now.gpus:
        yield LockChange("gpus", "", _count(old.gpus), _count(new.gpus))
    if was.workloads != now.workloads:
        yield LockChange("workloads", "", _count(old.workloads), _count(new.workloads))
    yield from run_changes(old.run, new.run)
    yield from prune_changes(old.prune, new.prune)


def _image_changes(old: Lock, new: Lock) -> Iterator[LockChange]:
    before = {image.reference: image for image in old.images}
    after = {image.reference: image for image in new.images}
    for name, image in after.items():
        if name not in before:
            yield LockChange(_short(image), "", None, str(image.digest))
        else:
            yield from _facts(before[name], image)
    for name, image in before.items():
        if name not in after:
            yield LockChange(_short(image), "", str(image.digest), None)
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        yield LockChange("images", "", "their old order", "another order")


def _facts(old: LockedImage, new: LockedImage) -> Iterator[LockChange]:
    facts = (
        ("", old.digest, new.digest),
        ("platforms", _list(old.platforms), _list(new.platforms)),
        ("layers", old.policy, new.policy),
        ("from", old.origin, new.origin),
        ("written", old.written, new.written),
    )
    for what, before, after in facts:
        if before != after:
            yield LockChange(_short(new), what, str(before), str(after))


def _entry_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[LockChange]:
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield LockChange(name, "", old.get(name), new.get(name))


def _files(lock: Lock) -> dict[str, str]:
    """Return each file's facts: digest, where it lies, whether it is executable."""
    return {
        file.name: f"{file.digest} of {file.source}{', executable' if file.executable else ''}"
        for file in lock.files
    }


def _waivers(lock: Lock) -> dict[str, str]:
    return {f"waived {one.image}": one.reason for one in lock.waived}


def _short(image: LockedImage) -> str:
    return Reference.parse(image.reference).familiar


def _list(items: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, items)))


def _text(value: str | datetime | None) -> str | None:
    return instant_text(value) if isinstance(value, datetime) else value


def _count(items: Sequence[object]) -> str:
    return f"{len(items)} found"
