"""Reads what runs from files written on the spot, as `bundle build` would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bundler.discover.folder import DiskFolder
from bundler.discover.found import Problem
from bundler.run.reading import ReadRun, read_run
from manifests.appmanifest.app import App
from manifests.interpolation import interpolate
from manifests.service import Service

HEAD = 'schema: 1\nname: viz.app\nversion: "1"\n'


def read(folder: Path, app: str, environ: Mapping[str, str] | None = None) -> ReadRun:
    """Read what an app manifest's text says runs."""
    parsed = App.parse((HEAD + app).encode(), "app.yaml")
    found = read_run(parsed, "app.yaml", DiskFolder(folder), environ or {})
    assert found is not None
    return found


def read_compose(folder: Path, text: str, more: str = "") -> ReadRun:
    """Read a Compose file of this text."""
    (folder / "compose.yaml").write_text(text)
    return read(folder, f"run: compose.yaml\n{more}")


def service(folder: Path, keys: str, top: str = "", more: str = "") -> Service:
    """Return the one service of a Compose file whose keys are a YAML flow mapping."""
    text = f"services: {{a: {{image: x, {keys}}}}}\n{top}\n"
    found = read_compose(folder, text, more)
    assert not found.found.problems, found.found.problems
    (one,) = found.draft.services
    return one


def problems(folder: Path, keys: str, top: str = "") -> tuple[Problem, ...]:
    """Return the problems of such a service."""
    return read_compose(folder, f"services: {{a: {{image: x, {keys}}}}}\n{top}\n").found.problems


def remarks(found: ReadRun) -> list[str]:
    return [one.message for one in found.found.remarks]


def filled(found: ReadRun, template: str) -> str:
    """Return a template as a host without any settings fills it in."""
    known = {one.name: one.default for one in found.draft.variables if one.default is not None}
    return interpolate(template, known).text
