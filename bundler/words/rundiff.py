"""What is different in what runs, one fact a line: services, networks, volumes, settings, prune."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from bundler.words.changes import LockChange
from manifests.prunerules.policy import PrunePolicy
from manifests.runspec import RunSpec
from manifests.strictjson import JsonValue

MAX_SHOWN: Final = 160
"""Characters of one value."""
_LISTS: Final = (
    ("services", "name", "service"),
    ("networks", "key", "network"),
    ("volumes", "key", "volume"),
    ("variables", "name", "variable"),
    ("secrets", "name", "secret"),
)
Facts = Mapping[str, JsonValue]


def run_changes(old: RunSpec | None, new: RunSpec | None) -> Iterator[LockChange]:
    """Yield how what runs differs; where it is written, and what was left out, don't count."""
    if old is None and new is None:
        return
    before, after = _facts(old), _facts(new)
    yield from _changed("run", _scalars(before), _scalars(after))
    for section, key, subject in _LISTS:
        was, now = _named(before, section, key), _named(after, section, key)
        for name in dict.fromkeys([*was, *now]):
            yield from _entry(f"{subject} {name}", was.get(name), now.get(name))


def prune_changes(old: PrunePolicy | None, new: PrunePolicy | None) -> Iterator[LockChange]:
    """Yield how the policy for pruning differs."""
    before = old.model_dump(mode="json") if old else {}
    after = new.model_dump(mode="json") if new else {}
    yield from _changed("prune", before, after)


def _facts(run: RunSpec | None) -> Facts:
    return run.without_lines().model_dump(mode="json") if run else {}


def _scalars(facts: Facts) -> Facts:
    left = {"remarks", *(section for section, _, _ in _LISTS)}
    return {key: value for key, value in facts.items() if key not in left}


def _named(facts: Facts, section: str, key: str) -> dict[str, Facts]:
    listed = facts.get(section)
    entries = listed if isinstance(listed, list) else []
    return {str(one[key]): one for one in entries if isinstance(one, dict)}


def _entry(subject: str, old: Facts | None, new: Facts | None) -> Iterator[LockChange]:
    if old is None or new is None:
        was, now = (None if one is None else _about(one) for one in (old, new))
        yield LockChange(subject, "", was, now)
        return
    yield from _changed(subject, old, new)


def _changed(subject: str, old: Facts, new: Facts) -> Iterator[LockChange]:
    for key in dict.fromkeys([*old, *new]):
        was, now = old.get(key), new.get(key)
        if was != now and key != "place":
            yield LockChange(subject, key, _text(was), _text(now))


def _about(facts: Facts) -> str:
    """Return what is said of something that came or went: the image of a service."""
    return str(facts.get("image") or facts.get("default") or facts.get("driver") or "defined")


def _text(value: JsonValue) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
