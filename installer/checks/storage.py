"""Where the engine keeps images: what sort of storage, and how much room there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic, or_fine, unknown
from installer.checks.hostfiles import Space
from installer.checks.sources import Sources, Wanted
from manifests.quantities import bytes_text

SLOW: Final = Cause(
    "slow",
    Severity.WARN,
    "a storage driver that copies whole images, or that new engines have dropped",
    "Use overlay2 on ext4, or on xfs made with ftype=1: set it in /etc/docker/daemon.json. Images"
    " have to be loaded again.",
)
NO_D_TYPE: Final = Cause(
    "no-d-type",
    Severity.FAIL,
    "a file system without d_type: overlays lose files on it",
    "Put the engine's data-root on ext4, or on xfs made with ftype=1.",
)
SHORT: Final = Cause(
    "short",
    Severity.FAIL,
    "less room than `--room` asks for",
    "Free {missing} under {root}, or move data-root in /etc/docker/daemon.json to a larger disk.",
)
SHORT_FOR_BUNDLE: Final = Cause(
    "short-for-bundle",
    Severity.WARN,
    "less room than the bundle takes where nothing of it is there yet",
    "installer install --dry-run tells how much is needed here. If it is too little, free {missing}"
    " under {root}.",
)
NEARLY_FULL: Final = Cause(
    "nearly-full",
    Severity.WARN,
    "less than 2 GiB are free where images go",
    "docker system df shows what takes room under {root}.",
)
NO_INODES: Final = Cause(
    "no-inodes",
    Severity.WARN,
    "fewer than 50,000 files can still be made where images go",
    "Remove images that are not needed, or move data-root: this file system runs out of inodes"
    " before it is full.",
)
_SLOW: Final = ("vfs", "devicemapper", "aufs", "overlay")
CONTAINERD_ROOT: Final = "/var/lib/containerd"
_LOW_BYTES: Final = 2 * 1024**3
_LOW_INODES: Final = 50_000


def _storage(sources: Sources) -> Iterator[Finding]:
    engine = sources.engine
    status = dict(engine.driver_status)
    where = status.get("Backing Filesystem", "a file system that it does not name")
    store = "containerd's image store" if sources.engine.uses_containerd else where
    evidence = f"{engine.driver} on {store}"
    yield from or_fine(_storage_trouble(engine.driver, status, evidence), evidence)


def _storage_trouble(driver: str, status: dict[str, str], evidence: str) -> Iterator[Finding]:
    if driver in _SLOW:
        yield SLOW.found(evidence)
    if status.get("Supports d_type") == "false":
        yield NO_D_TYPE.found(f"{evidence}, Supports d_type: false")


def _space(sources: Sources) -> Iterator[Finding]:
    for root in _roots(sources):
        yield from _space_of(sources, root)


def _roots(sources: Sources) -> Iterator[str]:
    """Yield where images go: containerd's store is elsewhere than the engine's own."""
    if sources.engine.uses_containerd and sources.files.exists(CONTAINERD_ROOT):
        yield CONTAINERD_ROOT
    yield sources.engine.root


def _space_of(sources: Sources, root: str) -> Iterator[Finding]:
    space = sources.files.space(root) if root else None
    if space is None:
        yield unknown(f"{root or 'the folder of its data'} can't be seen from here")
        return
    evidence = f"{root}: {bytes_text(space.free)} of {bytes_text(space.total)} free"
    yield from or_fine(_space_trouble(space, sources.wanted, root, evidence), evidence)


def _space_trouble(space: Space, wanted: Wanted, root: str, evidence: str) -> Iterator[Finding]:
    room, bundle = wanted.room, wanted.bundle_room
    if space.free < room:
        asked = f"{evidence}, {bytes_text(room)} asked for"
        yield SHORT.found(asked, missing=bytes_text(room - space.free), root=root)
    elif space.free < bundle:
        asked = f"{evidence}, the bundle takes up to {bytes_text(bundle)}"
        yield SHORT_FOR_BUNDLE.found(asked, missing=bytes_text(bundle - space.free), root=root)
    elif space.free < _LOW_BYTES:
        yield NEARLY_FULL.found(evidence, root=root)
    if space.inodes is not None and space.inodes < _LOW_INODES:
        yield NO_INODES.found(f"{root}: {space.inodes} inodes free")


CHECKS: Final = (
    Check("docker.storage", Topic.ENGINE, "Driver, DriverStatus", (SLOW, NO_D_TYPE), _storage),
    Check(
        "docker.space",
        Topic.ENGINE,
        "the file system of DockerRootDir, and of /var/lib/containerd for images kept there",
        (SHORT, SHORT_FOR_BUNDLE, NEARLY_FULL, NO_INODES),
        _space,
    ),
)
