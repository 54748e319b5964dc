"""What a difference is made to: an old bundle, its release.json, or a host's inventory.

Owns the three forms and what each of them knows. Who signed an old bundle is not asked: what is
left out because of it is named in the new one, and the host says whether it has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from bundler.verbs.inspect import accept_claimed
from manifests.base import Base
from manifests.bundle.medium import open_medium
from manifests.digest import Digest
from manifests.errors import MoonliftError, UsageError
from manifests.hostinventory import INVENTORY_LIMIT, HostInventory
from manifests.reference import MalformedReference, Reference
from manifests.release import RELEASE_LIMIT, LayerRecord, Release
from manifests.seals.seal import SealedRelease, open_sealed
from manifests.strictjson import load_object

_INVENTORY_MARK: Final = "engine"


@dataclass(frozen=True, slots=True)
class OldBase:
    """What hosts have.

    Attributes:
        head: what it is called, in the new release's words.
        by_diff_id: every layer by what it unpacks to; the first of several forms.
        by_digest: every layer by digest.
        bare: diff IDs of layers that are known by no more.
        images: diff IDs of the layers of each image, by repository.
        sealed: the old bundle itself, where it was given; None for its mere word.
    """

    head: Base
    by_diff_id: Mapping[Digest, LayerRecord] = field(repr=False)
    by_digest: Mapping[Digest, LayerRecord] = field(repr=False)
    bare: frozenset[Digest] = field(default=frozenset(), repr=False)
    images: Mapping[str, tuple[Digest, ...]] = field(default_factory=dict, repr=False)
    sealed: SealedRelease | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        head: Base,
        layers: Sequence[LayerRecord],
        named: Iterable[tuple[str, tuple[Digest, ...]]],
        bare: Iterable[Digest] = (),
    ) -> Self:
        """Return what layers, images and further diff IDs come to."""
        return cls(
            head,
            {layer.diff_id: layer for layer in reversed(layers)},
            {layer.digest: layer for layer in layers},
            frozenset(bare),
            _by_repository(named),
        )


@contextmanager
def opened_base(path: Path | None) -> Iterator[OldBase | None]:
    """Open what is at `path`; None for None.

    Raises:
        UsageError: `base-unknown`: it is none of the three; `base-pipe`.
        MoonliftError: it is damaged.
    """
    if path is None:
        yield None
    elif _is_json(path):
        yield _from_document(path)
    else:
        with closing(open_medium(path)) as medium:
            if medium.sequential:
                raise UsageError(
                    "base-pipe",
                    "expected an old bundle that can be read in any order, found a pipe",
                    hint="save it to a file, and give that to --base",
                )
            yield _from_bundle(open_sealed(medium, accept_claimed))


def repository(name: str) -> str:
    """Return an image's name without tag and digest; empty for what is no name."""
    try:
        return Reference.parse(name).name
    except MalformedReference:
        return ""


def _is_json(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return path.is_file() and file.read(1) == b"{"
    except OSError:
        return False


def _from_document(path: Path) -> OldBase:
    raw = _read(path)
    try:
        if _INVENTORY_MARK in load_object(raw, limit=INVENTORY_LIMIT, subject=path.name):
            return _from_inventory(HostInventory.read(raw))
        return _from_release(Release.read(raw), None)
    except MoonliftError as error:
        raise UsageError(
            "base-unknown",
            f"{path}: expected a bundle, its release.json or a host's inventory: {error}",
            hint="installer inventory -o FILE writes one on a host",
        ) from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(max(INVENTORY_LIMIT, RELEASE_LIMIT) + 1)


def _from_bundle(sealed: SealedRelease) -> OldBase:
    return replace(_from_release(sealed.release, sealed.sums_digest), sealed=sealed)


def _from_release(release: Release, sums: Digest | None) -> OldBase:
    head = Base(
        product=release.product, version=release.version, sequence=release.sequence, sums=sums
    )
    named = ((image.name, image.diff_ids) for image in release.images)
    layers = [layer for image in release.images for layer in image.layers]
    return OldBase.of(head, layers, named)


def _from_inventory(found: HostInventory) -> OldBase:
    named = ((image.name, image.diff_ids) for image in found.images)
    return OldBase.of(Base(), found.layers, named, found.others)


def _by_repository(
    named: Iterable[tuple[str, tuple[Digest, ...]]],
) -> Mapping[str, tuple[Digest, ...]]:
    found: dict[str, tuple[Digest, ...]] = {}
    for name, diff_ids in named:
        found[repository(name)] = (*found.get(repository(name), ()), *diff_ids)
    return found
