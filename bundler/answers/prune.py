"""What `bundle prune` does and writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bundler.cache import Cache, default_cache
from bundler.commandline.asking import confirm
from bundler.output import print_json, print_lines
from bundler.prune import ANY_AGE, DEFAULT_AGE, Limits, carry_out, plan_cache
from manifests.errors import UsageError
from manifests.prunerules.texts import item_json, plan_json, plan_lines, things
from manifests.quantities import bytes_text, parse_seconds, parse_size


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `bundle prune` as typed; see its `--help`."""

    older_than: str | None
    keep: str | None
    everything: bool
    cache: Path | None
    explain: bool
    dry_run: bool
    yes: bool
    as_json: bool


def prune_cache(asked: Asked) -> None:
    """Remove from the build cache what is beyond the limits, and show first what that is.

    Raises:
        UsageError: an option makes no sense.
    """
    limits = _limits(asked)
    folder = Cache((asked.cache or default_cache()).absolute())
    plan = plan_cache(folder, limits, datetime.now(UTC))
    if not asked.as_json:
        print_lines(plan_lines(plan, explain=asked.explain))
    if asked.dry_run or not plan.going:
        if asked.as_json:
            print_json({**plan_json(plan), "removed": []})
        return
    if not asked.yes:
        confirm("remove?", as_json=asked.as_json)
    removed = list(carry_out(folder, plan))
    freed = sum(item.frees for item in removed)
    if asked.as_json:
        print_json({**plan_json(plan), "removed": [item_json(item) for item in removed]})
    else:
        print_lines([f"{things(len(removed))} removed, {bytes_text(freed)} freed"])


def _limits(asked: Asked) -> Limits:
    older_than, keep = asked.older_than, asked.keep
    if asked.everything and (older_than or keep):
        raise UsageError("prune-options", "expected --all alone, found it with a limit")
    age = DEFAULT_AGE if older_than is None else timedelta(seconds=parse_seconds(older_than))
    if asked.everything or (keep and older_than is None):
        age = ANY_AGE
    return Limits(age, None if keep is None else parse_size(keep))
