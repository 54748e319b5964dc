"""The files of a chart that tell its images without rendering: `Chart.yaml` and `values.yaml`.

Of the chart and of the sub-charts in `charts/`, as folders or archives. Archives are read as
streams with bounds and never unpacked.

Source: helm.sh/docs/topics/charts (file structure, Chart.yaml, dependencies and their aliases).
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bundler.discover.folder import Folder, Unreadable, join, parent
from bundler.discover.found import Place, Problem
from bundler.discover.kubernetes.object import items, text_at
from manifests.safetext import safe_line
from manifests.yaml.node import Limits, Node
from manifests.yaml.text import MalformedYaml, Position
from manifests.yaml.tree import load

CHART: Final = "Chart.yaml"
VALUES: Final = "values.yaml"
ARCHIVE: Final = ".tgz"

MEMBER_LIMIT: Final = 5 * 1024 * 1024
"""Bytes of a file in a chart; helm's own limit."""
UNPACKED_LIMIT: Final = 32 * 1024 * 1024
"""Bytes that an archive may unpack to, all in all."""
MAX_DEPTH: Final = 4
"""Sub-charts within each other."""
MAX_CHARTS: Final = 200
FILES_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of the files that are read of a chart, all in all."""
MAX_PATHS: Final = 100
_LIMITS: Final = Limits(size=MEMBER_LIMIT, depth=64)
_ARCHIVE_ERRORS: Final = (
    tarfile.TarError,
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    OverflowError,
)

_WANTED = re.compile(r"((?:charts/[^/]+/)*)(Chart\.yaml|values\.yaml|charts/[^/]+\.tgz)")


@dataclass(frozen=True, slots=True)
class ChartFile:
    """A YAML file of a chart.

    Attributes:
        place: of its first character.
        data: its bytes.
        root: what it says.
    """

    place: Place
    data: bytes
    root: Node


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart or sub-chart.

    Attributes:
        paths: under which helm may print its templates: `app`, `app/charts/redis`.
        about: its `Chart.yaml`.
        values: its `values.yaml`; None when it has none, or none that can be read.
    """

    paths: frozenset[str]
    about: ChartFile
    values: ChartFile | None

    @property
    def folder(self) -> str:
        """The folder that it lies in; no path on disk for one in an archive."""
        return parent(self.about.place.file)

    def is_among(self, templates: Sequence[str]) -> bool:
        """Tell whether one of the rendered templates is its own or its sub-charts'."""
        return any(one.startswith(f"{path}/") for one in templates for path in self.paths)


@dataclass(frozen=True, slots=True)
class ChartFiles:
    """What was read of a chart.

    Attributes:
        charts: the chart first, then its sub-charts.
        problems: files that can't be read.
    """

    charts: tuple[Chart, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a file of a chart is wanted as; see `_Raw`."""

    chart: str
    name: str

    @property
    def inside(self) -> str:
        """Where the chart in this archive lies."""
        return f"{self.chart}{self.name}/"


@dataclass(frozen=True, slots=True)
class _Raw:
    """A wanted file.

    Attributes:
        chart: where its chart lies in the outermost one: empty, or `charts/redis/`.
        name: of the file.
        file: its path for people.
        data: its bytes.
    """

    chart: str
    name: str
    file: str
    data: bytes


class _TooLarge(ValueError):
    """An archive that unpacks to more than is read."""


class _Bounded(io.RawIOBase):
    """A stream that ends with an error beyond its limit."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        super().__init__()
        self._stream = stream
        self._left = limit

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self._left:
            raise _TooLarge(f"unpacks to more than {UNPACKED_LIMIT} bytes")
        data = self._stream.read(size)
        self._left -= len(data)
        return data


def read_charts(folder: Folder, path: str) -> ChartFiles:
    """Return what can be read of a chart and its sub-charts without helm.

    Args:
        folder: that the path is relative to.
        path: the chart's folder or archive.
    """
    problems: list[Problem] = []
    raw: list[_Raw] = []
    left = FILES_LIMIT
    try:
        for one in _raw_files(folder, path):
            raw.append(one)
            left -= len(one.data)
            if left < 0 or len(raw) > MAX_CHARTS:
                raise _TooLarge(f"more than {MAX_CHARTS} charts, or {FILES_LIMIT} bytes of them")
    except (*_ARCHIVE_ERRORS, Unreadable) as error:
        problems.append(_malformed(Place(path, 1), str(error) or "cut off"))
    files = {(one.chart, one.name): one for one in raw}
    parsed = {key: _parse(one, problems) for key, one in sorted(files.items())}
    return ChartFiles(tuple(_charts(parsed)), tuple(problems))


def _raw_files(folder: Folder, path: str) -> Iterator[_Raw]:
    if folder.is_file(path):
        yield from _of_archive(folder.read(path), "", path, MAX_DEPTH)
        return
    for file in folder.files(path):
        wanted = _wanted(file.removeprefix(f"{join('.', path)}/"), "")
        if wanted is None:
            continue
        data = folder.read(file, MEMBER_LIMIT)
        if wanted.name.endswith(ARCHIVE):
            yield from _of_archive(data, wanted.inside, file, MAX_DEPTH)
        else:
            yield _Raw(wanted.chart, wanted.name, file, data)


def _wanted(path: str, chart: str) -> _Wanted | None:
    """Return what a file of a chart is wanted as: of values only the outermost count."""
    match = _WANTED.fullmatch(path)
    if match is None or (match[2] == VALUES and (chart or match[1])):
        return None
    return _Wanted(f"{chart}{match[1]}", match[2])


def _of_archive(data: bytes, chart: str, file: str, depth: int) -> Iterator[_Raw]:
    """Yield the wanted files of an archive, whose one top folder is the chart's name."""
    with (
        gzip.GzipFile(fileobj=io.BytesIO(data)) as unpacked,
        tarfile.open(fileobj=_Bounded(unpacked, UNPACKED_LIMIT), mode="r|") as archive,
    ):
        for member in archive:
            wanted = _wanted(member.name.removeprefix("./").partition("/")[2], chart)
            content = archive.extractfile(member) if wanted and member.isreg() else None
            if wanted is None or content is None:
                continue
            shown = f"{file}/{safe_line(member.name, limit=300)}"
            if member.size > MEMBER_LIMIT:
                raise _TooLarge(f"{shown} is larger than {MEMBER_LIMIT} bytes")
            inner = content.read()
            if not wanted.name.endswith(ARCHIVE):
                yield _Raw(wanted.chart, wanted.name, shown, inner)
            elif depth:
                yield from _of_archive(inner, wanted.inside, shown, depth - 1)


def _parse(raw: _Raw, problems: list[Problem]) -> ChartFile | None:
    try:
        return ChartFile(Place(raw.file, 1), raw.data, load(raw.data, raw.file, _LIMITS))
    except MalformedYaml as error:
        problems.append(_malformed(_at(raw.file, error.position), error.reason))
        return None


def _at(file: str, position: Position) -> Place:
    return Place(file, position.line, position.column)


def _malformed(place: Place, reason: str) -> Problem:
    message = safe_line(f"expected a chart: {reason}", limit=500)
    return Problem(place, "helm-chart-malformed", message, "`helm lint` says more")


def _charts(parsed: dict[tuple[str, str], ChartFile | None]) -> Iterator[Chart]:
    """Yield the charts, each after the one that it lies in."""
    paths: dict[str, frozenset[str]] = {}
    about: dict[str, ChartFile] = {}
    for (key, name), file in parsed.items():
        if name != CHART or file is None:
            continue
        own = text_at(file.root, "name")
        outer = _outer(key)
        if not key:
            paths[key] = frozenset({own})
        elif outer in paths:
            names = {own, *_aliases(about[outer].root, own)}
            found = sorted(f"{path}/charts/{one}" for path in paths[outer] for one in names)
            paths[key] = frozenset(found[:MAX_PATHS])
        else:
            continue
        about[key] = file
        yield Chart(paths[key], file, parsed.get((key, VALUES)))


def _outer(key: str) -> str:
    """Return where the chart lies in which this one does: `charts/a/charts/b/` -> `charts/a/`."""
    return key[: key.rstrip("/").rfind("charts/")] if key else key


def _aliases(outer: Node, name: str) -> Iterator[str]:
    """Yield the other names under which a chart uses a sub-chart."""
    for dependency in items(outer.nearest(("dependencies",))):
        alias = text_at(dependency, "alias")
        if alias and text_at(dependency, "name") == name:
            yield alias
