"""Writes down what this host has, so that a bundle can leave it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from installer.console import Console
from installer.delta.holdings import recorded
from installer.engines.base import KEEP_PREFIX, Engine, Stack, Store
from installer.engines.choose import open_engine
from installer.ledger import Ledger
from installer.plan import known_releases
from manifests.digest import Digest
from manifests.errors import UsageError
from manifests.hostinventory import HostInventory, InventoryImage, InventoryRelease
from manifests.quantities import bytes_text
from manifests.release import ImageRecord, LayerRecord
from manifests.safetext import safe_line


def take_inventory(engine: Engine, ledger: Ledger, now: datetime) -> HostInventory:
    """Ask the engine and the ledger; changes nothing.

    Args:
        engine: whose images count.
        ledger: whose releases say what a layer is made of.
        now: the host's clock.

    Raises:
        EngineFailed: the engine does not answer.
        NotInstallableHere: the ledger can't be believed.
    """
    info = engine.info()
    found = list(recorded(engine, known_releases(ledger)))
    layers = {layer.digest: layer for _, layer in found}
    stacks = engine.stacks() if info.store is Store.GRAPH_DRIVER else ()
    return HostInventory(
        made=now.replace(microsecond=0),
        engine=safe_line(f"{engine.name} {info.version} ({info.store})"),
        releases=tuple(_releases(ledger)),
        layers=tuple(layers[digest] for digest in sorted(layers)),
        others=_others(stacks, layers.values()),
        images=(*_of_stacks(stacks), *_of_records(image for image, _ in found)),
    )


def show_inventory(console: Console, state: Path, engine: str, output: Path | None) -> None:
    """Take the inventory, and write it to a file or show it.

    Raises:
        UsageError: `inventory-unwritable`.
        EngineFailed: the engine does not answer.
        NotInstallableHere: no engine, or the ledger can't be believed.
    """
    with closing(open_engine(engine)) as opened:
        found = take_inventory(opened, Ledger(state), datetime.now(UTC))
    if output is not None:
        try:
            output.write_bytes(found.readable())
        except OSError as error:
            raise UsageError(
                "inventory-unwritable",
                f"{output}: expected to write an inventory there: {error.strerror or error}",
            ) from error
    console.lines(_lines(found, output))
    console.document("inventory", found.to_json())


def _releases(ledger: Ledger) -> Iterator[InventoryRelease]:
    for app in ledger.state().apps:
        for one in app.releases:
            yield InventoryRelease(
                product=app.product, version=one.version, sequence=one.sequence, sums=one.sums
            )


def _others(stacks: Sequence[Stack], layers: Iterable[LayerRecord]) -> tuple[Digest, ...]:
    known = {layer.diff_id for layer in layers}
    return tuple(sorted({one for stack in stacks for one in stack.diff_ids} - known))


def _of_stacks(stacks: Sequence[Stack]) -> Iterator[InventoryImage]:
    for stack in stacks:
        for name in stack.names:
            if not name.startswith(KEEP_PREFIX):
                yield InventoryImage(name=name, diff_ids=stack.diff_ids)


def _of_records(images: Iterable[ImageRecord]) -> Iterator[InventoryImage]:
    seen: set[tuple[str, Digest]] = set()
    for image in images:
        if (image.name, image.image_id) not in seen:
            seen.add((image.name, image.image_id))
            yield InventoryImage(name=image.name, diff_ids=image.diff_ids)


def _lines(found: HostInventory, output: Path | None) -> Iterator[str]:
    for one in found.releases:
        yield safe_line(f"{one.product} {one.version}, release {one.sequence}")
    unpacked = sum(layer.uncompressed for layer in found.layers)
    yield f"{len(found.layers)} layers of these releases, {bytes_text(unpacked)} unpacked"
    if found.others:
        yield f"{len(found.others)} layers of other images"
    if output is None:
        yield "to carry it to where bundles are made: installer inventory -o FILE"
    else:
        yield safe_line(f"wrote {output}; there: bundle build app.yaml --base {output.name}")
