"""What an install will do, found out before any of it is done.

Owns the questions to host and engine: which images fit, what is there already, what will be read,
where names will point, whether there is space. Changes nothing; `run` does, and asks nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from installer.engines.base import Delivery, Engine, EngineInfo, Presence, Store, keep_name
from installer.ledger import Ledger
from installer.namechange import NameChange, name_changes
from installer.source import refuse_unordered
from installer.verify import VerifiedBundle
from manifests.digest import Digest
from manifests.errors import MoonliftError, NotInstallableHere
from manifests.platform import choose
from manifests.quantities import bytes_text
from manifests.release import FileRecord, ImageRecord, Release

if TYPE_CHECKING:  # an install that starts nothing needs none of it
    from installer.appplan import AppPlan
    from installer.proof import Proof
    from installer.starting import Starting

SPACE_MARGIN: Final = 32 * 1024 * 1024
"""Bytes that stay free, whatever the estimate says."""
SPACE_FACTOR: Final = 1.05
"""File systems need more than the files' bytes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that `run` needs to know.

    Attributes:
        verified: the bundle.
        engine: where the images go.
        info: what it said of itself.
        ledger: where it will be recorded.
        images: of the release, those for this engine's platform.
        deliveries: what will be sent, in order.
        names: that will change, when every image is there.
        free: bytes free where the engine keeps images; None when that can't be seen.
        need: bytes that loading will take there at its height.
        check_first: whether all that will be read is checked before the engine is touched.
        recorded: whether the ledger has this very release as the active one.
        app: what will run; None where nothing does, or it is not to be started.
        proof: the self-test before the start; None where there is none.
    """

    verified: VerifiedBundle
    engine: Engine
    info: EngineInfo
    ledger: Ledger
    images: tuple[ImageRecord, ...]
    deliveries: tuple[Delivery, ...]
    names: tuple[NameChange, ...]
    free: int | None
    need: int
    check_first: bool
    recorded: bool
    app: AppPlan | None = None
    proof: Proof | None = None

    @property
    def read_bytes(self) -> int:
        """Bytes of layers that will be read from the bundle."""
        return sum(layer.size for one in self.deliveries for layer in one.missing)

    @property
    def unpack_bytes(self) -> int:
        """Bytes that these layers unpack to."""
        return sum(layer.uncompressed for one in self.deliveries for layer in one.missing)

    @property
    def nothing_to_do(self) -> bool:
        """Whether this host is as the release wants it."""
        settled = self.app is None or self.app.settled
        return settled and not self.deliveries and not self.names and self.recorded

    @property
    def placed_files(self) -> tuple[FileRecord, ...]:
        """Files of the release that will be placed on this host."""
        if self.app is None or self.app.placed:
            return ()
        return self.verified.release.files

    @property
    def checked_names(self) -> frozenset[str]:
        """Files of the bundle that are checked before anything else."""
        if not self.check_first or self.nothing_to_do:
            return frozenset()
        layers = {layer.name for one in self.deliveries for layer in one.missing}
        placed = self.app is not None and self.app.placed
        files = () if placed else self.verified.release.files
        return frozenset(layers | {file.name for file in files})

    @property
    def checked_bytes(self) -> int:
        """Bytes of these files."""
        sizes = self.verified.release.sizes()
        return sum(sizes[name] for name in self.checked_names)


def plan(
    verified: VerifiedBundle,
    engine: Engine,
    ledger: Ledger,
    *,
    one_pass: bool,
    starting: Starting | None = None,
) -> Plan:
    """Ask engine, host and ledger.

    Args:
        verified: the bundle.
        engine: where its images go.
        ledger: what this host has; only read.
        one_pass: don't read the layers twice; a pipe can't be anyway.
        starting: how what runs of it is started; None to load and name only.

    Raises:
        NotInstallableHere: `platform-mismatch`, `no-space`, `pipe-order`; as `plan_app`.
        EngineFailed: it does not answer.
    """
    release, medium = verified.release, verified.sealed.medium
    info = engine.info()
    images = suiting(release, info)
    keep = {one: keep_name(release.product, one) for one in map(info.store.identity, images)}
    there = engine.presence(images, keep, known_releases(ledger))
    deliveries = tuple(_deliveries(images, there, keep))
    need, free = needed_bytes(info.store, deliveries), free_bytes(info.root)
    if free is not None and need > free:
        raise _no_space(info, need, free)
    if medium.sequential:
        refuse_unordered(verified.sealed, deliveries)
    identities = {image.name: info.store.identity(image) for image in images}
    app = starting.plan_app(release, identities, ledger, medium) if starting else None
    return Plan(
        verified=verified,
        engine=engine,
        info=info,
        ledger=ledger,
        images=images,
        deliveries=deliveries,
        names=name_changes(engine, images, there, keep),
        free=free,
        need=need,
        check_first=not (one_pass or medium.sequential),
        recorded=_is_recorded(verified, ledger),
        app=app,
        proof=starting.proof(release, identities, app, ledger) if starting else None,
    )


def suiting(release: Release, info: EngineInfo) -> tuple[ImageRecord, ...]:
    """Return one image for each name: the one that suits the engine best.

    Raises:
        NotInstallableHere: `platform-mismatch`.
    """
    if info.platform is None:
        return release.images
    chosen: list[ImageRecord] = []
    for name in dict.fromkeys(image.name for image in release.images):
        offered = [(image.platform, image) for image in release.images if image.name == name]
        best = choose(info.platform, offered)
        if best is None:
            found = ", ".join(str(platform) for platform, _ in offered)
            raise NotInstallableHere(
                "platform-mismatch",
                f"{name}: expected an image for {info.platform}, found {found}",
                hint=f"ask the maker for a bundle with platform {info.platform}",
                image=name,
            )
        chosen.append(best)
    return tuple(chosen)


def known_releases(ledger: Ledger) -> list[Release]:
    """Return what was installed here before, as far as it can still be read."""
    known: list[Release] = []
    for kept in ledger.releases():
        try:
            known.append(Release.read(kept.raw))
        except MoonliftError:
            continue
    return known


def needed_bytes(store: Store, deliveries: Sequence[Delivery]) -> int:
    """Return the bytes that loading takes at its height.

    A graph driver's engine first copies a whole archive to its temporary folder; containerd keeps
    the blobs beside what they unpack to.
    """
    stored = sum(layer.size for one in deliveries for layer in one.missing)
    unpacked = [sum(layer.uncompressed for layer in one.missing) for one in deliveries]
    need = {
        Store.GRAPH_DRIVER: sum(unpacked) + max(unpacked, default=0),
        Store.CONTAINERD: sum(unpacked) + stored,
        Store.LAYOUT: stored,
    }[store]
    return int(need * SPACE_FACTOR) + SPACE_MARGIN if need else 0


def free_bytes(root: Path | None) -> int | None:
    """Return the bytes free for us where `root` lies."""
    try:
        return None if root is None else shutil.disk_usage(root).free
    except OSError:
        return None


def _deliveries(
    images: Sequence[ImageRecord], there: Presence, keep: Mapping[Digest, str]
) -> list[Delivery]:
    deliveries: list[Delivery] = []
    for image in images:
        if not there.holds(image):
            identity = there.store.identity(image)
            deliveries.append(Delivery(image, there.missing(image), keep[identity]))
            there = there.after(image)
    return deliveries


def _is_recorded(verified: VerifiedBundle, ledger: Ledger) -> bool:
    release = verified.release
    app = ledger.app(release.product)
    if app is None or app.pending is not None or app.active != release.sequence:
        return False
    kept = ledger.kept(release.product, release.sequence)
    return kept is not None and kept.raw == verified.sealed.release_raw


def _no_space(info: EngineInfo, need: int, free: int) -> NotInstallableHere:
    return NotInstallableHere(
        "no-space",
        f"{info.root}: expected {bytes_text(need)} free, found {bytes_text(free)}: "
        f"{bytes_text(need - free)} are missing",
        hint="free space there; docker system df shows what the engine could drop",
        root=str(info.root),
        need=need,
        free=free,
    )
