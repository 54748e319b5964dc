"""Docker Compose files: the images of all active services, and the GPUs that they ask for.

The entry of the `compose` modules: `project` settles what holds for all files,
`load` gives the services, `service`, `gpu` and `build` say what each
of them names.

Source: Compose specification, as Docker Compose 2.40 carries it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from bundler.discover.compose.build import Builds
from bundler.discover.compose.files import Files, Wanted
from bundler.discover.compose.gpu import gpu_requests
from bundler.discover.compose.load import Loader, Project, Sections
from bundler.discover.compose.notes import Notes, Refused
from bundler.discover.compose.project import (
    Settings,
    own_variables,
    read_settings,
    remark_override,
)
from bundler.discover.compose.service import Service, check_dependencies, is_active, mentions
from bundler.discover.compose.tree import Merge, Value
from bundler.discover.compose.unexpected import Unexpected, tell_unexpected
from bundler.discover.folder import Folder, join
from bundler.discover.found import Found, GpuRequest, Mention, Place, joined
from manifests.appmanifest.sources import ComposeSource
from manifests.yaml.node import Node


@dataclass(frozen=True, slots=True)
class ImageNamer:
    """How images are named that are built and not named: `-` since version 2, `_` before."""

    project: str
    separator: str

    def name(self, service: Service) -> str:
        """Return the name of a service's image; empty where the project has none."""
        return f"{self.project}{self.separator}{service.name}" if self.project else ""


@dataclass(frozen=True, slots=True)
class Composed:
    """A project as it was read.

    Attributes:
        services: that are started.
        sections: all that it has by name; what stands beside services only where it is read in
            whole.
        settings: that hold for all of it.
        namer: names images that are built.
        files: that it was read from.
        notes: where more may be told.
        parts: what services tell of images.
    """

    services: tuple[Service, ...]
    sections: Sections
    settings: Settings
    namer: ImageNamer
    files: Files
    notes: Notes
    parts: tuple[Found, ...]

    @property
    def found(self) -> Found:
        """All that was told up to now."""
        told = Found(problems=self.notes.problems, remarks=self.notes.remarks)
        return joined((*self.parts, told))


@dataclass(frozen=True, slots=True)
class Whole:
    """What a project is called that is read in whole, to be run.

    Attributes:
        project: name on the host; empty for the one that its files give.
        default: name where nobody gives one.
        given: documents by path that were read before.
    """

    project: str
    default: str
    given: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)


def discover(source: ComposeSource, folder: Folder, environ: Mapping[str, str]) -> Found:
    """Return the images that compose files name.

    Args:
        source: files and options.
        folder: the app manifest's.
        environ: variables of the process; those of the source win.
    """
    return read_project(source, folder, environ).found


def read_project(
    source: ComposeSource, folder: Folder, environ: Mapping[str, str], whole: Whole | None = None
) -> Composed:
    """Read compose files; see `discover`.

    Args:
        source: files and options.
        folder: the app manifest's.
        environ: variables of the process; those of the source win.
        whole: where all is kept, not only what can say something of images.
    """
    notes = Notes()
    files = Files(folder, notes, whole.given if whole else None)
    source = source.model_copy(update={"compose": tuple(join(".", one) for one in source.compose)})
    settings = read_settings(source, folder, environ, files, notes)
    if whole is not None:
        name = whole.project or settings.given or whole.default
        own = {**own_variables(source, environ, files), "COMPOSE_PROJECT_NAME": name}
        settings = replace(settings, own=own)
    remark_override(source, files, notes)
    loader = Loader(files, notes)
    wanted = [Wanted(file, Place(file, 1)) for file in source.compose]
    project = Project(
        settings.folder, settings.variables, source.compose, settings.own if whole else None
    )
    sections = loader.load(wanted, project)
    loaded = _there(sections["services"], wanted[0].place, notes)
    services = _active(loaded, wanted[0].place, settings, notes)
    namer = ImageNamer(settings.name, "_" if loader.old_shape else "-")
    parts = [_images(service, namer, settings, notes) for service in services]
    if loader.complete:
        _check(services, loaded, settings, notes)
    if source.bases:
        parts += _bases(services, files, settings, notes)
    sections = {**sections, "services": loaded}
    return Composed(tuple(services), sections, settings, namer, files, notes, tuple(parts))


def _there(services: Mapping[str, Value], start: Place, notes: Notes) -> dict[str, Value]:
    """Return the services that were not reset; a source without any is told."""
    found: dict[str, Value] = {}
    for name, value in services.items():
        if value.merge is Merge.RESET:
            continue
        if isinstance(value.content, Mapping):
            found[name] = value
        else:
            tell_unexpected(Unexpected(value, f"a mapping for service {name}"), notes)
    if not found and not notes.problems:
        notes.problem(
            start,
            "compose-malformed",
            "expected services, found none",
            "name the file that has `services:`, or remove this source",
        )
    return found


def _active(
    services: Mapping[str, Value], start: Place, settings: Settings, notes: Notes
) -> list[Service]:
    """Return the services that are started."""
    found: list[Service] = []
    with suppress(Refused):
        for name, value in services.items():
            if is_active(value, settings.profiles, notes):
                found.append(Service(name, value))
    if services and not found and not notes.problems:
        notes.remark(start, "no service is active: name profiles under `profiles:` of this source")
    return found


def _images(service: Service, namer: ImageNamer, settings: Settings, notes: Notes) -> Found:
    told: list[Mention] = []
    gpus: list[GpuRequest] = []
    with suppress(Refused):
        told.extend(mentions(service, namer.name(service), notes))
        gpus.extend(gpu_requests(service.value, service.by, settings.variables, notes))
    return Found(mentions=tuple(told), gpus=tuple(gpus))


def _check(
    services: Sequence[Service], loaded: Mapping[str, Value], settings: Settings, notes: Notes
) -> None:
    with suppress(Refused):
        for service in services:
            check_dependencies(service, loaded, settings.profiles, notes)


def _bases(
    services: Sequence[Service], files: Files, settings: Settings, notes: Notes
) -> Iterator[Found]:
    """Yield what services are built from, the same Dockerfile told once a service."""
    from bundler.discover.dockerfile import discover_text  # noqa: PLC0415 - only for `bases: true`

    builds = Builds(files, settings.variables, notes, discover_text)
    for service in services:
        with suppress(Refused):
            yield builds.bases(service)
