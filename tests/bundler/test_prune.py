"""The build cache: what no build has used for long goes, what one uses stays."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bundler.cache import Cache
from bundler.cli import app
from bundler.layers.facts import LayerFacts
from bundler.prune import Limits, carry_out, plan_cache
from manifests.digest import Digest
from manifests.errors import SourceFailed
from manifests.mediatype import MediaType
from tests.support.commandline import CliRunner

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SIZE = 64 * 1024


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Three layers, used 40, 20 and 10 days ago, and what is left of a download."""
    made = Cache(tmp_path / "cache")
    made.prepare()
    for number, days in enumerate((40, 20, 10)):
        put(made, number, days)
    partial = made.partial_path(Digest.of(b"partial"))
    partial.write_bytes(b"p" * SIZE)
    age(partial, 50)
    return made


def put(cache: Cache, number: int, days: float) -> None:
    data = bytes([number]) * SIZE
    digest = Digest.of(data)
    facts = LayerFacts(
        digest=digest,
        size=SIZE,
        media_type=MediaType.OCI_LAYER_ZSTD,
        diff_id=digest,
        uncompressed=SIZE,
        chunks=(digest.hex,),
    )
    with cache.incoming() as incoming:
        incoming.write(data)
        cache.adopt(incoming, digest)
    cache.put_layer(source(number), "zstd-6", facts)
    age(cache.blob_path(digest), 100)
    age(next((cache.root / "facts").glob(f"{source(number).hex}*")), days)


def source(number: int) -> Digest:
    return Digest.of(b"source %d" % number)


def age(path: Path, days: float) -> None:
    when = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (when, when))


def layers(cache: Cache) -> list[int]:
    blobs = {path.name for path in (cache.root / "blobs").iterdir()}
    return [n for n in range(3) if Digest.of(bytes([n]) * SIZE).hex in blobs]


def pruned(cache: Cache, limits: Limits) -> list[int]:
    list(carry_out(cache, plan_cache(cache, limits, NOW)))
    return layers(cache)


def test_what_was_not_used_for_long_goes_with_what_was_learnt_of_it(cache: Cache) -> None:
    assert pruned(cache, Limits()) == [1, 2]
    assert not list((cache.root / "partial").iterdir())
    assert len(list((cache.root / "facts").iterdir())) == 2
    assert pruned(cache, Limits(timedelta(days=15))) == [2]


def test_the_oldest_go_until_no_more_is_left_than_asked_for(cache: Cache) -> None:
    plan = plan_cache(cache, Limits(timedelta(0), keep=2 * SIZE + 20_000), NOW)
    assert [item.candidate.kind for item in plan.going] == ["partial", "blob"]
    assert plan.frees >= 2 * SIZE
    assert pruned(cache, Limits(timedelta(0), keep=2 * SIZE + 20_000)) == [1, 2]
    assert pruned(cache, Limits(timedelta(0), keep=0)) == []


def test_use_makes_a_layer_young_again(cache: Cache) -> None:
    assert cache.layer(source(0), "zstd-6") is not None
    document = b"{}"
    cache.put_document(document)
    age(cache.blob_path(Digest.of(document)), 90)
    assert cache.document(Digest.of(document), 100) == document
    assert pruned(cache, Limits()) == [0, 1, 2]
    assert cache.blob_path(Digest.of(document)).exists()


def test_what_is_used_between_the_plan_and_the_removal_stays(cache: Cache) -> None:
    plan = plan_cache(cache, Limits(), NOW)
    cache.layer(source(0), "zstd-6")
    gone = list(carry_out(cache, plan))
    assert [item.candidate.kind for item in gone] == ["partial"]
    assert layers(cache) == [0, 1, 2]


def test_nothing_goes_while_a_build_uses_the_cache(cache: Cache) -> None:
    plan = plan_cache(cache, Limits(), NOW)
    with cache.in_use(), Cache(cache.root).in_use():
        with pytest.raises(SourceFailed) as refused:
            list(carry_out(cache, plan))
        assert refused.value.code == "cache-busy"
        assert layers(cache) == [0, 1, 2]
    assert list(carry_out(cache, plan))


def test_facts_without_their_blob_go(cache: Cache) -> None:
    cache.evict(Digest.of(bytes([0]) * SIZE))
    (cache.root / "facts" / "damaged.json").write_bytes(b"?")
    age(cache.root / "facts" / "damaged.json", 60)
    pruned(cache, Limits())
    assert len(list((cache.root / "facts").iterdir())) == 2


def call(cache: Cache, *words: str) -> Result:
    return CliRunner().invoke(app, ["prune", *words], env={"MOONLIFT_CACHE": str(cache.root)})


def document_of(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_command_shows_and_removes(cache: Cache) -> None:
    shown = call(cache, "--dry-run", "--explain", "--older-than", "15d")
    assert shown.exit_code == 0
    assert "things to remove" in shown.stdout
    assert layers(cache) == [0, 1, 2]
    found = document_of(call(cache, "--older-than", "5000d", "--yes", "--json"))
    assert (found["removed"], found["frees_bytes"]) == ([], 0)
    found = document_of(call(cache, "--all", "--yes", "--json"))
    assert len(found["removed"]) == 4
    assert layers(cache) == []
    assert "0 things to remove" in call(cache).stdout


def test_the_command_cuts_down_to_a_size(cache: Cache) -> None:
    assert call(cache, "--keep", "150KiB", "--yes").exit_code == 0
    assert layers(cache) == [1, 2]


def test_the_command_does_not_go_on_unasked(cache: Cache) -> None:
    assert getattr(call(cache, "--all").exception, "code", "") == "not-a-terminal"
    assert getattr(call(cache, "--all", "--keep", "1").exception, "code", "") == "prune-options"
    assert getattr(call(cache, "--older-than", "x").exception, "code", "") == "time-malformed"
    assert layers(cache) == [0, 1, 2]


def test_a_cache_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert "0 things to remove" in call(Cache(tmp_path / "none"), "--all", "--yes").stdout
