"""What all sources told and what the app manifest lists -> each image once, with all its places.

Owns what makes two names one image: registry, repository and tag are the same, as Docker fills
them in; without a tag, the digest. Asks nobody: what a tag names is for `resolve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bundler.discover.folder import Folder
from bundler.discover.found import Found, Mention, Place, Problem, Remark
from bundler.discover.waive import Waivers
from bundler.resolve import WantedImage
from manifests.appmanifest.app import App
from manifests.appmanifest.entries import AppImage, AppWaiver
from manifests.appmanifest.fields import OriginKind
from manifests.digest import Digest
from manifests.layerpolicy import LayerPolicy
from manifests.platform import Platform
from manifests.reference import MalformedReference, Reference
from manifests.release import MAX_IMAGES

LISTED: Final = "images"
"""Who names an image that the app manifest lists itself."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says for every image.

    Attributes:
        default: platform where the app names none: the building machine's.
        policy: instead of every image's own; None to leave them.
        platforms: instead of the app's and the images' own; empty to leave them.
        origin: instead of every image's own; `auto` to leave them.
    """

    default: Platform
    policy: LayerPolicy | None = None
    platforms: tuple[Platform, ...] = ()
    origin: str = str(OriginKind.AUTO)


@dataclass(frozen=True, slots=True)
class Waived:
    """A waiver that was needed, and where."""

    waiver: AppWaiver
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """All that an app's files want.

    Attributes:
        images: those of the app manifest in its order, then the others by name.
        problems: of sources, references and digests; waived ones left out.
        remarks: of sources, and of waivers that nothing needed.
        waived: waivers that were needed.
    """

    images: tuple[WantedImage, ...]
    problems: tuple[Problem, ...]
    remarks: tuple[Remark, ...]
    waived: tuple[Waived, ...]


@dataclass(slots=True)
class _Group:
    """All that names one image."""

    reference: Reference
    entry: AppImage | None = None
    listed: Mention | None = None
    mentions: list[Mention] = field(default_factory=list)

    @property
    def all(self) -> tuple[Mention, ...]:
        return (*((self.listed,) if self.listed else ()), *self.mentions)


def merge(app: App, subject: str, found: Found, folder: Folder, overrides: Overrides) -> Merged:
    """Put together what the app manifest and its sources name.

    Args:
        app: the manifest.
        subject: its file name, for places.
        found: what all sources told.
        folder: the manifest's.
        overrides: of the command line.
    """
    waivers = Waivers(app.waived, folder)
    problems = [one for one in found.problems if not waivers.cover_problem(one)]
    groups: dict[str, _Group] = {}
    for number, entry in enumerate(app.images):
        listed = Mention(entry.image, _position(app, subject, number), LISTED)
        groups[_key(entry.reference)] = _Group(entry.reference, entry, listed)
    found_groups, malformed = _grouped(found.mentions, waivers, groups)
    wanted: list[WantedImage] = []
    for group in [*groups.values(), *sorted(found_groups, key=lambda one: one.reference)]:
        clash = _clash(group)
        problems += [clash] if clash else []
        wanted += [] if clash else [_wanted(app, group, overrides)]
    problems += malformed
    if wrong := _wrong_number(wanted, problems, subject):
        problems, wanted = [*problems, wrong], []
    return Merged(
        images=tuple(wanted),
        problems=tuple(sorted(problems, key=lambda one: one.place)),
        remarks=(*found.remarks, *_needless(app, subject, waivers)),
        waived=tuple(
            Waived(app.waived[number], tuple(mentions))
            for number, mentions in sorted(waivers.needed.items())
        ),
    )


def _position(app: App, subject: str, number: int) -> Place:
    positions = app.positions.images
    if number >= len(positions):
        return Place(subject, 1)
    return Place(subject, positions[number].line, positions[number].column)


def _key(reference: Reference) -> str:
    return reference.tagged or str(reference)


def _grouped(
    mentions: Iterable[Mention], waivers: Waivers, listed: dict[str, _Group]
) -> tuple[list[_Group], list[Problem]]:
    """Add each mention to the listed image that it names, or to a group of its own."""
    groups: dict[str, _Group] = {}
    problems: list[Problem] = []
    for mention in mentions:
        reference = _reference(mention)
        if waivers.cover(mention, reference if isinstance(reference, Reference) else None):
            continue
        if isinstance(reference, Problem):
            problems.append(reference)
            continue
        key = _key(reference)
        group = listed.get(key) or groups.setdefault(key, _Group(reference))
        group.mentions.append(mention)
    return list(groups.values()), problems


def _reference(mention: Mention) -> Reference | Problem:
    try:
        return Reference.parse(mention.written)
    except MalformedReference as error:
        hint = "write [registry/]repository[:tag][@digest], or waive it with a reason in `waived`"
        return Problem(mention.place, error.code, f"{mention.by}: {error}", hint)


def _digest(mention: Mention) -> Digest | None:
    return Reference.parse(mention.written).digest


def _clash(group: _Group) -> Problem | None:
    """Return what is wrong with a name that is written with two digests."""
    pinned = [one for one in group.all if _digest(one) is not None]
    for one in pinned[1:]:
        if _digest(one) != _digest(pinned[0]):
            return Problem(
                one.place,
                "digest-disagrees",
                f"{_key(group.reference)} names two images: {_digest(one)} here,"
                f" {_digest(pinned[0])} at {pinned[0].place}",
                "write the same digest at both places, or leave it out at both",
            )
    return None


def _wanted(app: App, group: _Group, overrides: Overrides) -> WantedImage:
    reference, agreeing = _settled(group)
    return WantedImage(
        reference=reference,
        written=group.all[0].written,
        policy=overrides.policy or (group.entry.layers if group.entry else LayerPolicy.AUTO),
        platforms=_platforms(app, group, overrides),
        origin=_origin(group, overrides),
        mentions=group.all,
        agreeing=agreeing,
    )


def _settled(group: _Group) -> tuple[Reference, tuple[Mention, ...]]:
    """Return what is looked up, and the mentions whose digest must be what is found.

    A digest that the app manifest lists is its author's word for every place. Elsewhere a digest
    beside a tag stands for itself, however the tag moved since; but where another place has the
    tag alone, the app would run two images under one name.
    """
    if group.listed is not None and _digest(group.listed) is not None:
        return group.reference, ()
    pinned = tuple(one for one in group.mentions if _digest(one) is not None)
    if not pinned:
        return group.reference, ()
    by_digest = Reference.parse(pinned[0].written)
    if len(pinned) == len(group.mentions):
        return by_digest, ()
    return replace(by_digest, digest=None), pinned


def _platforms(app: App, group: _Group, overrides: Overrides) -> tuple[Platform, ...]:
    """Return every platform that a place asks for by name, and the app's where one does not."""
    own = group.entry.platforms if group.entry else ()
    usual = overrides.platforms or own or app.platforms or (overrides.default,)
    asked = list(usual) if own or not group.mentions else []
    for mention in group.mentions:
        asked += [mention.platform] if mention.platform else usual
    return tuple(dict.fromkeys(asked))


def _origin(group: _Group, overrides: Overrides) -> str:
    """Return where an image comes from; what the app builds itself, only from the local engine.

    A registry is not asked for it: whoever has that name there is not who built it here.
    """
    if overrides.origin != OriginKind.AUTO:
        return overrides.origin
    if group.entry is not None and group.entry.origin.kind is not OriginKind.AUTO:
        return str(group.entry.origin)
    if any(mention.built for mention in group.mentions):
        return str(OriginKind.DOCKER)
    return str(OriginKind.AUTO)


def _wrong_number(
    images: Sequence[WantedImage], problems: Sequence[Problem], subject: str
) -> Problem | None:
    """Return what is wrong with an app of no images, or of more than a bundle can hold."""
    if len(images) > MAX_IMAGES:
        message = f"expected at most {MAX_IMAGES} images, found {len(images)}"
        return Problem(Place(subject, 1), "images-too-many", message, "make several apps of it")
    if images or problems:
        return None
    hint = "bundle discover PATH shows what is found in a folder; list images under `images`"
    message = "expected at least one image, found none in any of the sources that is not waived"
    return Problem(Place(subject, 1), "images-none", message, hint)


def _needless(app: App, subject: str, waivers: Waivers) -> list[Remark]:
    return [
        Remark(
            Place(subject, position.line, position.column),
            f"the waiver of {app.waived[number].image} is not needed: no source names it",
        )
        for number, position in enumerate(app.positions.waived)
        if number not in waivers.needed
    ]
