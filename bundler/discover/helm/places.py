"""Places in what `helm template` printed, as places in the chart's templates.

helm prints `# Source: app/templates/web.yaml` before each document. The line is that of the
template where it can be told: the same line; or the only one with the same key; or the first one
with that key after a line above that is the same. Else it is line 1. Where the template is no
file on disk, as in an archive, the place is the line of the output.
"""

from __future__ import annotations

import bisect
import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bundler.discover.folder import Folder, Unreadable, join
from bundler.discover.found import Found, Place
from manifests.safetext import safe_line

TEMPLATE_LIMIT: Final = 1024 * 1024
"""Bytes of a template that is searched for a line."""
MAX_TEMPLATES: Final = 256
"""Templates that are kept while their lines are looked for."""

LOOK_BACK: Final = 30
"""Printed lines above one that are looked at for where it comes from."""

MAX_LINES: Final = 2_000_000
MAX_LINE: Final = 1000
"""Characters of a printed line that are looked for."""

_LINE_END = re.compile(rb"\n")
_SOURCE = re.compile(rb"^# Source: ([^\r\n]{1,500})\r?$", re.MULTILINE)
_KEY = re.compile(r"\s*(?:- )*\s*([\w./\"'-]+:)(?:\s|\Z)")


@dataclass(slots=True)
class Rendered:
    """What helm printed.

    Attributes:
        output: all of it.
        chart: path of the chart.
        folders: of the charts on disk, by the path under which helm prints their templates.
        folder: that all paths are relative to.
    """

    output: bytes
    chart: str
    folders: Mapping[str, str]
    folder: Folder
    _starts: list[int] = field(default_factory=list)
    _sources: list[str] = field(default_factory=list)
    _ends: array[int] = field(default_factory=lambda: array("I"))
    _templates: dict[str, _Template] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note where lines end; what has more than the limit keeps its places."""
        if self.output.count(b"\n") > MAX_LINES:
            return
        self._ends.extend(match.start() for match in _LINE_END.finditer(self.output))
        for match in _SOURCE.finditer(self.output):
            self._starts.append(bisect.bisect(self._ends, match.start()) + 1)
            self._sources.append(match[1].decode("utf-8", errors="replace"))

    @property
    def file(self) -> str:
        """Name of the output in places."""
        return f"helm:{self.chart}"

    @property
    def sources(self) -> tuple[str, ...]:
        """The templates that were rendered, as helm names them."""
        return tuple(dict.fromkeys(self._sources))

    def placed(self, found: Found) -> Found:
        """Return what the output told, with places in the templates."""
        return Found(
            tuple(
                replace(one, place=self._place(one.place), by=self._by(one.place, one.by))
                for one in found.mentions
            ),
            tuple(
                replace(one, place=self._place(one.place), by=self._by(one.place, one.by))
                for one in found.gpus
            ),
            tuple(replace(one, place=self._place(one.place)) for one in found.problems),
            tuple(replace(one, place=self._place(one.place)) for one in found.remarks),
            found.workloads,
        )

    def template_file(self, source: str) -> str | None:
        """Return the path of a template that helm names; None when it is no file on disk."""
        parts = source.split("/")
        for count in range(len(parts) - 1, 0, -1):
            chart = self.folders.get("/".join(parts[:count]))
            if chart is not None:
                path = join(chart, "/".join(parts[count:]))
                return path if ".." not in parts and self.folder.is_file(path) else None
        return None

    def _source(self, place: Place) -> str:
        number = bisect.bisect_right(self._starts, place.line) - 1
        return self._sources[number] if number >= 0 else ""

    def _by(self, place: Place, by: str) -> str:
        source = self._source(place)
        on_disk = not source or self.template_file(source) is not None
        return by if on_disk else f"{by} ({safe_line(source, limit=200)})"

    def _place(self, place: Place) -> Place:
        source = self._source(place)
        file = self.template_file(source) if source else None
        if file is None or place.file != self.file:
            return place
        return Place(file, self._template_line(file, place.line))

    def _template_line(self, file: str, number: int) -> int:
        if file not in self._templates and len(self._templates) < MAX_TEMPLATES:
            self._templates[file] = _Template.read(self.folder, file)
        template = self._templates.get(file)
        above = [self._line(one) for one in range(max(1, number - LOOK_BACK), number + 1)]
        return template.line_of(above) if template else 1

    def _line(self, number: int) -> str:
        """Return a printed line, without its indentation; empty beyond the end."""
        if number > len(self._ends) + 1:
            return ""
        start = self._ends[number - 2] + 1 if number > 1 else 0
        end = self._ends[number - 1] if number <= len(self._ends) else len(self.output)
        return self.output[start : min(end, start + MAX_LINE)].decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True)
class _Template:
    """Where a template has which lines.

    Attributes:
        lines: numbers of each line, without its indentation.
        keys: numbers of the lines that have a key.
    """

    lines: Mapping[str, Sequence[int]]
    keys: Mapping[str, Sequence[int]]

    @classmethod
    def read(cls, folder: Folder, file: str) -> _Template:
        """Return the template in a file; an empty one if it can't be read."""
        lines: dict[str, list[int]] = {}
        keys: dict[str, list[int]] = {}
        for number, line in enumerate(_read_lines(folder, file), start=1):
            lines.setdefault(line.strip(), []).append(number)
            if key := _key(line):
                keys.setdefault(key, []).append(number)
        return cls(lines, keys)

    def line_of(self, printed: Sequence[str]) -> int:
        """Return the line that became the last of some printed ones; 1 if that can't be told."""
        *above, last = printed
        same = self.lines.get(last, ())
        keyed = self.keys.get(_key(last), ())
        for numbers in (same, keyed):
            if len(numbers) == 1:
                return numbers[0]
        for line in reversed(above):
            anchors = self.lines.get(line, ())
            if line and len(anchors) == 1:
                after = bisect.bisect(same or keyed, anchors[0])
                return (same or keyed)[after] if after < len(same or keyed) else 1
        return 1


def _key(line: str) -> str:
    match = _KEY.match(line)
    return match[1] if match else ""


def _read_lines(folder: Folder, file: str) -> list[str]:
    try:
        return folder.read(file, TEMPLATE_LIMIT).decode("utf-8", errors="replace").split("\n")
    except Unreadable:
        return []
