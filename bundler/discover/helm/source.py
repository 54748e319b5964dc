"""The images of a Helm chart: its templates as `helm template` renders them, and its annotations.

Owns how helm is called and what its failures mean. Hooks and tests are included, for helm runs
them too. Without helm the annotations are read all the same, and a problem says how to render
elsewhere.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from bundler.discover.folder import DiskFolder, Unreadable, join
from bundler.discover.found import Found, Mention, Place, Problem, Remark, joined
from bundler.discover.helm.chart import CHART, Chart, read_charts
from bundler.discover.helm.images import read_annotations, switched_off, unused_values
from bundler.discover.helm.places import Rendered
from bundler.discover.kubernetes import discover_text
from bundler.discover.render import RenderFailed, find_program, render
from manifests.appmanifest.sources import HelmSource
from manifests.safetext import safe_line
from manifests.yaml.node import Limits, Node
from manifests.yaml.text import MalformedYaml
from manifests.yaml.tree import load

_PROGRAM: Final = "helm"
_VALUES_LIMITS: Final = Limits(depth=64)
_NOT_BUILT = re.compile(r"missing in charts/|dependency (?:build|update)")
_TEMPLATE_PLACE = re.compile(r"([\w.-]+(?:/[\w.@+-]+)+):(\d{1,7})(?::(\d{1,7}))?")


def discover(source: HelmSource, folder: DiskFolder) -> Found:
    """Return what the rendered chart and its annotations tell.

    Args:
        source: the chart, and what it is rendered with.
        folder: that its paths are relative to.
    """
    missing = tuple(_missing(source, folder))
    if missing:
        return Found(problems=missing)
    files = read_charts(folder, source.helm)
    folders = {path: chart.folder for chart in files.charts for path in chart.paths}
    rendered = _render(source, folder, folders)
    if isinstance(rendered, Problem):
        listed = [read_annotations(chart) for chart in files.charts]
        return joined([Found(problems=(*files.problems, rendered)), *listed])
    told = rendered.placed(discover_text(rendered.output, rendered.file, source.image_paths))
    listed = [_annotations(chart, rendered, number) for number, chart in enumerate(files.charts)]
    found = joined([Found(problems=files.problems), told, *listed])
    if not rendered.output.strip():
        message = "helm rendered nothing of this chart: check `values:` and `set:`"
        return joined([found, Found(remarks=(Remark(Place(source.helm, 1), message),))])
    return joined([found, *_unused(source, folder, files.charts[:1], found.mentions)])


def _missing(source: HelmSource, folder: DiskFolder) -> Iterator[Problem]:
    """Yield problems for what is not there; helm would look for it in the network."""
    path = source.helm
    if not folder.is_file(path if path.endswith(".tgz") else join(path, CHART)):
        message = "expected a chart: a folder with Chart.yaml, or its .tgz"
        hint = "`helm pull CHART --version VERSION` fetches one"
        yield Problem(Place(path, 1), "helm-not-found", message, hint)
    for values in source.values:
        if not folder.is_file(values):
            message = "expected a file of values, found none"
            yield Problem(Place(values, 1), "helm-not-found", message, "check `values:`")


def _annotations(chart: Chart, rendered: Rendered, number: int) -> Found:
    """Return a chart's annotations; of a sub-chart only when it is switched on."""
    found = read_annotations(chart)
    if number and rendered.sources and not chart.is_among(rendered.sources):
        return switched_off(chart, found.mentions)
    return found


def _unused(
    source: HelmSource, folder: DiskFolder, charts: tuple[Chart, ...], used: tuple[Mention, ...]
) -> Iterator[Found]:
    given = tuple(_given(source, folder))
    for chart in charts:
        yield unused_values(chart, given, tuple(source.set), used)


def _given(source: HelmSource, folder: DiskFolder) -> Iterator[Node]:
    """Yield the values files that can be read; helm has told of the others."""
    for path in source.values:
        try:
            yield load(folder.read(path), path, _VALUES_LIMITS)
        except (Unreadable, MalformedYaml):
            continue


def _render(
    source: HelmSource, folder: DiskFolder, folders: Mapping[str, str]
) -> Rendered | Problem:
    program = find_program(_PROGRAM)
    if program is None:
        message = "expected `helm` on PATH to render the chart, found none"
        hint = _elsewhere(source, "where helm is installed")
        return Problem(Place(source.helm, 1), "helm-missing", message, hint)
    end = ("--include-crds", "--", source.release, f"./{source.helm}")
    try:
        output = render((program, "template", *_options(source), *end), folder.base)
    except RenderFailed as error:
        nothing = Rendered(b"", source.helm, folders, folder)
        return _failure(source, nothing, str(error))
    return Rendered(output, source.helm, folders, folder)


def _options(source: HelmSource) -> tuple[str, ...]:
    """Return what the chart is rendered with; no text can be taken for another option."""
    options = [f"--namespace={source.namespace}"]
    options += [f"--values={_one_of_list(path)}" for path in source.values]
    options += [f"--set-string={key}={_literal(text)}" for key, text in source.set.items()]
    options += [f"--kube-version={source.kube_version}"] if source.kube_version else []
    options += [f"--api-versions={version}" for version in source.api_versions]
    return tuple(options)


def _one_of_list(path: str) -> str:
    """Return a path for an option that takes lists as CSV."""
    return '"' + path.replace('"', '""') + '"' if re.search('[,"]', path) else path


def _literal(text: str) -> str:
    """Return a value whose commas are its own; a list in braces stays one."""
    if text.startswith("{") and text.endswith("}"):
        return text
    return re.sub(r"([\\,])", r"\\\1", text)


def _failure(source: HelmSource, rendered: Rendered, said: str) -> Problem:
    place = Place(source.helm, 1)
    message = safe_line(f"expected helm to render the chart: {said}", limit=2000)
    if _NOT_BUILT.search(said):
        hint = f"run `helm dependency build {shlex.quote(source.helm)}`"
        return Problem(place, "helm-dependencies", message, hint)
    match = _TEMPLATE_PLACE.search(said)
    file = rendered.template_file(match[1]) if match else None
    if match is not None and file is not None:
        place = Place(file, int(match[2]), int(match[3] or 1))
    return Problem(place, "helm-failed", message, _elsewhere(source, "to see it by hand"))


def _elsewhere(source: HelmSource, where: str) -> str:
    command = (_PROGRAM, "template", source.release, source.helm, *_options(source))
    return (
        f"run `{shlex.join(command)} > rendered.yaml` {where},"
        " and name `kubernetes: rendered.yaml` instead"
    )
