"""Builds under faults: lying sources, damaged caches, changed files, others at the same work."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bundler.cache import Cache
from bundler.console import print_view
from bundler.layers.collect import prepare_layers
from bundler.progress import Silent, Stage
from bundler.words.report import report_view
from bundler.write import DamagedEntry, write
from manifests.digest import Digest
from manifests.errors import MoonliftError, SourceFailed, UsageError
from manifests.layerpolicy import LayerPolicy
from manifests.release import CHUNK_SIZE
from tests.bundler.builds import (
    PIECE,
    MemorySource,
    Workplace,
    content_of,
    layer_blobs,
    memory,
    served_by,
)
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import files_of, flip

LAYERS = tuple(LayerSpec.random(number, 300_000 + number) for number in range(5))
APP = ImageSpec(LAYERS)


class Notes(Silent):
    """Keeps what is said, and may strike at a moment."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture
def app(place: Workplace) -> Workplace:
    place.write_app("registry.test/app:1")
    return place


def refusal(place: Workplace, source: MemorySource) -> MoonliftError:
    with served_by(source), pytest.raises(MoonliftError) as caught:
        place.build()
    assert not (place.root / "out").exists()
    place.tidy()
    return caught.value


def blobs_of(cache: Cache) -> list[Path]:
    """Layers in the cache, as they go into a bundle."""
    return [path for path in (cache.root / "blobs").iterdir() if path.stat().st_size > 100_000]


@pytest.mark.parametrize("policy", [LayerPolicy.ZSTD, LayerPolicy.ORIGINAL])
@pytest.mark.parametrize("lie", [b"", b"short", b"\x00" * 400_000])
def test_a_source_that_lies_is_refused_and_believed_again_when_it_does_not(
    app: Workplace, lie: bytes, policy: LayerPolicy
) -> None:
    place = replace(app, defaults={"policy": policy})
    source = memory(app=APP)
    victim = layer_blobs(source)[2]
    source.lies[victim.digest] = lie
    error = refusal(place, source)
    assert error.exit_code == 21
    assert victim.digest in str(error)
    assert "registry.test/app:1" in str(error)
    source.lies.clear()
    with served_by(source):
        place.build()
    place.tidy()


def test_a_download_that_breaks_off_goes_on_in_the_next_build(app: Workplace) -> None:
    source = memory(app=APP)
    victim = layer_blobs(source)[4]
    source.cuts[victim.digest] = 2 * PIECE
    assert refusal(app, source).code == "registry-unreachable"
    source.opened.clear()
    with served_by(source):
        app.build()
    assert (victim.digest, 2 * PIECE) in source.opened
    assert not files_of(app.cache.root / "partial")


def test_a_kept_part_that_was_damaged_does_not_spoil_every_build(app: Workplace) -> None:
    source = memory(app=APP)
    victim = layer_blobs(source)[4]
    app.cache.prepare()
    kept = app.cache.partial_path(Digest.parse(victim.digest))
    kept.write_bytes(b"\x1f\x8b damaged by a power cut" * 50)
    assert refusal(app, source).exit_code == 21
    with served_by(source):
        app.build()
    app.tidy()


def test_what_is_kept_of_a_finished_layer_goes(app: Workplace) -> None:
    """A build was killed after its last layer and before it could forget the download."""
    source = memory(app=APP)
    with served_by(source):
        app.build()
        kept = app.cache.partial_path(Digest.parse(layer_blobs(source)[0].digest))
        kept.write_bytes(b"something")
        app.build()
    assert not kept.exists()


def test_finished_layers_stay_when_another_fails(app: Workplace) -> None:
    source = memory(app=APP)
    smallest = layer_blobs(source)[0]
    source.lies[smallest.digest] = bytes(len(smallest.data))
    refusal(app, source)
    done = len(blobs_of(app.cache))
    assert done >= 2
    source.lies.clear()
    source.opened.clear()
    with served_by(source):
        app.build()
    assert len(source.opened) <= len(LAYERS) - done + 1
    assert not files_of(app.cache.root / "partial")


@pytest.mark.parametrize("policy", [LayerPolicy.ZSTD, LayerPolicy.ORIGINAL])
def test_damaged_blobs_of_the_cache_are_made_anew_within_the_build(
    app: Workplace, policy: LayerPolicy
) -> None:
    place = replace(app, defaults={"policy": policy})
    source, notes = memory(app=APP), Notes()
    with served_by(source):
        place.build("first")
        good = content_of(place.root / "first")
        for path in blobs_of(place.cache)[:3]:
            flip(path)
        source.opened.clear()
        place.build("out", notes)
    assert content_of(place.root / "out") == good
    assert len(source.opened) == 3
    assert len(notes.texts) == 1
    assert "it is made anew" in notes.texts[0]
    place.tidy()


def test_a_blob_that_vanishes_is_made_anew(app: Workplace) -> None:
    with served_by(memory(app=APP)):
        app.build("first")
        for path in blobs_of(app.cache):
            path.unlink()
        app.build("out")
    assert content_of(app.root / "out") == content_of(app.root / "first")


def test_a_cache_that_damages_again_is_given_up_with_the_old_bundle_in_place(
    app: Workplace,
) -> None:
    with served_by(memory(app=APP)):
        app.build()
        good = content_of(app.root / "out")
        with (
            patch("bundler.build.prepare_layers", damaging_layers(app)),
            pytest.raises(DamagedEntry) as caught,
        ):
            app.build()
    assert caught.value.exit_code == 21
    assert content_of(app.root / "out") == good
    app.tidy()


def damaging_layers(place: Workplace) -> Callable[..., Any]:
    def prepare(*arguments: Any) -> Any:
        made = prepare_layers(*arguments)
        flip(blobs_of(place.cache)[0])
        return made

    return prepare


def test_a_damaged_document_of_the_cache_is_fetched_anew(app: Workplace) -> None:
    with served_by(memory(app=APP)):
        app.build("first")
        for path in (app.cache.root / "blobs").iterdir():
            if path.stat().st_size < 100_000:
                flip(path)
        app.build("out")
    assert content_of(app.root / "out") == content_of(app.root / "first")


@pytest.mark.parametrize("what", ["content", "length", "gone"])
def test_a_file_that_changes_during_the_build_is_told(app: Workplace, what: str) -> None:
    app.write_app("registry.test/app:1", more="files: [big]\n")
    big = app.root / "big"
    big.write_bytes(bytes(CHUNK_SIZE + 10))

    changes: dict[str, Callable[[], object]] = {
        "content": lambda: flip(big, -1),
        "length": lambda: big.write_bytes(bytes(CHUNK_SIZE + 11)),
        "gone": big.unlink,
    }

    class Changing(Silent):
        def start(self, stage: Stage, subject: str, total: int) -> None:  # noqa: ARG002
            if stage is Stage.WRITE and subject == "files/big":
                changes[what]()

    with served_by(memory(app=APP)), pytest.raises(DamagedEntry) as caught:
        app.build("out", Changing())
    assert (caught.value.code, caught.value.exit_code) == ("source-changed", 21)
    assert str(big) in str(caught.value)
    assert not (app.root / "out").exists()
    app.tidy()


def test_a_bundle_that_a_host_would_refuse_does_not_replace_a_good_one(app: Workplace) -> None:
    with served_by(memory(app=APP)):
        app.build()
        good = content_of(app.root / "out")
        with (
            patch("bundler.build.sign_sums", return_value=[b"no signature"]),
            pytest.raises(SourceFailed) as caught,
        ):
            app.build()
    assert caught.value.code == "selfcheck"
    assert content_of(app.root / "out") == good


def test_left_out_platforms_of_unknown_weight_are_told_and_stop_nothing(
    app: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    index = IndexSpec((APP, APP.on("linux/arm64"), APP.on("linux/arm/v6")), attestations=True)
    source = memory(app=index)
    built = index.build()
    source.lies[built.images[1].manifest.digest] = b"{}"
    with served_by(source):
        report = app.build()
    sizes = [item.size for item in report.pruned.left_out]
    assert sizes[0] is None
    assert all(sizes[1:])
    print_view(report_view(report))
    assert "5 other platforms and attestations (1 of unknown size)" in capsys.readouterr().out


def test_builds_that_share_a_cache_fetch_each_layer_once(place: Workplace, tmp_path: Path) -> None:
    source = memory(app=APP)
    source.pause_s = 0.01
    places = [Workplace(tmp_path / str(number), place.key) for number in range(3)]
    failures: list[MoonliftError] = []

    def one(mine: Workplace) -> None:
        try:
            mine.build(cache=place.cache)
        except MoonliftError as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(mine,)) for mine in places]
    with served_by(source):
        for mine, thread in zip(places, threads, strict=True):
            mine.root.mkdir()
            mine.write_app("registry.test/app:1")
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    blobs = [
        {name: data for name, data in content_of(mine.root / "out").items() if "blobs/" in name}
        for mine in places
    ]
    assert blobs[0] == blobs[1] == blobs[2]
    assert len(source.opened) < 2 * len(LAYERS)
    assert not files_of(place.cache.scratch)
    assert not files_of(place.cache.root / "partial")


def test_two_builds_to_one_place_do_not_mix(app: Workplace) -> None:
    source, outcome = memory(app=APP), []
    together = threading.Barrier(2)

    def meet(*arguments: Any) -> object:
        together.wait(20)
        return write(*arguments)

    def one() -> None:
        try:
            app.build()
            outcome.append("built")
        except UsageError as error:
            outcome.append(error.code)

    with served_by(source), patch("bundler.build.write", meet):
        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(outcome) in (["built", "output-busy"], ["built", "built"])
    with served_by(source):
        app.build()
    app.tidy()


def test_a_cache_on_a_file_system_without_links_keeps_originals_by_copy(app: Workplace) -> None:
    place = replace(app, defaults={"policy": LayerPolicy.ORIGINAL})
    with served_by(memory(app=APP)):
        place.build("first")
        with patch.object(os, "link", side_effect=PermissionError):
            place.build("out", cache=Cache(app.root / "other"))
    assert content_of(app.root / "out") == content_of(app.root / "first")
    place.tidy()


def test_an_app_that_changes_its_files_only_gets_a_new_number(app: Workplace) -> None:
    app.write_app("registry.test/app:1", more="files: [a.txt]\n")
    (app.root / "a.txt").write_text("one")
    source = memory(app=APP)
    with served_by(source):
        first = app.build().release
        (app.root / "a.txt").chmod(0o755)
        second = app.build().release
        (app.root / "a.txt").write_text("two")
        third = app.build().release
    assert first.sequence < second.sequence < third.sequence
    assert len(source.opened) == len(LAYERS)
