"""Damage to a bundle as values: which chunk of which file, what was found there, whose it is.

Owns what is said of a damaged place and of many. Reads nothing and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from manifests.errors import BundleRefused
from manifests.imagenames import familiar_name

if TYPE_CHECKING:  # who only tells of damage loads no documents
    from manifests.release import Release

MAX_NAMED: Final = 20
"""Images that are named with one damaged place; a base layer can be of hundreds."""
SHORT: Final = 5
"""Places that a message names."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A chunk of a bundle that can't be had as it was signed.

    Attributes:
        file: in the bundle.
        offset: where the chunk begins in it.
        length: bytes of the chunk.
        code: of the error: `chunk-damaged`, `medium-unreadable`, `bundle-truncated` and the like.
        found: what was there instead.
        images: names of those that need it, at most `MAX_NAMED`; none for a file of the app.
    """

    file: str
    offset: int
    length: int
    code: str
    found: str
    images: tuple[str, ...]


class Place(Protocol):
    """What is told of a damaged chunk, whoever tells it."""

    @property
    def file(self) -> str: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def length(self) -> int: ...  # noqa: D102
    @property
    def found(self) -> str: ...  # noqa: D102
    @property
    def images(self) -> tuple[str, ...]: ...  # noqa: D102


def damage_of(error: BundleRefused, images: tuple[str, ...]) -> Damage:
    """Return the damage that an error of reading a chunk tells of.

    Args:
        error: with the chunk's place.
        images: that need the file, as `images_with` has them.
    """
    facts = error.context
    return Damage(
        file=str(facts.get("file", "")),
        offset=int(facts.get("offset", 0)),
        length=int(facts.get("length", 0)),
        code=error.code,
        found=str(facts.get("found", error)),
        images=images,
    )


def images_with(release: Release, file: str) -> tuple[str, ...]:
    """Return the names of the images that a blob belongs to, each once, at most `MAX_NAMED`."""
    found = dict.fromkeys(
        image.name
        for image in release.images
        if any(blob.name == file for blob in (*image.documents, *release.carriers(image.layers)))
    )
    return tuple(found)[:MAX_NAMED]


def place_text(place: Place) -> str:
    """Return a damaged place for people: what, where, whose."""
    end = place.offset + place.length
    whose = ", ".join(map(familiar_name, place.images))
    of_images = f" (of {whose})" if whose else ""
    return f"{place.file}: bytes {place.offset} to {end}: {found_text(place)}{of_images}"


def found_text(place: Place) -> str:
    """Return what was found; of other bytes not what they hash to, which helps no person."""
    return place.found.partition(": sha256:")[0]


def count_text(damages: Sequence[Damage]) -> str:
    """Return `1 chunk of 1 file`, `3 chunks of 2 files`."""
    files = len({one.file for one in damages})
    chunks = f"{len(damages)} chunk{'' if len(damages) == 1 else 's'}"
    return f"{chunks} of {files} file{'' if files == 1 else 's'}"


def place_lines(damages: Sequence[Damage]) -> Iterator[str]:
    """Return the first damaged places, and how many more there are."""
    yield from (f"  {place_text(one)}" for one in damages[:SHORT])
    if len(damages) > SHORT:
        yield f"  and {len(damages) - SHORT} more"


def bundle_damaged(path: str, damages: Sequence[Damage], lines: Sequence[str]) -> BundleRefused:
    """Build the error for a bundle of which parts can't be had.

    Args:
        path: where it lies.
        damages: what was found, one or more.
        lines: that say more of them, and what became of it all.
    """
    return BundleRefused(
        "bundle-damaged",
        "\n".join([f"{path}: {count_text(damages)} can't be had as signed", *lines]),
        hint=f"mend it: installer repair {path} --from OTHER, where OTHER is another copy, or"
        " without --from where it has parity; or copy the bundle again from where it came",
        path=path,
        chunks=len(damages),
        file=damages[0].file,
        offset=damages[0].offset,
    )
