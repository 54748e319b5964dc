"""`run:` of the app manifest -> what its files tell of images, and what they say runs.

Owns which files these are and how they are read: a Compose file that stands under `sources:` too is
read once, with the options that it has there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bundler.discover import compose
from bundler.discover.compose.notes import Notes
from bundler.discover.compose.source import Whole
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found, Place, joined
from bundler.run.composing import composed
from bundler.run.draft import Draft
from bundler.run.scene import Carried, Scene
from manifests.appmanifest.app import App
from manifests.appmanifest.run import AppRun
from manifests.appmanifest.sources import ComposeSource, MarathonSource, Source
from manifests.yaml.node import Node

_OPTIONS: Final[tuple[str, ...]] = ("profiles", "environment", "env_files")


@dataclass(frozen=True, slots=True)
class ReadRun:
    """What runs of an app, as its files say it.

    Attributes:
        found: images, GPU requests, problems and remarks; the same as a source's.
        draft: services with what they need.
        project: prefix of names on the host.
        origin: the files, for people.
        source: that was read for it, and need not be read again.
    """

    found: Found
    draft: Draft
    project: str
    origin: str
    source: Source | None


def read_run(
    app: App, subject: str, folder: DiskFolder, environ: Mapping[str, str]
) -> ReadRun | None:
    """Read what runs of an app; None where nothing does.

    Args:
        app: the manifest.
        subject: its file name, where services stand in it.
        folder: the manifest's.
        environ: of the process; only names of images are filled in from it.
    """
    if app.run is None:
        return None
    if app.run.marathon is not None:
        return _of_marathon(app, app.run, folder)
    source = compose_source(app, app.run, subject)
    default = default_project(app.name)
    whole = Whole(app.run.project or "", default, _given(app, app.run, subject))
    project = compose.read_project(source, folder, environ, whole)
    scene = Scene(project.notes, Carried(app.files))
    draft = composed(project, scene)
    _tell_nothing(draft, project.notes, Place(source.compose[0], 1))
    return ReadRun(
        found=project.found,
        draft=draft,
        project=project.settings.own["COMPOSE_PROJECT_NAME"],
        origin=", ".join(source.compose)[:1024],
        source=source,
    )


def compose_source(app: App, run: AppRun, subject: str) -> ComposeSource:
    """Return what is read: the options of the same files in `sources`, and those of `run`."""
    files = run.compose or (subject,)
    same = (one for one in app.sources if isinstance(one, ComposeSource) and one.compose == files)
    base = next(same, None) or ComposeSource(compose=files, project=run.project or "")
    own: dict[str, object] = {
        key: getattr(run, key) for key in _OPTIONS if key in run.model_fields_set
    }
    return base.model_copy(update=own)


def default_project(product: str) -> str:
    """Return what a product's containers are named after: its name, which may have dots."""
    return product.replace(".", "-")[:63]


def _given(app: App, run: AppRun, subject: str) -> dict[str, tuple[Node, ...]]:
    """Return the services that stand in the app manifest as a document of its own."""
    node = app.positions.run
    if run.services is None or node is None or not isinstance(node.value, Mapping):
        return {}
    kept = ("services", "networks", "volumes", "secrets", "configs")
    entries = {key: entry for key, entry in node.value.items() if key in kept}
    return {subject: (replace(node, value=entries),)}


def _tell_nothing(draft: Draft, notes: Notes, place: Place) -> None:
    if not draft.services and not notes.problems:
        notes.problem(
            place,
            "run-nothing",
            "expected at least one service that runs, found none",
            "name profiles under `profiles:` of `run:`, or another file",
        )


def _of_marathon(app: App, run: AppRun, folder: DiskFolder) -> ReadRun:
    from bundler.discover import marathon  # noqa: PLC0415 - start-up time
    from bundler.run.scheduling import scheduled  # noqa: PLC0415

    source = MarathonSource(marathon=run.files)
    told = marathon.read(source, folder)
    notes = Notes()
    draft = scheduled(told, Scene(notes, Carried(app.files)))
    found = joined((told.found, Found(problems=notes.problems, remarks=notes.remarks)))
    if not found.problems:
        _tell_nothing(draft, notes, Place(run.files[0], 1))
        found = replace(found, problems=notes.problems)
    project = run.project or default_project(app.name)
    same = next((one for one in app.sources if one == source), None)
    return ReadRun(found, draft, project, ", ".join(run.files)[:1024], same)
