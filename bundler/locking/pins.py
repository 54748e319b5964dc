"""What of a lock still holds for what the app wants: the digests that need not be looked up.

A lock pins what came from a registry, where a tag may move by itself. Images of local engines,
layouts and archives are looked at anew each time: that costs nothing, and people rebuild them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bundler.resolve import WantedImage, places_of
from manifests.appmanifest.fields import OriginKind
from manifests.lock import Lock, LockedImage
from manifests.reference import Reference

_PINNED: Final = str(OriginKind.REGISTRY)
ASKS_REGISTRY: Final = frozenset({str(OriginKind.AUTO), _PINNED})
"""Origins that a registry is asked for, first or alone."""


class Renew(StrEnum):
    """What is looked up although a lock has it."""

    ALL = "all"
    NEW = "new"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Pins:
    """The images of an app, parted by whether the lock has them.

    Attributes:
        held: as the lock has them, by their reference in full form.
        open: what must be asked for; with a pinned digest where the lock has one.
        unknown: of these, what a registry must be asked for: nothing in the lock answers it.
    """

    held: dict[str, LockedImage]
    open: tuple[WantedImage, ...]
    unknown: tuple[WantedImage, ...]

    def merge(
        self, wanted: Sequence[WantedImage], found: Iterable[LockedImage]
    ) -> tuple[LockedImage, ...]:
        """Return what is held and what was found, in the order in which it is wanted."""
        known = {**self.held, **{image.reference: image for image in found}}
        names = [str(image.reference) for image in wanted]
        return tuple(known[name] for name in names if name in known)


def pin(wanted: Sequence[WantedImage], old: Lock | None, renew: Renew) -> Pins:
    """Return what holds.

    Args:
        wanted: the app's images.
        old: the lock; None when there is none.
        renew: `ALL` to let nothing hold.
    """
    locked = {} if old is None else _by_reference(old)
    held: dict[str, LockedImage] = {}
    asked: list[WantedImage] = []
    unknown: list[WantedImage] = []
    for image in wanted:
        known = locked.get(str(image.reference))
        if renew is Renew.ALL:
            asked.append(replace(image, last=known))
        elif known is None or not _is_pinned(image, known):
            asked.append(image)
            unknown += [image] if image.origin in ASKS_REGISTRY and _is_news(known) else []
        elif _answers(image, known):
            held[known.reference] = _renamed(image, known)
        else:
            again = replace(image, pinned=known)
            asked.append(again)
            unknown += [] if _same_platforms(image, known) else [again]
    return Pins(held, tuple(asked), tuple(unknown))


def _by_reference(lock: Lock) -> dict[str, LockedImage]:
    return {image.reference: image for image in lock.images}


def _is_pinned(image: WantedImage, known: LockedImage) -> bool:
    return known.origin == _PINNED and image.origin in ASKS_REGISTRY


def _is_news(known: LockedImage | None) -> bool:
    return known is None or known.origin == _PINNED


def _answers(image: WantedImage, known: LockedImage) -> bool:
    """Tell whether the lock has all that is asked: platforms, and digests that must agree."""
    digests = {known.digest, *(one.digest for one in known.manifests)}
    agreeing = {Reference.parse(mention.written).digest for mention in image.agreeing}
    return _same_platforms(image, known) and agreeing <= digests


def _same_platforms(image: WantedImage, known: LockedImage) -> bool:
    return set(known.platforms) == set(image.platforms)


def _renamed(image: WantedImage, known: LockedImage) -> LockedImage:
    return known.model_copy(
        update={
            "written": image.written,
            "policy": image.settled_policy,
            "platforms": image.platforms,
            "places": places_of(image.mentions),
        }
    )
