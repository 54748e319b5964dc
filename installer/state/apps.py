"""What this host has installed of each app: its releases, which of them is active, what is pending.

Owns the documents and the rules by which one follows from the other. Pure: does not read or write
files, knows no engine and decides nothing; `installer.ledger` writes them down.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, model_validator

from manifests.documents import DigestField, Instant, Line, Part, Product, Sequence, Version
from manifests.release import MAX_IMAGES

MAX_RELEASES: Final = 100
"""Releases of one app that are remembered; the oldest idle ones beyond leave only history."""


class RunsAs(StrEnum):
    """How what runs of a release was started."""

    CONTAINERS = "containers"
    STACK = "stack"
    STACK_EVERYWHERE = "stack-everywhere"

    @property
    def stacked(self) -> bool:
        """Whether it is a stack of a swarm."""
        return self is not RunsAs.CONTAINERS

    @property
    def words(self) -> str:
        """The way as a person would call it."""
        return "a stack of the swarm" if self.stacked else "containers of this host"


class InstalledImage(Part):
    """An image of a release, as the engine that took it knows it.

    Attributes:
        name: full reference.
        identity: of the engine's: image ID, or digest of the manifest or index.
    """

    name: Line
    identity: DigestField


class MovedName(Part):
    """A name that an install moved.

    Attributes:
        name: full reference.
        old: what it pointed to before; None if it was not there.
        new: what it points to since.
    """

    name: Line
    old: DigestField | None = None
    new: DigestField


class InstalledRelease(Part):
    """A release whose images were loaded here.

    Attributes:
        sequence: number of the release.
        version: for people.
        sums: digest of its SHA256SUMS.
        arrived_at: when its images were first all there.
        bundle: where it was installed from, for people.
        signers: fingerprints of those who signed it.
        engine: that took it, as on the command line.
        engine_id: what tells that engine from others; empty where it did not say.
        images: for this host's platform.
        names: that it moved when it was last made active; none while it never was.
        runs_as: how what runs of it was started, or was to be.
    """

    sequence: Sequence
    version: Version
    sums: DigestField
    arrived_at: Instant
    bundle: Line = ""
    signers: Annotated[tuple[Line, ...], Field(max_length=100)] = ()
    engine: Line = ""
    engine_id: Line = ""
    images: Annotated[tuple[InstalledImage, ...], Field(max_length=MAX_IMAGES)] = ()
    names: Annotated[tuple[MovedName, ...], Field(max_length=2 * MAX_IMAGES)] = ()
    runs_as: Annotated[RunsAs, Field(strict=False)] = RunsAs.CONTAINERS

    def may_be_in(self, address: str, identity: str) -> bool:
        """Tell whether an engine may be the one that took it: it is not, where nothing fits.

        Args:
            address: how a command line names the engine.
            identity: what the engine says that it is; empty where it does not.
        """
        if self.engine_id and identity:
            return identity == self.engine_id or address == self.engine
        kind = address.partition(":")[0]
        return self.engine in ("", kind) or self.engine.startswith(f"{kind}:")


class PendingSwitch(Part):
    """A release that is being made active; one that is still here was broken off.

    Attributes:
        sequence: number of the release.
        since: when that began.
    """

    sequence: Sequence
    since: Instant


class InstalledApp(Part):
    """One app.

    Attributes:
        product: name of it.
        releases: whose images were loaded and not yet pruned, by arrival.
        active: number of the release that runs, or whose names are set; None before the first.
        previous: number of the one that was active before it.
        pending: what is being made active.
    """

    product: Product
    releases: Annotated[tuple[InstalledRelease, ...], Field(max_length=MAX_RELEASES)] = ()
    active: Sequence | None = None
    previous: Sequence | None = None
    pending: PendingSwitch | None = None

    @model_validator(mode="after")
    def _consistent(self) -> InstalledApp:
        known = self.sequences
        if len(known) != len(self.releases):
            raise ValueError("two releases have one number")
        for number in self.protected:
            if number not in known:
                raise ValueError(f"release {number} is not among the releases")
        return self

    @property
    def sequences(self) -> frozenset[int]:
        """Numbers of all its releases."""
        return frozenset(one.sequence for one in self.releases)

    @property
    def protected(self) -> frozenset[int]:
        """Numbers of the releases that must stay: active, previous, pending."""
        pending = self.pending.sequence if self.pending else None
        numbers = (self.active, self.previous, pending)
        return frozenset(one for one in numbers if one is not None)

    @property
    def current(self) -> InstalledRelease | None:
        """The active release, the newest where none is active, None where none is here."""
        return self.release(self.active) or next(reversed(self.releases), None)

    @property
    def engine(self) -> str:
        """The engine that has it, as on the command line; empty where that is not known."""
        return self.current.engine if self.current is not None else ""

    def release(self, sequence: int | None) -> InstalledRelease | None:
        """Return the release of this number, None if there is none."""
        return next((one for one in self.releases if one.sequence == sequence), None)

    @property
    def runs_as(self) -> RunsAs | None:
        """How it runs, or a switch to it was begun; None while no release of it is active."""
        begun = self.release(self.pending.sequence) if self.pending else None
        active = self.release(self.active) or begun
        return None if active is None else active.runs_as

    def outgrown(self, sequence: int, keep: int) -> tuple[InstalledRelease, ...]:
        """Return what is beyond the newest releases once `sequence` is active and one of them."""
        needed = {sequence, self.active, self.previous if self.active == sequence else None}
        others = [one for one in reversed(self.releases) if one.sequence not in needed]
        room = max(0, keep - len(self.releases) + len(others) - (sequence not in self.sequences))
        return tuple(others[room:])

    def with_arrived(self, release: InstalledRelease) -> InstalledApp:
        """Return the app after the images of `release` are there; a known one keeps its arrival."""
        known = self.release(release.sequence)
        if known is not None:
            fixed = {"arrived_at": known.arrived_at, "names": known.names}
            release = release.model_copy(update=fixed)
        others = [one for one in self.releases if one.sequence != release.sequence]
        ordered = sorted((*others, release), key=lambda one: one.arrived_at)
        spare = len(ordered) - MAX_RELEASES
        idle = [one for one in ordered if one.sequence not in self.protected | {release.sequence}]
        gone = idle[: max(0, spare)]
        return self._changed(releases=tuple(one for one in ordered if one not in gone))

    def with_pending(self, pending: PendingSwitch | None) -> InstalledApp:
        """Return the app while a release is made active, or after that was given up."""
        return self._changed(pending=pending)

    def with_active(
        self, sequence: int, names: tuple[MovedName, ...], runs_as: RunsAs | None = None
    ) -> InstalledApp:
        """Return the app after a release was made active, with the names that it moved.

        Args:
            sequence: of the release.
            names: that it moved; those of before where there are none.
            runs_as: how it was started; as is known where it was not.
        """
        changed: dict[str, object] = {"runs_as": runs_as} if runs_as else {}
        previous = self.previous if self.active == sequence else self.active
        return self._changed(
            active=sequence,
            previous=None if previous == sequence else previous,
            pending=None,
            releases=tuple(
                one.model_copy(update={"names": names or one.names, **changed})
                if one.sequence == sequence
                else one
                for one in self.releases
            ),
        )

    def without(self, sequence: int) -> InstalledApp:
        """Return the app after a release was pruned; one that must stay stays."""
        if sequence in self.protected:
            return self
        return self._changed(
            releases=tuple(one for one in self.releases if one.sequence != sequence)
        )

    def _changed(self, **fields: object) -> InstalledApp:
        return InstalledApp.model_validate({**dict(self), **fields})
