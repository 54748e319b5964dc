"""`include:` entries of a compose file: which files, from which folder, with which env files.

Source: Compose specification, "Include".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bundler.discover.compose.files import Wanted
from bundler.discover.compose.notes import Notes, Refused
from bundler.discover.compose.shape import is_remote
from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected, tell_unexpected
from bundler.discover.folder import join, parent
from bundler.discover.found import Place


@dataclass(frozen=True, slots=True)
class Include:
    """One entry.

    Attributes:
        place: of it.
        files: at least one; they are merged.
        folder: that the files' paths are relative to.
        env_files: instead of `.env` in that folder; empty for that.
    """

    place: Place
    files: tuple[Wanted, ...]
    folder: str
    env_files: tuple[Wanted, ...]


def read_includes(include: Value, base: str, notes: Notes) -> Iterator[Include]:
    """Yield the entries of an `include:`, without those that are wrong, which are told.

    Args:
        include: its value.
        base: folder that its paths are relative to.
        notes: where problems are told.
    """
    if not isinstance(include.content, tuple):
        if include.content is not None:
            tell_unexpected(Unexpected(include, "a list of files"), notes)
        return
    for item in include.content:
        try:
            yield _read(item, base, notes)
        except Unexpected as error:
            tell_unexpected(error, notes)
        except Refused:
            continue


def _read(item: Value, base: str, notes: Notes) -> Include:
    path = item.at("path") if isinstance(item.content, Mapping) else item
    if path is None:
        raise Unexpected(item, "`path:` with a file")
    files = tuple(_wanted(path, base, notes))
    if not files:
        raise Unexpected(path, "a file or a list of files")
    env = item.at("env_file")
    env_files = tuple(_wanted(env, base, notes)) if env is not None else ()
    folder = item.at("project_directory")
    where = join(base, folder.text) if folder and folder.text else parent(files[0].path)
    return Include(item.place, files, where, env_files)


def _wanted(value: Value, base: str, notes: Notes) -> Iterator[Wanted]:
    for one in value.items or (value,):
        if not isinstance(one.content, str) or not one.content:
            raise Unexpected(one, "a path")
        for name in one.unset:
            raise notes.refuse(
                one.place,
                "compose-variable-unset",
                f"expected a value of {name} in the path of a file, found none",
                f"set {name} under `environment:` of this source, or in .env",
            )
        yield Wanted(one.content if is_remote(one.content) else join(base, one.content), one.place)
