"""Marathon's (DC/OS) documents: apps, groups, pods, jobs, and a package's resources.

Owns which document is which, and how groups hold apps. The answers of Marathon's own interface
(`{"apps": [...]}`, `{"app": {...}}`) are read like what was given to it. A folder stands for all
`.json` files below it; those that are nothing of Marathon's are left out with a remark.

Source: Marathon 1.11 REST API types (group); DC/OS package schema 4.0 (resource.json).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bundler.discover.folder import Folder, Unreadable
from bundler.discover.found import Found, Place, Problem, joined
from bundler.discover.jsontext import JSON_LIMITS, MalformedJsonText, load
from bundler.discover.marathon.app import resolve_id, take_app, with_dependencies, without_secrets
from bundler.discover.marathon.facts import Detail
from bundler.discover.marathon.fields import TEMPLATE_HINT, Findings, Item
from bundler.discover.marathon.pod import take_job, take_pod
from manifests.appmanifest.sources import MarathonSource
from manifests.safetext import safe_line
from manifests.yaml.text import Position

_APP_KEYS: Final = ("cmd", "args", "container", "instances", "cpus", "mem", "healthChecks", "env")
_GROUP_KEYS: Final = ("apps", "groups", "pods")


@dataclass(frozen=True, slots=True)
class Told:
    """What files say.

    Attributes:
        found: of images, and the workloads.
        details: of each workload.
    """

    found: Found
    details: tuple[Detail, ...] = ()


def discover(source: MarathonSource, folder: Folder) -> Found:
    """Return what the files of a source name."""
    return joined(
        one.found for path in source.marathon for one in _path(path, folder, detailed=False)
    )


def read(source: MarathonSource, folder: Folder) -> Told:
    """Return what the files of a source say, also of what only runs."""
    told = [one for path in source.marathon for one in _path(path, folder, detailed=True)]
    details = tuple(detail for one in told for detail in one.details)
    return Told(joined(one.found for one in told), details)


def _path(path: str, folder: Folder, *, detailed: bool) -> Iterator[Told]:
    if not folder.is_folder(path):
        yield _file(path, folder, chosen=True, detailed=detailed)
        return
    try:
        files = [name for name in folder.files(path) if name.endswith(".json")]
    except Unreadable as error:
        yield _unreadable(path, str(error))
        return
    if not files:
        yield _unreadable(path, "no file in it ends with .json")
    for name in files:
        yield _file(name, folder, chosen=False, detailed=detailed)


def _file(path: str, folder: Folder, *, chosen: bool, detailed: bool = False) -> Told:
    """Return what one file names.

    Args:
        path: of the file.
        folder: to read from.
        chosen: whether the file itself was named, so that it must be Marathon's.
        detailed: whether it is read to be run.
    """
    findings = Findings(path, detailed=detailed)
    try:
        root = Item(load(folder.read(path, JSON_LIMITS.size)), "", findings)
    except Unreadable as error:
        return _unreadable(path, str(error))
    except MalformedJsonText as error:
        hint = TEMPLATE_HINT if error.template else ""
        findings.problem(error.position, "marathon-malformed", f"not JSON: {error}", hint)
        return Told(findings.finished())
    if not _take_document(root):
        _tell_unknown(root, chosen=chosen)
    return Told(findings.finished(), tuple(findings.details))


def _unreadable(path: str, reason: str) -> Told:
    message = safe_line(f"expected Marathon's JSON, found none that can be read: {reason}")
    problem = Problem(Place(path, 1), "marathon-unreadable", message)
    return Told(Found(problems=(problem,)))


def _tell_unknown(root: Item, *, chosen: bool) -> None:
    expected = "an app, group, pod, job or resource.json of Marathon"
    if chosen:
        root.wrong(expected)
    else:
        root.findings.remark(Position(1, 1), f"left out: not {expected}")


def _take_document(root: Item) -> bool:
    """Take what a file holds; tell whether it is anything of Marathon's."""
    if isinstance(root.node.value, tuple):
        return _take_list(root)
    if root.has("packages"):
        return _take_list(root.child("packages") or root)
    for key in ("resource", "assets"):
        if root.has(key):
            return _take_resources(root.child("resource") or root)
    if root.has("app"):
        return _take_document(root.child("app") or root)
    return _take_definition(root, "/", ())


def _take_list(root: Item) -> bool:
    """Take the documents of a list; each of them must be Marathon's, if any is."""
    items = list(root.items())
    unknown = [one for one in items if not _take_document(one)]
    if len(unknown) == len(items):
        return not items
    for one in unknown:
        one.wrong("an app, group or pod")
    return True


def _take_definition(item: Item, group: str, dependencies: tuple[str, ...]) -> bool:
    """Take an app, group, pod or job; tell whether it is one."""
    if item.has("containers"):
        take_pod(item, group, dependencies)
    elif item.has("run") and item.has("id"):
        take_job(item)
    elif item.has(*_GROUP_KEYS):
        _take_group(item, group, dependencies)
    elif item.has(*_APP_KEYS):
        take_app(item, group, dependencies)
    else:
        return False
    return True


def _take_group(root: Item, group: str, dependencies: tuple[str, ...]) -> None:
    """Take a group and all within it, however deep, in the order of the file."""
    waiting = [(root, group, dependencies)]
    while waiting:
        item, outer, before = waiting.pop()
        path = resolve_id(item.text("id"), outer)
        after = with_dependencies(item, path, before)
        for app in item.items("apps"):
            take_app(app, path, after)
        for pod in item.items("pods"):
            take_pod(pod, path, after)
        waiting += reversed([(one, path, after) for one in item.items("groups")])


def _take_resources(resource: Item) -> bool:
    """Take the images of a package: `assets.container.docker`, by the names of its template."""
    images = resource.child("assets", "container", "docker")
    for name, image in images.members() if images is not None else ():
        resource.findings.image(image, f"resource {name}"[:200])
    uris = resource.child("assets", "uris")
    for name, uri in uris.members() if uris is not None else ():
        source = without_secrets(uri.as_text())
        resource.findings.remark(
            uri.node.position,
            f"resource {name} is fetched from {source}, which no disconnected host can: carry it"
            " in 'files:'",
        )
    return True
