"""Which of several images on this machine a reference means.

Names in layouts and archives are full (`docker.io/library/nginx:1.25`), familiar (`nginx:1.25`) or
a bare tag (`1.25`, which is what skopeo and BuildKit write). A full or familiar name beats a tag;
what could be two images is refused.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bundler.sources import local_errors as errors
from manifests.reference import MalformedReference, Reference

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """An image and what it is called.

    Attributes:
        item: what is chosen; equal items are one image.
        names: full or familiar; what is no reference is passed over.
        tag: a bare tag, where there is no better name; empty for none.
    """

    item: T
    names: tuple[str, ...] = ()
    tag: str = ""


def pick(reference: Reference, offers: Sequence[Offer[T]], where: str) -> T:
    """Return the image that `reference` names by its tag.

    A lone image without any name is taken for whatever is asked for.

    Raises:
        AppManifestError: `image-not-found`, `image-ambiguous`.
    """
    lone = len(offers) == 1 and not offers[0].names and not offers[0].tag
    levels = (
        [offer.item for offer in offers if reference.tagged in _full(offer.names)],
        [offer.item for offer in offers if offer.tag and offer.tag == reference.tag],
        [offer.item for offer in offers if lone],
    )
    found = set(next(filter(None, levels), ()))
    if not found:
        known = [name for offer in offers for name in offer.names or (offer.tag,) if name]
        raise errors.not_found(where, reference, known)
    if len(found) > 1:
        raise errors.ambiguous(where, reference, len(found))
    return found.pop()


def _full(names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        try:
            tagged = Reference.parse(name).tagged
        except MalformedReference:
            continue
        found |= {tagged} if tagged else set()
    return found
