"""Which of the app's waivers covers what: images that sources name, and names never resolved.

A waived image is left out whether or not it could be had: what a bundle holds must not depend on
who happened to be logged in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bundler.discover.folder import STDIN, Folder, Unreadable
from bundler.discover.found import Mention, Place, Problem
from manifests.appmanifest.entries import AppWaiver
from manifests.reference import MalformedReference, Reference

WINDOW: Final = 4096
"""Characters of a line that are searched for a waived name, before and after its place."""
_BEFORE: Final = r"(?<![^\s\"'`=,\[{(])"
_AFTER: Final = r"(?![^\s\"'`,;\]})])"
"""What stands around a name in YAML, JSON, Dockerfiles and scripts."""


class Waivers:
    """The app's waivers, and where each was needed.

    Attributes:
        needed: mentions of each one's image, by the waiver's number.
    """

    def __init__(self, waivers: Sequence[AppWaiver], folder: Folder) -> None:
        """Take the waivers of the app manifest, and the folder of the files with problems."""
        self.needed: dict[int, list[Mention]] = {}
        self._texts = {waiver.image: number for number, waiver in enumerate(waivers)}
        self._names: dict[str, int] = {}
        for number, waiver in enumerate(waivers):
            try:
                self._names[str(Reference.parse(waiver.image))] = number
            except MalformedReference:
                continue
        self._lines = _Lines(folder)

    def cover(self, mention: Mention, reference: Reference | None) -> bool:
        """Tell whether an image is waived: as written, as meant, or its tag without the digest.

        Args:
            mention: that names it.
            reference: what it names; None where that is no reference.
        """
        names = (str(reference), reference.tagged or "") if reference else ()
        numbers = [self._texts.get(mention.written), *map(self._names.get, names)]
        number = next((one for one in numbers if one is not None), None)
        if number is not None:
            self.needed.setdefault(number, []).append(mention)
        return number is not None

    def cover_problem(self, problem: Problem) -> bool:
        """Tell whether a problem is that of a name which is waived as it is written.

        The name stands in the line of the problem, or in its message.
        """
        if not self._texts:
            return False
        said = f"{self._lines.around(problem.place)}\n{problem.message}"
        for text, number in self._texts.items():
            if text in said and re.search(f"{_BEFORE}{re.escape(text)}{_AFTER}", said):
                mention = Mention(text, problem.place, "unresolved")
                self.needed.setdefault(number, []).append(mention)
                return True
        return False


class _Lines:
    """Single lines of files, found by going on from the last one: files may have millions."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._file = ""
        self._data = b""
        self._number = 1
        self._start = 0

    def around(self, place: Place) -> str:
        """Return the line of a place, of a long one what is near; empty when it is not there."""
        if place.file != self._file:
            self._file, self._data = place.file, self._read(place.file)
            self._number, self._start = 1, 0
        if place.line < self._number:
            self._number, self._start = 1, 0
        while self._number < place.line:
            end = self._data.find(b"\n", self._start)
            if end < 0:
                return ""
            self._number, self._start = self._number + 1, end + 1
        first = self._start + max(0, place.column - 1 - WINDOW)
        piece = self._data[first : self._start + place.column + WINDOW].partition(b"\n")[0]
        return piece.decode("utf-8", errors="replace")

    def _read(self, file: str) -> bytes:
        try:
            return b"" if file == STDIN else self._folder.read(file)
        except Unreadable:
            return b""
