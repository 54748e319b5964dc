"""What a difference bundle needs of this host, and where each of it is; or what is missing.

Owns the choice: a layer that the bundle leaves out and the engine lacks, and the old layer of each
patch, come from the old bundle if one is given, else from the engine's own images. Asks the engine,
changes nothing. What is needed and nowhere to be had is told before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from installer.delta.holdings import Held, held
from installer.delta.oldbundle import OldBundle
from installer.engines.base import Delivery, Engine, Store
from manifests.base import Base, PatchRecord
from manifests.digest import Digest
from manifests.errors import NotInstallableHere
from manifests.quantities import bytes_text
from manifests.release import ImageRecord, LayerRecord, Release


@dataclass(frozen=True, slots=True)
class Regain:
    """Where everything is that the bundle does not bring.

    Attributes:
        release: what is installed.
        old: an old bundle that was given; None for none.
        copied: layers that are copied out of the engine before the first image is sent.
        unpacked: layers of the old bundle that are unpacked beside them, for patches.
    """

    release: Release = field(repr=False)
    old: OldBundle | None
    copied: tuple[Held, ...]
    unpacked: tuple[LayerRecord, ...]

    @property
    def copied_bytes(self) -> int:
        """Bytes of all tars that lie beside the ledger until the last image is sent."""
        layers = (*(one.layer for one in self.copied), *self.unpacked)
        return sum(layer.uncompressed for layer in layers)

    @property
    def export_bytes(self) -> int:
        """Bytes that the engine writes to its temporary folder at most, image after image."""
        return max((one.export_bytes for one in self.copied), default=0)


@dataclass(frozen=True, slots=True)
class _Need:
    """A layer that the engine lacks and the bundle does not hold.

    Attributes:
        image: that needs it.
        layer: what is needed: the layer itself, or the old one of its patch.
        patch: None where the layer itself is needed.
    """

    image: ImageRecord
    layer: LayerRecord
    patch: PatchRecord | None


def regain(
    release: Release,
    deliveries: Sequence[Delivery],
    engine: Engine,
    known: Sequence[Release],
    old: OldBundle | None,
) -> Regain | None:
    """Find everything; None where the bundle brings all that is missing.

    Args:
        release: of the bundle.
        deliveries: what the engine lacks.
        engine: is asked for old layers.
        known: releases that this host has believed before.
        old: an old bundle; None for none.

    Raises:
        NotInstallableHere: `base-missing`, with each layer that is nowhere.
        EngineFailed: the engine does not answer.
    """
    if release.base is None:
        return None
    needs = list(_needs(release.base, deliveries))
    if not needs:
        return None
    store = engine.info().store
    rest = [need for need in needs if not _in_bundle(need, old, store)]
    by_tar = [need for need in rest if _is_enough(need, store)]
    here = held(engine, [need.layer for need in by_tar], known)
    found = [need for need in by_tar if need.layer.diff_id in here]
    missing = [need for need in rest if need not in found]
    if missing:
        raise _base_missing(release.base, missing)
    patched = {need.layer.diff_id for need in needs if need.patch is not None}
    bundled = old.by_diff_id if old is not None else {}
    return Regain(
        release,
        old,
        tuple({need.layer.diff_id: here[need.layer.diff_id] for need in rest}.values()),
        tuple(bundled[diff_id] for diff_id in sorted(patched & bundled.keys())),
    )


def _needs(base: Base, deliveries: Iterable[Delivery]) -> Iterator[_Need]:
    for delivery in deliveries:
        for layer in delivery.missing:
            patch = base.patch_of.get(layer.digest)
            if patch is not None:
                yield _Need(delivery.image, patch.old, patch)
            elif layer.digest in base.left_out:
                yield _Need(delivery.image, layer, None)


def _in_bundle(need: _Need, old: OldBundle | None, store: Store) -> bool:
    if old is None:
        return False
    if _is_enough(need, store) and need.layer.diff_id in old.by_diff_id:
        return True
    same = old.by_digest.get(need.layer.digest)
    return same is not None and same.diff_id == need.layer.diff_id


def _is_enough(need: _Need, store: Store) -> bool:
    """Tell whether a layer's tar will do, where the store does not ask for a blob of its own."""
    return need.patch is not None or store is Store.GRAPH_DRIVER or need.layer.is_tar


def _first_step(base: Base) -> str:
    if base.product is None:
        return "give a kept bundle that has them: --base-bundle BUNDLE"
    return f"install {base.title} first, give its bundle: --base-bundle BUNDLE"


def _base_missing(base: Base, needs: Sequence[_Need]) -> NotInstallableHere:
    lines = [f"the bundle brings only what is new since {base.title}; not here:"]
    parts: Mapping[Digest, NotInstallableHere] = {
        need.layer.diff_id: NotInstallableHere(
            "base-missing",
            f"layer {need.layer.diff_id}, {bytes_text(need.layer.uncompressed)}, of"
            f" {need.image.name}",
            layer=str(need.layer.diff_id),
            image=need.image.name,
            size=need.layer.uncompressed,
        )
        for need in needs
    }
    lines += [f"  - {part}" for part in parts.values()]
    return NotInstallableHere(
        "base-missing",
        "\n".join(lines),
        hint=f"{_first_step(base)}, or bring the complete bundle",
        parts=tuple(parts.values()),
        layers=len(parts),
    )
