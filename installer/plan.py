"""What an install will do, found out before any of it is done.

Owns the questions to host and engine: which images fit, what is there already, what will be read,
where names will point, whether there is space. Changes nothing; `run` does, and asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.delta.needs import Regain, regain
from installer.delta.oldbundle import OldBundle
from installer.delta.room import copying
from installer.engines.base import Delivery, Engine, EngineInfo, Presence, keep_name
from installer.engines.namechange import NameChange
from installer.ledger import Ledger
from installer.planning.elsewhere import elsewhere
from installer.planning.filesystems import file_system_of, places_of
from installer.planning.namechange import name_changes
from installer.planning.outgrown import NOTHING_OUTGROWN, Outgrown, outgrown
from installer.planning.problems import together
from installer.planning.space import Purpose, Room, Writing, lacking, reckon, writings
from installer.planning.suiting import matched
from installer.running.source import refuse_unordered
from installer.verify import VerifiedBundle
from manifests.digest import Digest
from manifests.errors import MoonliftError, NotInstallableHere
from manifests.release import BlobRecord, FileRecord, ImageRecord, Release

if TYPE_CHECKING:  # an install that starts nothing needs none of it
    from installer.planning.appplan import AppPlan
    from installer.running.proof import Proof
    from installer.running.starting import Starting


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
        there: what the engine has already.
        keep: by identity, our own name for each image.
        room: what will be written where, and what is free there.
        check_first: whether all that will be read is checked before the engine is touched.
        recorded: whether the ledger has this very release as the active one.
        app: what will run; None where nothing does, or it is not to be started.
        proof: the self-test before the start; None where there is none.
        problems: what keeps it from being carried out; a plan that `plan` made has none.
        starting: how a person wants it started; None to load and name only.
        outgrown: older releases that its policy will let go.
        regain: what a difference bundle takes from this host; None where it brings everything.
    """

    verified: VerifiedBundle
    engine: Engine
    info: EngineInfo
    ledger: Ledger
    images: tuple[ImageRecord, ...]
    deliveries: tuple[Delivery, ...]
    names: tuple[NameChange, ...]
    there: Presence
    keep: Mapping[Digest, str]
    room: Room
    check_first: bool
    recorded: bool
    app: AppPlan | None = None
    proof: Proof | None = None
    problems: tuple[NotInstallableHere, ...] = ()
    starting: Starting | None = None
    outgrown: Outgrown = NOTHING_OUTGROWN
    regain: Regain | None = None

    def brought(self, delivery: Delivery) -> tuple[BlobRecord, ...]:
        """Return the blobs of the bundle that bring what the engine lacks."""
        return self.verified.release.carriers(delivery.missing)

    def brought_bytes(self, delivery: Delivery) -> int:
        """Return their bytes."""
        return sum(blob.size for blob in self.brought(delivery))

    @property
    def read_bytes(self) -> int:
        """Bytes of layers that will be read from the bundle."""
        return sum(map(self.brought_bytes, self.deliveries))

    @property
    def unpack_bytes(self) -> int:
        """Bytes that these layers unpack to."""
        return sum(layer.uncompressed for one in self.deliveries for layer in one.missing)

    @property
    def engine_bytes(self) -> int:
        """Bytes that the engine has to take in: unpacked, or as they are."""
        if self.info.store.unpacks:
            return self.unpack_bytes
        return sum(layer.size for one in self.deliveries for layer in one.missing)

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
        layers = {blob.name for one in self.deliveries for blob in self.brought(one)}
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
    old: OldBundle | None = None,
) -> Plan:
    """Ask engine, host and ledger.

    Args:
        verified: the bundle.
        engine: where its images go.
        ledger: what this host has; only read.
        one_pass: don't read the layers twice; a pipe can't be anyway.
        starting: how what runs of it is started; None to load and name only.
        old: a bundle that old layers may come from; None for none.

    Raises:
        NotInstallableHere: `platform-mismatch`, `no-space`, `pipe-order`, `base-missing`; as
            `plan_app`; several are told as one.
        EngineFailed: it does not answer.
    """
    made = draft(verified, engine, ledger, one_pass=one_pass, starting=starting, old=old)
    if made.problems:
        raise together(made.problems)
    return made


def draft(
    verified: VerifiedBundle,
    engine: Engine,
    ledger: Ledger,
    *,
    one_pass: bool,
    starting: Starting | None = None,
    old: OldBundle | None = None,
) -> Plan:
    """Ask as `plan` does; what keeps the plan from being carried out is told in it.

    Raises:
        EngineFailed: the engine does not answer.
    """
    release, medium = verified.release, verified.sealed.medium
    info = engine.info()
    images, problems = matched(release, info)
    keep = {one: keep_name(release.product, one) for one in map(info.store.identity, images)}
    known = known_releases(ledger)
    there = engine.presence(images, keep, known)
    deliveries = tuple(_deliveries(images, there, keep))
    found: Regain | None = None
    with _told_in(problems):
        found = regain(release, deliveries, engine, known, old)
    identities = {image.name: info.store.identity(image) for image in images}
    problems.extend(elsewhere(ledger.app(release.product), engine, info))
    app: AppPlan | None = None
    if starting is not None and not problems:
        with _told_in(problems):
            app = starting.plan_app(release, identities, ledger, medium)
    copied = copying(found, ledger.directory, places_of(info), len(deliveries))
    written = (*_placing(ledger, release, app), *_loading(info, deliveries), *copied)
    room = reckon(written, file_system_of)
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
        names=name_changes(engine, images, there, keep),
        there=there,
        keep=keep,
        room=room,
        check_first=not (one_pass or medium.sequential),
        recorded=_is_recorded(verified, ledger),
        app=app,
        proof=starting.proof(release, identities, app, ledger) if starting else None,
        problems=tuple(problems),
        starting=starting,
        outgrown=outgrown(release, ledger.app(release.product) if starting else None, known),
        regain=found,
    )


@contextmanager
def _told_in(problems: list[NotInstallableHere]) -> Iterator[None]:
    try:
        yield
    except NotInstallableHere as problem:
        problems.append(problem)


def _placing(ledger: Ledger, release: Release, app: AppPlan | None) -> tuple[Writing, ...]:
    if app is None or app.placed:
        return ()
    size = sum(file.size for file in release.files)
    return (Writing(Purpose.STATE, ledger.directory, (size,)),)


def _loading(info: EngineInfo, deliveries: Sequence[Delivery]) -> tuple[Writing, ...]:
    return writings(info.store, deliveries, places_of(info))


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
