"""Downloads: resumed, shared by jobs and by builds, never believed before their end."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.cache import Cache
from bundler.layers.download import Download, Wanted
from bundler.progress import Silent
from manifests.digest import Digest
from manifests.errors import MoonliftError, SourceFailed
from manifests.oci import Descriptor
from manifests.reference import Reference
from tests.bundler.builds import PIECE, MemorySource
from tests.support.images import BuiltImage, ImageSpec
from tests.support.layers import LayerSpec

IMAGE = ImageSpec((LayerSpec.random(1, 400_000),)).build()
LAYER = IMAGE.layers[0]


class Notes(Silent):
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.noted = threading.Event()

    def note(self, text: str) -> None:
        self.texts.append(text)
        self.noted.set()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


@pytest.fixture
def source() -> MemorySource:
    return MemorySource({"registry.test/app:1": IMAGE})


def partial(cache: Cache) -> Path:
    return cache.partial_path(Digest.parse(LAYER.digest))


def a_download(cache: Cache, source: MemorySource, size: int | None = None) -> Download:
    size = len(LAYER.data) if size is None else size
    descriptor = Descriptor(LAYER.media_type, Digest.parse(LAYER.digest), size)
    return Download(Wanted(source, Reference.parse("registry.test/app:1"), descriptor), cache)


def fetched(download: Download, progress: Silent | None = None) -> bytes:
    download.run(progress or Silent())
    try:
        return b"".join(download.read())
    finally:
        download.close()


def refusal(download: Download) -> MoonliftError:
    with pytest.raises(SourceFailed) as caught:
        fetched(download)
    return caught.value


def test_bytes_arrive_whole_and_stay_for_the_next_time(cache: Cache, source: MemorySource) -> None:
    assert fetched(a_download(cache, source)) == LAYER.data
    assert partial(cache).read_bytes() == LAYER.data
    assert fetched(a_download(cache, source)) == LAYER.data
    assert source.opened == [(LAYER.digest, 0)]


def test_a_download_that_broke_off_goes_on(cache: Cache, source: MemorySource) -> None:
    source.cuts[LAYER.digest] = 100_000
    assert refusal(a_download(cache, source)).code == "registry-unreachable"
    assert fetched(a_download(cache, source)) == LAYER.data
    assert source.opened == [(LAYER.digest, 0), (LAYER.digest, 100_000)]


def test_bytes_can_be_read_by_several_while_they_come(cache: Cache, source: MemorySource) -> None:
    source.pause_s = 0.01
    download = a_download(cache, source)
    seen: list[bytes] = []
    readers = [
        threading.Thread(target=lambda: seen.append(b"".join(download.read()))) for _ in range(3)
    ]
    for reader in readers:
        reader.start()
    download.run(Silent())
    for reader in readers:
        reader.join()
    download.close()
    assert seen == [LAYER.data] * 3


@pytest.mark.parametrize("kept", [b"", b"x" * 1000, b"x" * len(LAYER.data)])
def test_other_bytes_are_refused_and_forgotten(
    cache: Cache, source: MemorySource, kept: bytes
) -> None:
    partial(cache).write_bytes(kept)
    if not kept:
        source.lies[LAYER.digest] = bytes(len(LAYER.data))
    error = refusal(a_download(cache, source))
    assert error.code == "digest-mismatch"
    assert ("kept from an earlier run" in str(error)) == bool(kept)
    assert LAYER.digest in str(error)
    assert not partial(cache).exists()
    source.lies.clear()
    assert fetched(a_download(cache, source)) == LAYER.data


def test_too_few_and_too_many_bytes_are_refused(cache: Cache, source: MemorySource) -> None:
    few = refusal(a_download(cache, source, len(LAYER.data) + 1))
    assert (few.code, "found 400" in str(few)) == ("size-mismatch", True)
    assert not partial(cache).exists()
    many = refusal(a_download(cache, source, PIECE + 1))
    assert (many.code, "found more" in str(many)) == ("size-mismatch", True)
    assert not partial(cache).exists()


def test_more_than_the_blob_has_is_no_beginning_of_it(cache: Cache, source: MemorySource) -> None:
    partial(cache).write_bytes(LAYER.data + b"x")
    assert fetched(a_download(cache, source)) == LAYER.data


def test_a_blob_of_no_bytes(cache: Cache) -> None:
    image = BuiltImage(IMAGE.manifest, IMAGE.config, (), ())
    empty = Descriptor("x", Digest.of(b""), 0)
    source = MemorySource({"registry.test/app:1": image})
    wanted = Wanted(source, Reference.parse("registry.test/app:1"), empty)
    assert fetched(Download(wanted, cache)) == b""
    assert not source.opened


def test_builds_take_turns_and_the_second_fetches_nothing(
    cache: Cache, source: MemorySource
) -> None:
    source.pause_s = 0.02
    first, second, notes = a_download(cache, source), a_download(cache, source), Notes()
    one = threading.Thread(target=first.run, args=(Silent(),))
    one.start()
    next(first.read())
    two = threading.Thread(target=second.run, args=(notes,))
    two.start()
    assert notes.noted.wait(10)
    assert b"".join(second.read()) == b"".join(first.read()) == LAYER.data
    one.join()
    two.join()
    first.close()
    second.close()
    assert len(source.opened) == 1
    assert notes.texts == [f"waiting for another build that fetches layer {LAYER.digest[7:19]}"]


def test_a_file_that_another_build_removed_is_made_again(
    cache: Cache, source: MemorySource
) -> None:
    """The other has locked it, is done with it and removes it while we wait for the lock."""
    path, notes = partial(cache), Notes()
    with path.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        download = a_download(cache, source)
        waiting = threading.Thread(target=download.run, args=(notes,))
        waiting.start()
        assert notes.noted.wait(10)
        path.unlink()
    assert b"".join(download.read()) == LAYER.data
    waiting.join()
    download.close()
    assert path.read_bytes() == LAYER.data


def test_an_abandoned_download_stops_and_frees_its_readers(
    cache: Cache, source: MemorySource
) -> None:
    source.pause_s = 0.05
    download = a_download(cache, source)
    running = threading.Thread(target=download.run, args=(Silent(),))
    running.start()
    pieces: Iterator[bytes] = download.read()
    next(pieces)
    download.abandon()
    with pytest.raises(SourceFailed, match="given up"):
        list(pieces)
    running.join()
    download.close()
    kept = partial(cache).read_bytes()
    assert 0 < len(kept) < len(LAYER.data)
    assert LAYER.data.startswith(kept)


def test_a_download_abandoned_before_its_turn_asks_for_nothing(
    cache: Cache, source: MemorySource
) -> None:
    download = a_download(cache, source)
    download.abandon()
    download.run(Silent())
    with pytest.raises(SourceFailed):
        next(download.read())
    with pytest.raises(SourceFailed):
        download.keep()
    download.close()
    assert not source.opened


def test_what_was_read_becomes_the_blob_without_a_copy(cache: Cache, source: MemorySource) -> None:
    download = a_download(cache, source)
    download.run(Silent())
    assert download.keep()
    blob = cache.blob_path(Digest.parse(LAYER.digest))
    assert blob.samefile(partial(cache))
    blob.unlink()
    blob.write_bytes(b"of another time")
    assert download.keep()
    assert blob.read_bytes() == LAYER.data
    download.discard()
    assert not partial(cache).exists()
    assert blob.exists()
    blob.unlink()
    assert not download.keep()
    download.close()


def test_a_cache_that_cant_be_written_is_told(cache: Cache, source: MemorySource) -> None:
    partial(cache).mkdir()
    error = refusal(a_download(cache, source))
    assert (error.code, error.exit_code) == ("cache-unusable", 21)
    assert str(cache.root) in str(error)
