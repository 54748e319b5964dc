"""What changed between two bundles: images, layers, files, and the bytes that are new."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bundler.verbs.inspect import Inspection
from bundler.words.changes import LockChange
from bundler.words.rundiff import prune_changes, run_changes
from manifests.digest import Digest
from manifests.release import FileRecord, ImageRecord, LayerRecord


class Change(StrEnum):
    """What became of something between the old bundle and the new."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class ImageChange:
    """One image name on one platform.

    Attributes:
        name: full reference.
        platform: where it runs.
        change: by image ID.
        old_id: config digest in the old bundle; None when it was not there.
        new_id: in the new one.
        new_layers: layers, by diff ID, that the old bundle does not have at all.
        gone_layers: layers of the old image that the new bundle does not have at all.
    """

    name: str
    platform: str
    change: Change
    old_id: Digest | None
    new_id: Digest | None
    new_layers: tuple[LayerRecord, ...] = ()
    gone_layers: tuple[LayerRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file beside images."""

    name: str
    change: Change
    old_size: int | None
    new_size: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes.

    Attributes:
        images: in the new bundle's order, removed ones last.
        files: sorted by name.
        new_bytes: bytes of layers, or of patches for them, and files that only the new bundle has.
        gone_bytes: bytes of those that only the old one has.
        shared_bytes: bytes of layers that both have, as the new one carries them.
        run: what is different in what runs, and in what is pruned.
    """

    images: tuple[ImageChange, ...]
    files: tuple[FileChange, ...]
    new_bytes: int
    gone_bytes: int
    shared_bytes: int
    run: tuple[LockChange, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether both hold the same images and files, and run the same."""
        changes = [image.change for image in self.images] + [file.change for file in self.files]
        return not self.run and all(change is Change.SAME for change in changes)


def diff(old: Inspection, new: Inspection) -> Difference:
    """Compare two bundles by content: recompressed layers are the same layers."""
    old_layers = {layer.diff_id: layer for layer in old.layers.values()}
    new_layers = {layer.diff_id: layer for layer in new.layers.values()}
    files = _file_changes(old, new)
    added = [layer for diff_id, layer in new_layers.items() if diff_id not in old_layers]
    gone = [layer for diff_id, layer in old_layers.items() if diff_id not in new_layers]
    shared = [layer for diff_id, layer in new_layers.items() if diff_id in old_layers]
    changed = [item for item in files if item.change is not Change.SAME]
    return Difference(
        images=_image_changes(old, new, old_layers, new_layers),
        files=files,
        new_bytes=sum(one.size for one in new.release.carriers(added))
        + sum(item.new_size or 0 for item in changed),
        gone_bytes=_bytes(gone) + sum(item.old_size or 0 for item in changed),
        shared_bytes=_bytes(shared),
        run=(
            *run_changes(old.release.run, new.release.run),
            *prune_changes(old.release.prune, new.release.prune),
        ),
    )


def _bytes(layers: list[LayerRecord]) -> int:
    return sum(layer.size for layer in layers)


def _image_changes(
    old: Inspection,
    new: Inspection,
    old_layers: dict[Digest, LayerRecord],
    new_layers: dict[Digest, LayerRecord],
) -> tuple[ImageChange, ...]:
    before = {(image.name, str(image.platform)): image for image in old.release.images}
    after = {(image.name, str(image.platform)): image for image in new.release.images}
    return tuple(
        _image_change(key, before.get(key), after.get(key), old_layers, new_layers)
        for key in dict.fromkeys([*after, *before])
    )


def _image_change(
    key: tuple[str, str],
    old: ImageRecord | None,
    new: ImageRecord | None,
    old_layers: dict[Digest, LayerRecord],
    new_layers: dict[Digest, LayerRecord],
) -> ImageChange:
    fresh = [layer for layer in new.layers if layer.diff_id not in old_layers] if new else []
    gone = [layer for layer in old.layers if layer.diff_id not in new_layers] if old else []
    return ImageChange(
        name=key[0],
        platform=key[1],
        change=_change(old.image_id if old else None, new.image_id if new else None),
        old_id=old.image_id if old else None,
        new_id=new.image_id if new else None,
        new_layers=tuple(fresh),
        gone_layers=tuple(gone),
    )


def _file_changes(old: Inspection, new: Inspection) -> tuple[FileChange, ...]:
    before = {file.name: file for file in old.release.carried}
    after = {file.name: file for file in new.release.carried}
    return tuple(
        _file_change(name, before.get(name), after.get(name)) for name in sorted({*before, *after})
    )


def _file_change(name: str, old: FileRecord | None, new: FileRecord | None) -> FileChange:
    change = _change(old.digest if old else None, new.digest if new else None)
    return FileChange(name, change, old.size if old else None, new.size if new else None)


def _change(old: Digest | None, new: Digest | None) -> Change:
    if old == new:
        return Change.SAME
    if old is None:
        return Change.ADDED
    return Change.REMOVED if new is None else Change.CHANGED
