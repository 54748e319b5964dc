"""Writes the `app.yaml` that takes in what was found in a folder, with words where a choice is.

Owns the text and the file; never overwrites one. What the keys mean is in
`manifests.appmanifest.app`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from bundler.discover.detect import Chart, Detected, Project
from bundler.discover.folder import join
from bundler.discover.recognise import Kind
from manifests.errors import AppManifestError, UsageError

MAX_FILES: Final = 1000
"""Files of one kind that an `app.yaml` takes."""

_PLAIN: Final = re.compile(r"(?:\.{1,2}/)*[A-Za-z_][A-Za-z0-9_./-]*", re.ASCII)
"""Paths that no YAML reader takes for a number."""
_MEANING: Final = re.compile(r"(?i:true|false|yes|no|on|off|null|y|n)")
_NOTES: Final = {
    Kind.DOCKERFILE: "Images that builds start from; remove this where hosts only run images.",
    Kind.SLURM: "Variables that the scripts expect from outside go under environment:.",
}


def proposal(detected: Detected, name: str, prefix: str) -> str:
    """Return the text of an app manifest.

    Args:
        detected: what was found.
        name: of the product.
        prefix: path of the folder that was searched, from the manifest's folder; `.` for that.

    Raises:
        AppManifestError: `discover-too-many`: more files of a kind than a manifest takes.
    """
    lines = [
        "# Proposed by bundle discover: read it, then run: bundle resolve",
        "schema: 1",
        f"name: {json.dumps(name)}",
        "# For people. Keep the quotes: without them 1.10 would be the number 1.1.",
        'version: "0.1.0"',
        "",
        "# Files that name the app's images.",
        "sources:",
    ]
    for project in detected.projects:
        lines += _compose(project, prefix)
    for chart in detected.charts:
        lines += _helm(chart, prefix)
    for folder in detected.kustomizations:
        lines.append(f"  - kustomize: {_path(folder, prefix)}")
    for kind, paths in detected.files.items():
        lines += _files(kind, paths, prefix)
    return "".join(f"{line}\n" for line in lines)


def write_proposal(path: Path, text: str) -> None:
    """Write an app manifest where none is.

    Raises:
        UsageError: `app-exists`, or `app-unwritable`.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        hint = "choose another name, or add to it what this command shows"
        raise UsageError("app-exists", f"{path} exists", hint=hint) from error
    except OSError as error:
        raise UsageError(
            "app-unwritable", f"{path}: can't be written: {error.strerror or error}"
        ) from error


def _compose(project: Project, prefix: str) -> Iterator[str]:
    yield f"  - compose: [{', '.join(_path(path, prefix) for path in project.files)}]"
    if project.others:
        yield "    # Add those of these that you start with -f, in that order:"
        yield from _commented(project.others, prefix)
    if project.profiles:
        yield '    profiles: ["*"]  # all; or only those that are started'


def _helm(chart: Chart, prefix: str) -> Iterator[str]:
    yield f"  - helm: {_path(chart.folder, prefix)}"
    if chart.values:
        yield "    # Uncomment the values that the release is installed with:"
        yield "    # values:"
        yield from _commented(chart.values, prefix)


def _commented(paths: Iterable[str], prefix: str) -> Iterator[str]:
    return (f"    #   - {_path(path, prefix)}" for path in paths)


def _files(kind: Kind, paths: tuple[str, ...], prefix: str) -> Iterator[str]:
    if len(paths) > MAX_FILES:
        raise AppManifestError(
            "discover-too-many",
            f"expected at most {MAX_FILES} files of kind {kind}, found {len(paths)}",
            hint="run bundle discover on the folders that belong to the app",
        )
    if kind in _NOTES:
        yield f"  # {_NOTES[kind]}"
    if len(paths) == 1:
        yield f"  - {kind}: {_path(paths[0], prefix)}"
        return
    yield f"  - {kind}:"
    yield from (f"      - {_path(path, prefix)}" for path in paths)


def _path(path: str, prefix: str) -> str:
    """Return a path from the manifest's folder, quoted where YAML needs it."""
    text = join(prefix, path)
    if _PLAIN.fullmatch(text) and not _MEANING.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)
