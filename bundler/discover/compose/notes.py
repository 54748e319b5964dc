"""Problems and remarks of one compose source while it is read: each told once, within a bound.

Decides nothing: readers tell what they met, `compose` takes it all at the end.
"""

from __future__ import annotations

from typing import Final

from bundler.discover.found import Place, Problem, Remark
from manifests.safetext import safe_line

MAX_NOTES: Final = 200
"""Problems, and remarks, of one source; more would not be read by anybody."""
MAX_WORK: Final = 200_000
"""Keys, values and variables taken from all files of one source, each extension counted again."""
MAX_CHARACTERS: Final = 4 * 1024 * 1024
"""Characters of all files and of texts after variables were filled in, together."""


class Refused(Exception):
    """A part of the files that can't be used; its problem was told before."""


class Notes:
    """What was met, and how much work may still be done for one source."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self._remarks: dict[Remark, None] = {}
        self._work = MAX_WORK
        self._characters = MAX_CHARACTERS
        self._exhausted = False

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, in the order of the files and their lines."""
        return tuple(sorted(self._problems, key=lambda one: one.place))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """All remarks, in the order of the files and their lines."""
        return tuple(sorted(self._remarks, key=lambda one: one.place))

    def problem(self, place: Place, code: str, message: str, hint: str = "") -> None:
        """Tell a problem once; beyond `MAX_NOTES` only that there are more."""
        if len(self._problems) > MAX_NOTES:
            return
        if len(self._problems) == MAX_NOTES:
            code, hint = "compose-too-large", "mend those above first"
            message = f"more than {MAX_NOTES} problems: the others are not listed"
        one = Problem(place, code, safe_line(message, limit=1000), safe_line(hint, limit=1000))
        self._problems[one] = None

    def remark(self, place: Place, message: str) -> None:
        """Tell a remark, unless it was told before."""
        if len(self._remarks) < MAX_NOTES:
            self._remarks[Remark(place, safe_line(message, limit=1000))] = None

    def refuse(self, place: Place, code: str, message: str, hint: str = "") -> Refused:
        """Tell a problem and return what is raised for it."""
        self.problem(place, code, message, hint)
        return Refused(message)

    def spend(self, place: Place, work: int = 1, characters: int = 0) -> None:
        """Count work that is done.

        Raises:
            Refused: it is too much, now or before; told once as `compose-too-large`.
        """
        self._work -= work
        self._characters -= characters
        if self._work >= 0 and self._characters >= 0:
            return
        much = f"{MAX_WORK} keys and values" if self._work < 0 else f"{MAX_CHARACTERS} characters"
        if not self._exhausted:
            self._exhausted = True
            self.problem(
                place,
                "compose-too-large",
                f"more than {much} in the files together, variables and `extends` followed",
                "name the images in a list file instead: `- list: images.txt` in sources",
            )
        raise Refused(much)
