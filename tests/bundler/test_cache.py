"""The build cache: what is damaged is not there, what is left over goes, what fails is told."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from unittest.mock import patch

import pytest

from bundler.cache import Cache
from bundler.layers.facts import LayerFacts
from manifests.digest import Digest
from manifests.errors import SourceFailed
from manifests.mediatype import MediaType
from tests.support.tamper import files_of

LAYER = b"the bytes of a layer"
SOURCE = Digest.of(b"source")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


def some_facts() -> LayerFacts:
    return LayerFacts(
        digest=Digest.of(LAYER),
        size=len(LAYER),
        media_type=MediaType.OCI_LAYER_ZSTD,
        diff_id=Digest.of(b"tar"),
        uncompressed=3,
        chunks=(Digest.of(LAYER).hex,),
    )


def put(cache: Cache) -> LayerFacts:
    facts = some_facts()
    with cache.incoming() as incoming:
        incoming.write(LAYER)
        cache.adopt(incoming, facts.digest)
    cache.put_layer(SOURCE, "zstd-6", facts)
    return facts


def test_a_layer_is_found_under_its_settings(cache: Cache) -> None:
    assert cache.layer(SOURCE, "zstd-6") is None
    facts = put(cache)
    assert cache.layer(SOURCE, "zstd-6") == facts
    assert cache.layer(SOURCE, "zstd-7") is None
    assert facts.record.size == facts.file.size == len(LAYER)
    assert not files_of(cache.scratch)


def test_a_layer_without_its_blob_or_in_another_size_is_not_there(cache: Cache) -> None:
    facts = put(cache)
    cache.blob_path(facts.digest).write_bytes(LAYER[:-1])
    assert cache.layer(SOURCE, "zstd-6") is None
    cache.evict(facts.digest)
    cache.evict(facts.digest)
    assert cache.layer(SOURCE, "zstd-6") is None


def test_any_damage_to_what_was_learnt_is_seen(cache: Cache) -> None:
    put(cache)
    path = cache.root / files_of(cache.root)[-1]
    assert path.parent.name == "facts"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(bytes([*whole[:at], whole[at] ^ 1, *whole[at + 1 :]]))
        assert cache.layer(SOURCE, "zstd-6") is None
    for end in (0, 63, 64, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert cache.layer(SOURCE, "zstd-6") is None
    path.write_bytes(Digest.of(b"{}").hex.encode() + b"{}")
    assert cache.layer(SOURCE, "zstd-6") is None


def test_a_damaged_document_is_not_there(cache: Cache) -> None:
    digest = Digest.of(b"{}")
    assert cache.document(digest, 100) is None
    cache.put_document(b"{}")
    assert cache.document(digest, 100) == b"{}"
    assert cache.document(digest, 1) == b"{}"
    cache.put_document(b"longer")
    assert cache.document(Digest.of(b"longer"), 2) is None
    cache.blob_path(digest).write_bytes(b"[]")
    assert cache.document(digest, 100) is None


def test_a_file_that_is_not_adopted_is_gone(cache: Cache) -> None:
    with cache.incoming() as incoming:
        incoming.write(LAYER)
    assert not files_of(cache.root)
    with pytest.raises(SourceFailed), cache.incoming():
        cache.root.mkdir()
    assert not files_of(cache.root)


def test_leftovers_of_killed_builds_go_and_those_of_running_ones_stay(cache: Cache) -> None:
    (cache.scratch / "tmpdead").write_bytes(b"x")
    with cache.incoming() as incoming:
        incoming.write(LAYER)
        Cache(cache.root).prepare()
        assert files_of(cache.scratch) == [incoming.path.name]


def test_a_file_that_is_swept_before_it_is_locked_is_made_again(cache: Cache) -> None:
    real = fcntl.flock
    swept: list[Path] = []

    def late(descriptor: int, operation: int) -> None:
        if not swept:
            swept.append(next(cache.scratch.iterdir()))
            swept[0].unlink()
        real(descriptor, operation)

    with patch.object(fcntl, "flock", late), cache.incoming() as incoming:
        assert incoming.path.exists()
        assert incoming.path != swept[0]


def test_short_writes_are_finished(cache: Cache) -> None:
    real = os.write
    with (
        patch.object(os, "write", lambda file, data: real(file, data[:3])),
        cache.incoming() as incoming,
    ):
        incoming.write(LAYER)
        assert incoming.path.read_bytes() == LAYER


def test_builds_put_the_same_blob_at_once(cache: Cache) -> None:
    together = threading.Barrier(8)

    def one() -> None:
        together.wait()
        for _ in range(20):
            Cache(cache.root).prepare()
            put(cache)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.layer(SOURCE, "zstd-6") == some_facts()
    assert not files_of(cache.scratch)


def test_a_place_that_cant_be_a_cache_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(SourceFailed) as caught:
            Cache(root).prepare()
        assert caught.value.code == "cache-unusable"
        assert "--cache" in caught.value.hint


def test_a_file_system_without_links_is_told_apart(cache: Cache) -> None:
    with (
        (cache.root / "partial/x").open("wb") as file,
        patch.object(os, "link", side_effect=OSError),
    ):
        assert not cache.link(file.fileno(), SOURCE)
    with (
        (cache.root / "partial/x").open("wb") as file,
        patch.object(os, "link", side_effect=FileExistsError),
    ):
        assert cache.link(file.fileno(), SOURCE)
