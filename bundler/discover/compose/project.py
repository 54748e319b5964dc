"""What holds for a whole compose source: its variables, its project's name, its active profiles.

Source: Compose specification, "Version and name top-level elements", "Profiles" and
"Interpolation"; Docker's "Environment variables precedence" and "Pre-defined environment
variables" for `COMPOSE_...`.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from bundler.discover.compose.files import Files, Wanted
from bundler.discover.compose.notes import Notes, Refused
from bundler.discover.compose.read import entries
from bundler.discover.folder import DiskFolder, Folder, join, parent
from bundler.discover.found import Place
from manifests.appmanifest.sources import ComposeSource
from manifests.interpolation import MalformedInterpolation, interpolate

MAIN_NAMES: Final = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""Files that Docker Compose reads by itself, the first that is there."""
OVERRIDE_NAMES: Final = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
"""Files that it then puts over that one, the first that is there."""
_OUTSIDE_NAME = re.compile(r"[^a-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for all files of a source.

    Attributes:
        folder: of the first file; paths are relative to it.
        variables: that are filled in, the project's name among them.
        name: of the project; empty when there is none.
        profiles: that are active.
        given: name of the project that somebody gave; empty where it is the folder's.
        own: variables without the process's.
    """

    folder: str
    variables: Mapping[str, str]
    name: str
    profiles: frozenset[str]
    given: str = ""
    own: Mapping[str, str] = field(default_factory=dict)


def read_settings(
    source: ComposeSource, folder: Folder, environ: Mapping[str, str], files: Files, notes: Notes
) -> Settings:
    """Return the settings of a source."""
    base = parent(source.compose[0])
    outside = {**environ, **source.environment}
    variables = files.variables(_env_files(source, outside, base, files), outside) | outside
    given = _project_name(source, variables, files, notes)
    name = given or _folder_name(folder, base)
    return Settings(
        folder=base,
        variables={**variables, "COMPOSE_PROJECT_NAME": name},
        name=name,
        profiles=frozenset(_profiles(source, variables)),
        given=given,
    )


def own_variables(
    source: ComposeSource, environ: Mapping[str, str], files: Files
) -> dict[str, str]:
    """Return the variables that belong to a source: nothing comes from the process.

    Args:
        source: whose.
        environ: of the process, which may say where the source's own lie.
        files: to read them from.
    """
    outside, base = dict(source.environment), parent(source.compose[0])
    wanted = _env_files(source, {**environ, **outside}, base, files)
    return files.variables(wanted, outside) | outside


def remark_override(source: ComposeSource, files: Files, notes: Notes) -> None:
    """Tell an override file that Docker Compose would read by itself and that was not named."""
    main = source.compose[0]
    if len(source.compose) > 1 or posixpath.basename(main) not in MAIN_NAMES:
        return
    paths = (join(parent(main), name) for name in OVERRIDE_NAMES)
    found = next((path for path in paths if files.has(path)), None)
    if found is not None:
        notes.remark(
            Place(found, 1),
            f"not read: `docker compose` alone puts {found} over {main};"
            f" write `compose: [{main}, {found}]` to have both",
        )


def _env_files(
    source: ComposeSource, outside: Mapping[str, str], base: str, files: Files
) -> tuple[Wanted, ...]:
    place = Place(source.compose[0], 1)
    names = source.env_files or tuple(
        filter(None, (one.strip() for one in outside.get("COMPOSE_ENV_FILES", "").split(",")))
    )
    if names:
        return tuple(Wanted(name, place) for name in names)
    default = Wanted(join(base, ".env"), place)
    disabled = outside.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in ("1", "t", "true")
    return () if disabled or not files.has(default.path) else (default,)


def _profiles(source: ComposeSource, variables: Mapping[str, str]) -> Iterable[str]:
    named = source.profiles or variables.get("COMPOSE_PROFILES", "").split(",")
    return filter(None, (profile.strip() for profile in named))


def _project_name(
    source: ComposeSource, variables: Mapping[str, str], files: Files, notes: Notes
) -> str:
    """Return the name that somebody gave; empty when nobody did."""
    given = source.project or variables.get("COMPOSE_PROJECT_NAME", "")
    if given and _normalized(given) != given:
        notes.problem(
            Place(source.compose[0], 1),
            "compose-project-name",
            "expected a project name of lower-case letters, digits, - and _, which begins with a"
            f" letter or digit, found {given!r}",
            f"name it {_normalized(given) or 'app'!r} in `project:` of this source",
        )
    if given:
        return _normalized(given)
    name = ""
    for file in source.compose:
        with suppress(Refused):
            name = _name_in(Wanted(file, Place(file, 1)), variables, files) or name
    return name


def _name_in(wanted: Wanted, variables: Mapping[str, str], files: Files) -> str:
    """Return the last name that a file's documents give."""
    name = ""
    for document in files.documents(wanted):
        entry = entries(document).get("name")
        if entry is not None and isinstance(entry.node.value, str):
            with suppress(MalformedInterpolation):
                name = _normalized(interpolate(entry.node.value, variables).text) or name
    return name


def _normalized(name: str) -> str:
    return _OUTSIDE_NAME.sub("", name.lower()).lstrip("_-")


def _folder_name(folder: Folder, base: str) -> str:
    """Return the name that the folder of the first file gives to a project."""
    where = os.path.join(folder.base, base) if isinstance(folder, DiskFolder) else base  # noqa: PTH118
    return _normalized(os.path.basename(os.path.abspath(where)))  # noqa: PTH100, PTH119
