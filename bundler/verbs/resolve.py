"""`bundle resolve`: App -> Lock, everything looked up anew; only the lock is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bundler.cache import Cache
from bundler.locking.appfiles import read_app
from bundler.locking.relock import LockOptions, Relocked, relock
from bundler.locking.reuse import write_lock
from bundler.progress import Progress
from bundler.sources.choose import SourceOptions, Sources


@dataclass(frozen=True, slots=True)
class ResolveOptions:
    """What a person may choose.

    Attributes:
        cache: where documents are kept between runs.
        sources: how registries, engines and files are reached.
        lock: how the lock is made.
        check: whether nothing is written.
    """

    cache: Cache
    sources: SourceOptions
    lock: LockOptions
    check: bool = field(default=False, kw_only=True)


def resolve_app(app_path: Path, options: ResolveOptions, progress: Progress) -> Relocked:
    """Look up every image of an app, and write the lock.

    Raises:
        AppManifestError, SourceFailed: as `relock` and `write_lock`; then no lock is written.
    """
    app = read_app(app_path)
    with options.cache.in_use(), Sources(options.sources, options.cache) as sources:
        made = relock(app_path, app, options.lock, sources.open, progress)
    if not options.check:
        write_lock(made.path, made.lock)
    for warning in made.warnings:
        progress.note(warning)
    return made
