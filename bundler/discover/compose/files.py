"""Reads the files of one compose source: each once, within bounds, its failures told.

Owns which bytes are read; what they mean is for the readers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bundler.discover.compose.env import ENV_FILE_LIMIT, Known, parse_env
from bundler.discover.compose.notes import Notes, Refused
from bundler.discover.compose.read import LIMITS
from bundler.discover.compose.shape import is_remote
from bundler.discover.compose.unexpected import check_hint
from bundler.discover.folder import Folder, Unreadable
from bundler.discover.found import Place
from manifests.yaml.node import Node
from manifests.yaml.text import MalformedYaml
from manifests.yaml.tree import load_all

MAX_FILES: Final = 200
"""Compose files of one source, one that is included twice counted twice."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file and the place that asks for it.

    Attributes:
        path: relative to the app's folder.
        place: that names it; the file itself for those of the source.
    """

    path: str
    place: Place


class Files:
    """The files of one source.

    Args:
        folder: that paths are relative to.
        notes: where failures are told.
        given: documents by path that were read before.
    """

    def __init__(
        self, folder: Folder, notes: Notes, given: Mapping[str, tuple[Node, ...]] | None = None
    ) -> None:
        self._folder = folder
        self._notes = notes
        self._documents: dict[str, tuple[Node, ...]] = dict(given or {})
        self._asked = 0

    def documents(self, wanted: Wanted) -> Sequence[Node]:
        """Return the documents of a compose file.

        Raises:
            Refused: it can't be read, or is one too many; told.
        """
        self._notes.spend(wanted.place)
        self._asked += 1
        if self._asked > MAX_FILES:
            message = f"more than {MAX_FILES} compose files, followed through include and extends"
            raise self._notes.refuse(wanted.place, "compose-too-large", message)
        if wanted.path not in self._documents:
            self._documents[wanted.path] = self._parse(wanted)
        return self._documents[wanted.path]

    def variables(self, files: Sequence[Wanted], outside: dict[str, str]) -> dict[str, str]:
        """Return what env files set; the later ones win, `outside` over all of them.

        `/dev/null` is an empty one, as the specification has it for `include`.
        """
        values: dict[str, str] = {}
        for wanted in files:
            if wanted.path == os.devnull:
                continue
            with suppress(Refused):
                data = self.read(wanted, ENV_FILE_LIMIT)
                self._notes.spend(wanted.place, 1, len(data))
                values |= parse_env(data, wanted.path, Known(outside, values), self._notes)
        return values

    def has(self, path: str) -> bool:
        """Tell whether a regular file is there."""
        return self._folder.is_file(path)

    def read(self, wanted: Wanted, limit: int) -> bytes:
        """Return a file's bytes.

        Raises:
            Refused: it can't be read.
        """
        if is_remote(wanted.path):
            message = f"expected a file here, found {wanted.path} on another machine"
            hint = "fetch it by hand, keep it beside the app, and name the copy"
            raise self._notes.refuse(wanted.place, "compose-remote", message, hint)
        try:
            return self._folder.read(wanted.path, limit)
        except Unreadable as error:
            message = f"{wanted.path} can't be read: {error}"
            hint = "correct the path, or remove it"
            raise self._notes.refuse(wanted.place, "compose-unreadable", message, hint) from error

    def _parse(self, wanted: Wanted) -> tuple[Node, ...]:
        data = self.read(wanted, LIMITS.size)
        self._notes.spend(wanted.place, 0, len(data))
        documents: list[Node] = []
        try:
            for node in load_all(data, wanted.path, LIMITS):
                self._notes.spend(Place(wanted.path, node.position.line), node.weight)
                documents.append(node)
        except MalformedYaml as error:
            place = Place(wanted.path, error.position.line, error.position.column)
            raise self._notes.refuse(
                place, "compose-yaml", error.reason, check_hint(wanted.path)
            ) from error
        return tuple(documents)
