"""What of a bundle can still be loaded, while damage to it comes to light.

Owns which images go and which can't, and what a person is told of both. Reads nothing and knows no
engine. Where an image is lost that was to bring a layer for a later one, the later one brings it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from installer.engines.base import Delivery
from installer.events import Event, Noted, Stage
from installer.plan import Plan
from installer.stream.damageevents import DamageFound, ImageSkipped
from installer.words.results import short_name
from manifests.bundle.contents import Survey
from manifests.bundle.damage import (
    Damage,
    bundle_damaged,
    damage_of,
    images_with,
    place_lines,
)
from manifests.errors import BundleRefused
from manifests.release import ImageRecord

MAX_TOLD: Final = 200
"""Places of which each is told; there can be tens of thousands."""
MAX_NAMES: Final = 10
"""Images that the last words name."""


class Salvage:
    """One run's way past damage.

    Attributes:
        skipped: images that can't be had.
    """

    def __init__(self, plan: Plan) -> None:
        self.skipped: list[ImageRecord] = []
        self._plan = plan
        self._there = plan.there
        self._damages: list[Damage] = []
        self._files: set[str] = set()

    @property
    def is_needed(self) -> bool:
        """Whether anything is damaged."""
        return bool(self._damages)

    @property
    def is_hopeless(self) -> bool:
        """Whether something is damaged, and no image can be loaded all the same."""
        there = self._there
        wanted = [image for image in self._plan.images if not there.holds(image)]
        return self.is_needed and all(self._bad(image) for image in wanted)

    def surveyed(self, survey: Survey) -> Iterator[Event]:
        """Take what the reading before the load came to, and tell of it."""
        if survey.reread:
            count = len(survey.reread)
            text = (
                f"{count} file{'' if count == 1 else 's'} of the bundle had to be read again"
                " until right: the drive or its port may be failing"
            )
            yield Noted(Stage.CHECK, "read-again", text)
        for damage in survey.damages:
            yield from self._found(Stage.CHECK, damage)

    def given_up(self) -> Iterator[ImageSkipped]:
        """Yield what can't be sent, before anything is."""
        for image in self._plan.images:
            if bad := self._bad(image):
                yield self._skip(Stage.CHECK, image, bad)

    def deliveries(self) -> Iterator[Delivery | ImageSkipped]:
        """Yield what is to be sent, in order, and what can't be; look at each when it is due."""
        for image in self._plan.images:
            if self._there.holds(image):
                continue
            if bad := self._bad(image):
                yield self._skip(Stage.LOAD, image, bad)
            else:
                keep = self._plan.keep[self._plan.info.store.identity(image)]
                yield Delivery(image, self._there.missing(image), keep)

    def loaded(self, image: ImageRecord) -> None:
        """Take note that the engine has an image."""
        self._there = self._there.after(image)

    def failed(self, image: ImageRecord, fault: BundleRefused) -> Iterator[Event]:
        """Take note that a chunk could not be had while an image was sent, and tell of both."""
        release, file = self._plan.verified.release, str(fault.context.get("file", ""))
        damage = damage_of(fault, images_with(release, file))
        yield from self._found(Stage.LOAD, damage)
        yield self._skip(Stage.LOAD, image, (damage.file,))

    def refusal(self, loaded: int) -> BundleRefused:
        """Build the error that the run ends with."""
        lines = list(place_lines(self._damages))
        lines.append(f"{loaded} image{'' if loaded == 1 else 's'} loaded and kept")
        if self.skipped:
            lines.append(f"not loaded: {_names(self.skipped)}")
        lines.append("nothing was started, and no name was moved")
        return bundle_damaged(self._plan.verified.sealed.medium.path, self._damages, lines)

    def _bad(self, image: ImageRecord) -> tuple[str, ...]:
        brought = self._plan.verified.release.carriers(self._there.missing(image))
        return tuple(one.name for one in brought if one.name in self._files)

    def _skip(self, stage: Stage, image: ImageRecord, files: tuple[str, ...]) -> ImageSkipped:
        self.skipped.append(image)
        return ImageSkipped(stage, image.name, files)

    def _found(self, stage: Stage, damage: Damage) -> Iterator[Event]:
        self._damages.append(damage)
        self._files.add(damage.file)
        if len(self._damages) <= MAX_TOLD:
            yield DamageFound(
                stage=stage,
                file=damage.file,
                offset=damage.offset,
                length=damage.length,
                code=damage.code,
                found=damage.found,
                images=damage.images,
            )
        elif len(self._damages) == MAX_TOLD + 1:
            text = f"more than {MAX_TOLD} damaged places; installer verify names more"
            yield Noted(stage, "damage-more", text)


def _names(images: Sequence[ImageRecord]) -> str:
    shown = [short_name(image.written) for image in images[:MAX_NAMES]]
    more = len(images) - len(shown)
    return ", ".join([*shown, f"and {more} more"] if more else shown)
