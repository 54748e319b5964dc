"""App and old lock -> new lock: the way from what files name to what digests are pinned.

`bundle resolve` looks everything up anew, `bundle build` only what the lock does not have. Writes
nothing; finds every problem of a run before it tells any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found, GpuRequest, joined
from bundler.discover.gather import gather
from bundler.discover.merge import Merged, Overrides, Waived, merge
from bundler.locking.appfiles import read_files
from bundler.locking.movingtags import is_moving
from bundler.locking.pins import ASKS_REGISTRY, Pins, Renew, pin
from bundler.locking.reuse import (
    Contents,
    lock_path,
    locked_files,
    make_lock,
    read_lock,
    reused_sequence,
)
from bundler.locking.selftestmark import bundled_name, selftest_mention, selftest_name
from bundler.problems import together, told
from bundler.progress import Progress
from bundler.resolve import MAX_PLACE, Open, WantedImage, places_of, resolve
from bundler.run.finishing import Holdings, finished
from bundler.run.reading import ReadRun, read_run
from bundler.words.changes import LockChange
from bundler.words.lockdiff import lock_changes
from bundler.writing.entries import Entry
from manifests.appmanifest.app import App
from manifests.errors import AppManifestError, MoonliftError
from manifests.lock import Lock, LockedGpu, LockedImage, LockedWaiver
from manifests.reference import Reference
from manifests.safetext import safe_line

MAX_GPUS: Final = 2**31 - 1
"""Of one request; a file may say any number."""


@dataclass(frozen=True, slots=True)
class LockOptions:
    """How a lock is made.

    Attributes:
        overrides: of the command line.
        renew: what is looked up although the lock has it.
        environ: of the process, for sources that are filled in from it.
        selftest: the image that proves a host, as written; empty for none.
    """

    overrides: Overrides
    renew: Renew
    environ: Mapping[str, str] = field(repr=False)
    selftest: str = ""


@dataclass(frozen=True, slots=True)
class Relocked:
    """A lock, and what led to it.

    Attributes:
        path: where it belongs.
        old: the lock that lies there; None when there is none.
        lock: the new one.
        files: that the app carries.
        changes: of the new lock against the old one.
        warnings: lines for people.
    """

    path: Path
    old: Lock | None
    lock: Lock
    files: tuple[Entry, ...]
    changes: tuple[LockChange, ...]
    warnings: tuple[str, ...]

    @property
    def is_stale(self) -> bool:
        """Whether the old lock is none for today's app; places don't count."""
        return self.old is None or not self.lock.same_content(self.old)


def relock(
    app_path: Path, app: App, options: LockOptions, open_source: Open, progress: Progress
) -> Relocked:
    """Make the lock for an app as it is now.

    Args:
        app_path: of the manifest; paths in it start from its folder.
        app: the manifest.
        options: what a person chose.
        open_source: finds the source that has an image.
        progress: told while references are looked up.

    Raises:
        AppManifestError: `lock-damaged`, `lock-missing`, `lock-stale`, and all problems of sources,
            references, images and files together.
        SourceFailed: the same, where all are those of registries and engines.
    """
    path = lock_path(app_path)
    old = read_lock(path)
    if old is None and options.renew is Renew.NOTHING:
        raise _missing(path, app_path)
    named = _read_app_files(app_path, app, options)
    pins = pin(named.merged.images, old, options.renew)
    asked, stale = pins.open, _refused(pins, path, app_path, options.renew)
    if stale:
        asked = tuple(image for image in pins.open if image not in pins.unknown)
    resolution = resolve(asked, open_source, progress)
    problems = [*named.problems, *stale, *sorted(resolution.problems, key=_where)]
    if problems:
        raise together(problems)
    images = pins.merge(named.merged.images, resolution.images)
    lock = make_lock(app, _contents(app, images, named, app_path, options), old)
    changes = lock_changes(old, lock)
    made = Relocked(path, old, lock, named.files, changes, _warnings(named, pins, lock, old))
    if options.renew is Renew.NOTHING and made.is_stale:
        raise _stale(path, app_path, [str(change) for change in changes])
    return made


def _where(problem: MoonliftError) -> tuple[str, int]:
    return str(problem.context.get("file", "")), int(problem.context.get("line", 0))


@dataclass(frozen=True, slots=True)
class _Named:
    """All that the app's files say, and what is wrong with them."""

    found: Found
    run: ReadRun | None
    merged: Merged
    files: tuple[Entry, ...]
    problems: tuple[MoonliftError, ...]


def _read_app_files(app_path: Path, app: App, options: LockOptions) -> _Named:
    base = app_path.parent.absolute()
    folder = DiskFolder(base)
    run = read_run(app, app_path.name, folder, options.environ)
    sources = [one for one in app.sources if run is None or one != run.source]
    found = joined(
        [
            *gather(sources, folder, options.environ),
            *([run.found] if run else []),
            selftest_mention(options.selftest),
        ]
    )
    merged = merge(app, app_path.name, found, folder, options.overrides)
    problems = told(merged.problems)
    try:
        return _Named(found, run, merged, read_files(app, base), tuple(problems))
    except AppManifestError as error:
        return _Named(found, run, merged, (), (*problems, error))


def _refused(pins: Pins, path: Path, app_path: Path, renew: Renew) -> list[AppManifestError]:
    """Return what is wrong where the lock may not change and does not have an image."""
    if renew is not Renew.NOTHING or not pins.unknown:
        return []
    lines = [
        f"{image.reference.familiar}: "
        + ("not locked" if image.pinned is None else f"not locked for {_platforms(image)}")
        for image in pins.unknown
    ]
    return [_stale(path, app_path, lines)]


def _platforms(image: WantedImage) -> str:
    return ", ".join(map(str, image.platforms))


def _missing(path: Path, app_path: Path) -> AppManifestError:
    return AppManifestError(
        "lock-missing",
        f"expected a lock at {path}, found none: --locked builds from it alone",
        hint=f"bundle resolve {app_path}",
    )


def _stale(path: Path, app_path: Path, lines: Sequence[str]) -> AppManifestError:
    what = "\n".join(f"  {line}" for line in lines)
    return AppManifestError(
        "lock-stale",
        f"{path.name} is not that of {app_path.name} as it is now, and may not change:\n{what}",
        hint=f"bundle resolve {app_path} looks everything up anew;"
        " bundle build without --locked adds only what is new",
        changes=len(lines),
    )


def _contents(
    app: App,
    images: tuple[LockedImage, ...],
    named: _Named,
    app_path: Path,
    options: LockOptions,
) -> Contents:
    selftest = selftest_name(options.selftest, images)
    names = {bundled_name(Reference.parse(image.reference)) for image in images}
    holdings = Holdings(names, selftest is not None)
    gpus = dict.fromkeys(_gpu(request) for request in named.found.gpus)
    return Contents(
        images=images,
        files=locked_files(named.files, app_path.parent.absolute()),
        gpus=tuple(gpus),
        workloads=named.found.workloads,
        waived=tuple(_waiver(waived) for waived in named.merged.waived),
        selftest=selftest,
        run=finished(app.run, named.run, holdings) if app.run and named.run else None,
    )


def _gpu(request: GpuRequest) -> LockedGpu:
    return LockedGpu(
        by=safe_line(request.by, limit=MAX_PLACE),
        count=None if request.count is None else min(max(request.count, 0), MAX_GPUS),
        devices=tuple(safe_line(device, limit=MAX_PLACE) for device in request.devices),
        place=safe_line(str(request.place), limit=MAX_PLACE),
    )


def _waiver(waived: Waived) -> LockedWaiver:
    return LockedWaiver(
        image=waived.waiver.image,
        reason=waived.waiver.reason,
        places=places_of(waived.mentions),
    )


def _warnings(named: _Named, pins: Pins, lock: Lock, old: Lock | None) -> tuple[str, ...]:
    lines = [f"{one.place}: {one.message}" for one in named.merged.remarks]
    lines += [_moving(image) for image in pins.open if _is_moving(image)]
    if (warning := reused_sequence(lock, old)) is not None:
        lines.append(warning)
    return tuple(safe_line(line) for line in lines)


def _is_moving(image: WantedImage) -> bool:
    """Tell whether a registry is asked what a tag that moves names now."""
    tag = None if image.reference.digest or image.pinned else image.reference.tag
    return image.origin in ASKS_REGISTRY and tag is not None and is_moving(tag)


def _moving(image: WantedImage) -> str:
    places = ", ".join(str(mention.place) for mention in image.mentions[:5])
    return (
        f"{places}: {image.written}: the tag {image.reference.tag!r} moves;"
        " the lock pins what it names now"
    )
