"""Which of the app's waivers covers what: images that sources name, and names never resolved.

A waived image is left out whether or not it could be had: what a bundle holds must not depend on
who happened to be logged in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bundler.discover.folder import STDIN, Folder, Unreadable
from bundler.discover.found import Mention, Place, Problem
from manifests.appentries import AppWaiver
from manifests.reference import Reference

_BEFORE = r"(?<![^\s\"'`=,\[{(])"
_AFTER = r"(?![^\s\"'`,;\]})])"
"""What stands around a name in YAML, JSON, Dockerfiles and scripts."""


@dataclass(slots=True)
class Waivers:
    """The app's waivers, and where each was needed.

    Attributes:
        waivers: of the app manifest.
        folder: where the files of problems are read.
        needed: places that name each one's image, by the waiver's number.
    """

    waivers: Sequence[AppWaiver]
    folder: Folder
    needed: dict[int, list[Mention]] = field(default_factory=dict)
    _files: dict[str, list[str]] = field(default_factory=dict)

    def cover(self, mention: Mention, reference: Reference | None) -> bool:
        """Tell whether an image is waived.

        Args:
            mention: that names it.
            reference: what it names; None where that is no reference.
        """
        for number, waiver in enumerate(self.waivers):
            if waiver.covers(mention.written, reference):
                self.needed.setdefault(number, []).append(mention)
                return True
        return False

    def cover_problem(self, problem: Problem) -> bool:
        """Tell whether a problem is that of a name which is waived as it is written.

        The name stands in the line of the problem, or in its message.
        """
        if not self.waivers:
            return False
        texts = (self._line(problem.place), problem.message)
        for number, waiver in enumerate(self.waivers):
            name = re.compile(f"{_BEFORE}{re.escape(waiver.image)}{_AFTER}")
            if any(name.search(text) for text in texts):
                mention = Mention(waiver.image, problem.place, "unresolved")
                self.needed.setdefault(number, []).append(mention)
                return True
        return False

    def _line(self, place: Place) -> str:
        if place.file not in self._files:
            self._files[place.file] = self._lines(place.file)
        lines = self._files[place.file]
        return lines[place.line - 1] if 0 < place.line <= len(lines) else ""

    def _lines(self, file: str) -> list[str]:
        if file == STDIN:
            return []
        try:
            return self.folder.read(file).decode("utf-8", errors="replace").split("\n")
        except Unreadable:
            return []
