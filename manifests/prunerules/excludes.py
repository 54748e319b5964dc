"""What stays because a person said so: patterns, and the lines of docker-gc's exclude files.

Owns what each kind of thing is known by to them. Does not read files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from manifests.imagenames import familiar_name
from manifests.prunerules.inventory import Container, Image, Volume
from manifests.prunerules.patterns import Line, Pattern, Subject

SHORT_ID: Final = 12
"""Digits of an ID, as engines show it and docker-gc's lines have it."""


@dataclass(frozen=True, slots=True)
class Excludes:
    """All that stays.

    Attributes:
        patterns: for everything.
        images: lines for images alone.
        containers: lines for containers alone.
        volumes: lines for volumes alone.
    """

    patterns: tuple[Pattern, ...] = ()
    images: tuple[Line, ...] = ()
    containers: tuple[Line, ...] = ()
    volumes: tuple[Line, ...] = ()

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Excludes:
        """Read patterns.

        Raises:
            MalformedInput: `exclude-malformed`.
        """
        return cls(tuple(map(Pattern.parse, dict.fromkeys(patterns))))

    def __or__(self, other: Excludes) -> Excludes:
        """Return what stays by either."""
        return Excludes(
            (*self.patterns, *other.patterns),
            (*self.images, *other.images),
            (*self.containers, *other.containers),
            (*self.volumes, *other.volumes),
        )

    def of_image(self, image: Image) -> str | None:
        """Return the text that keeps an image, None if there is none."""
        subject = Subject(image.names, str(image.identity), image.labels)
        rows = [
            f" {name} {image.identity.short} "
            for full in image.names or ("<none>:<none>",)
            for name in (familiar_name(full), full)
        ]
        return self._first(subject, self.images, rows)

    def of_container(self, container: Container) -> str | None:
        """Return the text that keeps a container, None if there is none."""
        subject = Subject((container.name,), container.identity, container.labels)
        words = (
            container.identity[:SHORT_ID],
            container.image_name,
            f'"{container.command}"',
            container.state,
            container.name,
        )
        return self._first(subject, self.containers, [" ".join(words)])

    def of_volume(self, volume: Volume) -> str | None:
        """Return the text that keeps a volume, None if there is none."""
        subject = Subject((volume.name,), volume.name, volume.labels)
        return self._first(subject, self.volumes, [volume.name])

    def _first(self, subject: Subject, lines: Iterable[Line], rows: list[str]) -> str | None:
        for pattern in self.patterns:
            if pattern.matches(subject):
                return pattern.text
        for line in lines:
            if any(map(line.finds, rows)):
                return line.text
        return None
