"""What an install will do, found out before any of it is done.

Owns the questions to host and engine: which images fit, what is there already, what will be read,
where names will point, whether there is space. Changes nothing; `run` does, and asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from installer.engines.base import Delivery, Engine, EngineInfo, Presence, keep_name
from installer.filesystems import file_system_of, places_of
from installer.freshness import Standing
from installer.ledger import Ledger
from installer.problems import together
from installer.source import refuse_unordered
from installer.space import Room, lacking, reckon, writings
from installer.verify import VerifiedBundle
from manifests.digest import Digest
from manifests.errors import MoonliftError, NotInstallableHere
from manifests.platform import Platform, choose
from manifests.release import ImageRecord, Release


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
        room: what will be written where, and what is free there.
        check_first: whether all that will be read is checked before the engine is touched.
        recorded: whether the ledger has this very release already.
        problems: what keeps it from being carried out; a plan that `plan` made has none.
    """

    verified: VerifiedBundle
    engine: Engine
    info: EngineInfo
    ledger: Ledger
    images: tuple[ImageRecord, ...]
    deliveries: tuple[Delivery, ...]
    names: tuple[NameChange, ...]
    room: Room
    check_first: bool
    recorded: bool
    problems: tuple[NotInstallableHere, ...] = ()

    @property
    def read_bytes(self) -> int:
        """Bytes of layers that will be read from the bundle."""
        return sum(layer.size for one in self.deliveries for layer in one.missing)

    @property
    def unpack_bytes(self) -> int:
        """Bytes that these layers unpack to."""
        return sum(layer.uncompressed for one in self.deliveries for layer in one.missing)

    @property
    def engine_bytes(self) -> int:
        """Bytes that the engine has to take in: unpacked, or as they are."""
        return self.unpack_bytes if self.info.store.unpacks else self.read_bytes

    @property
    def nothing_to_do(self) -> bool:
        """Whether this host is as the release wants it."""
        return not self.deliveries and not self.names and self.recorded

    @property
    def checked_names(self) -> frozenset[str]:
        """Files of the bundle that are checked before anything else."""
        if not self.check_first or self.nothing_to_do:
            return frozenset()
        layers = {layer.name for one in self.deliveries for layer in one.missing}
        return frozenset(layers | {file.name for file in self.verified.release.files})

    @property
    def checked_bytes(self) -> int:
        """Bytes of these files."""
        sizes = self.verified.release.sizes()
        return sum(sizes[name] for name in self.checked_names)


def plan(verified: VerifiedBundle, engine: Engine, ledger: Ledger, *, one_pass: bool) -> Plan:
    """Ask engine, host and ledger.

    Args:
        verified: the bundle.
        engine: where its images go.
        ledger: what this host has; only read.
        one_pass: don't read the layers twice; a pipe can't be anyway.

    Raises:
        NotInstallableHere: `platform-mismatch`, `no-space`, `pipe-order`; several are told as one.
        EngineFailed: it does not answer.
    """
    made = draft(verified, engine, ledger, one_pass=one_pass)
    if made.problems:
        raise together(made.problems)
    return made


def draft(verified: VerifiedBundle, engine: Engine, ledger: Ledger, *, one_pass: bool) -> Plan:
    """Ask as `plan` does; what keeps the plan from being carried out is told in it.

    Raises:
        EngineFailed: the engine does not answer.
    """
    release, medium = verified.release, verified.sealed.medium
    info = engine.info()
    images, problems = _matched(release, info)
    keep = {one: keep_name(release.product, one) for one in map(info.store.identity, images)}
    there = engine.presence(images, keep, known_releases(ledger))
    deliveries = tuple(_deliveries(images, there, keep))
    room = reckon(writings(info.store, deliveries, places_of(info)), file_system_of)
    problems.extend(lacking(room))
    if medium.sequential:
        with _told_in(problems):
            refuse_unordered(verified.sealed, deliveries)
    return Plan(
        verified=verified,
        engine=engine,
        info=info,
        ledger=ledger,
        images=images,
        deliveries=deliveries,
        names=tuple(_name_changes(engine, images, there, keep)),
        room=room,
        check_first=not (one_pass or medium.sequential),
        recorded=_is_recorded(verified, ledger),
        problems=tuple(problems),
    )


@contextmanager
def _told_in(problems: list[NotInstallableHere]) -> Iterator[None]:
    try:
        yield
    except NotInstallableHere as problem:
        problems.append(problem)


def suiting(release: Release, info: EngineInfo) -> tuple[ImageRecord, ...]:
    """Return one image for each name: the one that suits the engine best.

    Raises:
        NotInstallableHere: `platform-mismatch`.
    """
    images, problems = _matched(release, info)
    if problems:
        raise together(problems)
    return images


def _matched(
    release: Release, info: EngineInfo
) -> tuple[tuple[ImageRecord, ...], list[NotInstallableHere]]:
    """Return the images that suit the engine, and an error for each name that has none."""
    if info.platform is None:
        return release.images, []
    chosen: list[ImageRecord] = []
    problems: list[NotInstallableHere] = []
    for name in dict.fromkeys(image.name for image in release.images):
        offered = [(image.platform, image) for image in release.images if image.name == name]
        best = choose(info.platform, offered)
        if best is None:
            problems.append(_mismatch(name, info.platform, [one for one, _ in offered]))
        else:
            chosen.append(best)
    return tuple(chosen), problems


def _mismatch(name: str, wanted: Platform, offered: Sequence[Platform]) -> NotInstallableHere:
    found = ", ".join(map(str, offered))
    return NotInstallableHere(
        "platform-mismatch",
        f"{name}: expected an image for {wanted}, found {found}",
        hint=f"ask the maker for a bundle with platform {wanted}",
        image=name,
    )


def known_releases(ledger: Ledger) -> list[Release]:
    """Return what was installed here before, as far as it can still be read."""
    known: list[Release] = []
    for kept in ledger.releases():
        try:
            known.append(Release.read(kept.raw))
        except MoonliftError:
            continue
    return known


def _deliveries(
    images: Sequence[ImageRecord], there: Presence, keep: dict[Digest, str]
) -> list[Delivery]:
    deliveries: list[Delivery] = []
    for image in images:
        if not there.holds(image):
            identity = there.store.identity(image)
            deliveries.append(Delivery(image, there.missing(image), keep[identity]))
            there = there.after(image)
    return deliveries


def _name_changes(
    engine: Engine, images: Sequence[ImageRecord], there: Presence, keep: dict[Digest, str]
) -> list[NameChange]:
    """Return the changes; an image that will be sent gets its keeping name on the way."""
    changes: dict[tuple[str, Digest], NameChange] = {}
    for image in images:
        identity = there.store.identity(image)
        own = (keep[identity],) if there.store.unpacks and there.holds(image) else ()
        for name in (*own, *engine.names(image)):
            now, new = there.names.get(name, frozenset()), there.store.pointed(image)
            if new not in now:
                old = min(now, default=None)
                changes[name, new] = NameChange(name, image, new, old, ours=name in own)
    return list(changes.values())


def _is_recorded(verified: VerifiedBundle, ledger: Ledger) -> bool:
    release = verified.release
    if verified.verdict.standing is not Standing.SAME:
        return False
    return any(
        (kept.product, kept.sequence) == (release.product, release.sequence)
        and kept.raw == verified.sealed.release_raw
        for kept in ledger.releases()
    )
