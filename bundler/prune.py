"""`bundle prune`: what the build cache has not needed for long goes, oldest first.

Owns what can be removed of a cache, and when each part was last of use;
`manifests.prunerules.planner` decides, as on a host. Nothing goes while a build uses the cache.
What is missing afterwards is made anew by the build that needs it.
"""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bundler.cache import Cache
from bundler.layers.facts import blob_of_facts
from manifests.prunerules.inventory import Layer
from manifests.prunerules.planner import Candidate, Item, Kind, PrunePlan, Terms, settle

DEFAULT_AGE: Final = timedelta(days=30)
ANY_AGE: Final = timedelta(days=-36500)
"""Even what a wrong clock has dated into the future."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a cache is to be cut down to.

    Attributes:
        age: for which something must not have been used.
        keep: bytes that may stay, newest first; None to let all go that is old enough.
    """

    age: timedelta = DEFAULT_AGE
    keep: int | None = None


def plan_cache(cache: Cache, limits: Limits, now: datetime) -> PrunePlan:
    """Return what would become of everything in a cache; changes nothing.

    Raises:
        SourceFailed: `cache-unusable`.
    """
    with cache.guarded():
        candidates = tuple(_candidates(cache))
    size = sum(layer.size for one in candidates for layer in one.holds)
    room = None if limits.keep is None else max(0, size - limits.keep)
    return settle(candidates, Terms(now, limits.age, room))


def carry_out(cache: Cache, plan: PrunePlan) -> Iterator[Item]:
    """Remove what is to go, and yield each thing that went; what was used meanwhile stays.

    Raises:
        SourceFailed: `cache-busy`: a build runs; `cache-unusable`.
    """
    with cache.unused(), cache.guarded():
        now = {(one.kind, one.identity): one for one in _candidates(cache)}
        facts = _facts(cache)
        for item in plan.going:
            if now.get(item.key) != item.candidate:
                continue
            path = cache.root / item.candidate.identity
            for known in facts.get(path.name, ()) if item.candidate.kind is Kind.BLOB else ():
                known.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            yield item


def _candidates(cache: Cache) -> Iterator[Candidate]:
    facts = _facts(cache)
    there = set[str]()
    for path in _files(cache.root / "blobs"):
        there.add(path.name)
        yield from _candidate(cache, Kind.BLOB, path, facts.get(path.name, ()))
    for path in _files(cache.root / "partial"):
        yield from _candidate(cache, Kind.PARTIAL, path)
    for blob, known in facts.items():
        for path in known if blob not in there else ():
            yield from _candidate(cache, Kind.PARTIAL, path)


def _candidate(
    cache: Cache, kind: Kind, path: Path, facts: tuple[Path, ...] = ()
) -> Iterator[Candidate]:
    """Yield a file with what is known of it; nothing if a build has just removed it."""
    with suppress(FileNotFoundError):
        found = [one.stat() for one in (path, *facts)]
        used = max(one.st_mtime for one in found)
        yield Candidate(
            kind=kind,
            identity=str(path.relative_to(cache.root)),
            names=(path.name[:12],),
            since=datetime.fromtimestamp(used, UTC),
            holds=(Layer(str(path), sum(one.st_blocks * 512 for one in found)),),
        )


def _facts(cache: Cache) -> Mapping[str, tuple[Path, ...]]:
    """Return, by the hexadecimal digest of a blob, the files with what was learnt of it."""
    found: defaultdict[str, tuple[Path, ...]] = defaultdict(tuple)
    for path in _files(cache.root / "facts"):
        found[blob_of_facts(path)] += (path,)
    return dict(found)


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if stat.S_ISREG(path.lstat().st_mode):
            yield path
