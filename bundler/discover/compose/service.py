"""What one compose service says of images: its own, those of its volumes, and what it asks for.

Source: Compose specification, "image", "build", "platform", "volumes" and "depends_on".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bundler.discover.compose.notes import Notes
from bundler.discover.compose.shape import UNKNOWN
from bundler.discover.compose.tree import Value
from bundler.discover.found import Mention
from manifests.platform import MalformedPlatform, Platform

_SYSTEMS: Final = frozenset({"", "linux", "windows", "darwin", "freebsd"})


@dataclass(frozen=True, slots=True)
class Service:
    """An active service of the whole app.

    Attributes:
        name: of it.
        value: a mapping, merged and extended.
    """

    name: str
    value: Value

    @property
    def by(self) -> str:
        """Who names its images."""
        return f"service {self.name}"

    @property
    def build(self) -> Value | None:
        """Its build, where it is built."""
        build = self.value.at("build")
        return build if build is not None and isinstance(build.content, Mapping) else None

    @property
    def incomplete(self) -> bool:
        """Whether what names its image can't be known, which was told."""
        return self.value.at(UNKNOWN) is not None


def is_active(service: Value, active: Collection[str], notes: Notes) -> bool:
    """Tell whether a service is started with these profiles.

    Raises:
        Refused: too much, as `Notes.spend` says.
    """
    names = _profiles(service)
    notes.spend(service.place, len(names))
    return not names or "*" in active or not names.isdisjoint(active)


def mentions(service: Service, default_name: str, notes: Notes) -> Iterator[Mention]:
    """Yield the images that a service names; what keeps one from being known is told.

    Args:
        service: an active one.
        default_name: of the image of a service that is only built; empty when the project has
            no name.
        notes: where problems are told.

    Raises:
        Refused: too much, as `Notes.spend` says.
    """
    platform = platform_of(service, notes)
    image = service.value.at("image")
    if image is not None and (image.text or image.unset or not image.known):
        yield from _named(image, service.by, platform, notes, built=service.build is not None)
    elif service.build is not None:
        yield from _built(service, default_name, platform, notes)
    else:
        _tell_imageless(service, notes)
    yield from _volumes(service, platform, notes)


def _named(
    image: Value, by: str, platform: Platform | None, notes: Notes, *, built: bool = False
) -> Iterator[Mention]:
    """Yield the image that a text names, unless it can't be known, which is told."""
    for name in image.unset:
        _tell_unset(name, image, by, notes)
    if image.known and image.text and not image.unset:
        yield Mention(image.text, image.place, by, platform, built)


def _built(
    service: Service, default_name: str, platform: Platform | None, notes: Notes
) -> Iterator[Mention]:
    if default_name:
        yield Mention(default_name, service.value.key, service.by, platform, built=True)
        return
    notes.problem(
        service.value.key,
        "compose-project-name",
        f"expected a project name, which the image of {service.by} is named after, found none",
        "write `name:` at the top of the file, or `project:` in this source",
    )


def _tell_imageless(service: Service, notes: Notes) -> None:
    provider = service.value.at("provider")
    if provider is not None:
        kind = provider.at("type")
        what = kind.text if kind is not None else ""
        notes.remark(
            provider.place, f"{service.by} comes from the provider {what!r}: nothing is carried"
        )
        return
    image = service.value.at("image")
    found = "neither" if image is None or image.content is None else "an empty one"
    if not service.incomplete:
        notes.problem(
            service.value.key if image is None else image.place,
            "compose-image-missing",
            f"expected an image or a build in {service.by}, found {found}",
            "name its image, or remove the service",
        )


def _tell_unset(name: str, image: Value, by: str, notes: Notes) -> None:
    notes.problem(
        image.place,
        "compose-variable-unset",
        f"expected a value of {name} in the image of {by}, found none",
        f"set {name} under `environment:` of this source, in .env, or in the environment;"
        f" or write ${{{name}:-default}}",
    )


def _volumes(service: Service, platform: Platform | None, notes: Notes) -> Iterator[Mention]:
    """Yield the images that are mounted: `type: image`."""
    volumes = service.value.at("volumes")
    for _, volume in volumes.entries if volumes is not None else ():
        notes.spend(volume.place)
        kind, source = volume.at("type"), volume.at("source")
        if kind is None or kind.text != "image" or source is None:
            continue
        yield from _named(source, f"{service.by}, image volume", platform, notes)


def platform_of(service: Service, notes: Notes) -> Platform | None:
    """Return the platform that a service asks for by name; one that is none is told."""
    value = service.value.at("platform")
    if value is None or value.unset or not value.known or value.text in _SYSTEMS:
        return None
    text = value.text if "/" in value.text else f"linux/{value.text}"
    try:
        return Platform.parse(text)
    except MalformedPlatform as error:
        notes.problem(
            value.place, "compose-platform", str(error), "write it as os/architecture[/variant]"
        )
        return None


def check_dependencies(
    service: Service, services: Mapping[str, Value], active: Collection[str], notes: Notes
) -> None:
    """Tell services that a service needs and that are not active, or not there.

    Args:
        service: an active one.
        services: all of the app by name.
        active: profiles.
        notes: where problems are told.

    Raises:
        Refused: too much, as `Notes.spend` says.
    """
    for key in ("depends_on", "links"):
        needed = service.value.at(key)
        for name, value in needed.entries if needed is not None else ():
            notes.spend(value.place)
            required, other = value.at("required"), services.get(name)
            if required is not None and required.content is False:
                continue
            if other is None:
                _tell_needed(service, value, f"{name}, which no file defines", notes)
            elif not is_active(other, active, notes):
                profiles = ", ".join(sorted(_profiles(other)))
                _tell_needed(service, value, f"{name}, whose profile {profiles} is not on", notes)


def _profiles(service: Value) -> set[str]:
    profiles = service.at("profiles")
    return {one.text for one in profiles.items} if profiles is not None else set()


def _tell_needed(service: Service, value: Value, what: str, notes: Notes) -> None:
    notes.problem(
        value.key,
        "compose-depends-on",
        f"{service.by} needs service {what}",
        "correct the name, add the profile to `profiles:` of this source,"
        " or write `required: false` there",
    )
