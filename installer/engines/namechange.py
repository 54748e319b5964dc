"""A name that shall point elsewhere: what an engine is told, and what it may have to put back."""

from __future__ import annotations

from dataclasses import dataclass

from manifests.digest import Digest
from manifests.release import ImageRecord


@dataclass(frozen=True, slots=True)
class NameChange:
    """A name that will point to an image of the release.

    Attributes:
        name: full reference.
        image: where it will point.
        new: digest that it will point to.
        old: what it points to now; None if it is not there.
        ours: whether it only keeps the image from being pruned.
    """

    name: str
    image: ImageRecord
    new: Digest
    old: Digest | None
    ours: bool
