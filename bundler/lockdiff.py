"""What is different between two locks, one fact a line, in the words of the app manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from manifests.documents import instant_text
from manifests.lock import Lock, LockedImage
from manifests.reference import Reference

_DIGEST: Final = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")


@dataclass(frozen=True, slots=True)
class LockChange:
    """One difference.

    Attributes:
        subject: an image in its short form, a file, or a key of the app manifest.
        what: `digest`, `platforms`, ...; empty where the subject itself came or went.
        old: None when it was not there; digests in full.
        new: None when it is not there any more.
    """

    subject: str
    what: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        what = f"{self.what} " if self.what else ""
        if self.old is None:
            return f"{self.subject}: {what}new, {_shown(self.new)}"
        if self.new is None:
            return f"{self.subject}: {what}gone, was {_shown(self.old)}"
        return f"{self.subject}: {what}{_shown(self.old)} -> {_shown(self.new)}"


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


def _shown(value: str | None) -> str:
    """Return a value with only the first figures of its digests."""
    return _DIGEST.sub(r"\1", value or "")
