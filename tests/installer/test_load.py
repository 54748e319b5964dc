"""The way of bytes from a bundle to an engine: checked, bounded, in the right order."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from installer.engines.base import Delivery
from installer.events import Outcome
from installer.run import run
from installer.running.expand import MAX_WINDOW, PIECE, expand
from installer.running.source import BundleSource, PipeSource, refuse_unordered
from installer.stream.jobs import Halted, Meter
from manifests.digest import Digest
from manifests.errors import BundleRefused, NotInstallableHere
from manifests.mediatype import MediaType
from manifests.release import CHUNK_SIZE, ImageRecord, LayerRecord
from tests.installer.conftest import APP, BASE, NAMES, Host, piped
from tests.installer.fake_engine import FakeEngine
from tests.support.bundles import Facts
from tests.support.images import ImageSpec, Spec
from tests.support.layers import LayerSpec

EMPTY = LayerSpec({}).stored_as("gzip")
BIG = LayerSpec.random(7, CHUNK_SIZE + 100_000).stored_as("none")


def layer_of(stored: bytes, size: int, media_type: str = MediaType.OCI_LAYER_ZSTD) -> LayerRecord:
    return LayerRecord(
        digest=Digest.of(stored),
        size=len(stored),
        media_type=str(media_type),
        diff_id=Digest("0" * 64),
        uncompressed=size,
    )


def cut(data: bytes, size: int) -> Iterator[memoryview]:
    for start in range(0, len(data), size):
        yield memoryview(data)[start : start + size]


def expanded(layer: LayerRecord, stored: bytes, size: int = 1000) -> bytes:
    return b"".join(map(bytes, expand(layer, cut(stored, size))))


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    MediaType.OCI_LAYER_ZSTD: zstd,
    MediaType.OCI_LAYER_GZIP: gzip.compress,
    MediaType.DOCKER_LAYER_GZIP: gzip.compress,
    MediaType.OCI_LAYER: bytes,
}


@pytest.mark.property
@settings(max_examples=80, deadline=None)
@given(
    data=st.binary(max_size=5000),
    kind=st.sampled_from(sorted(PACKERS)),
    size=st.integers(1, 6000),
    times=st.integers(1, 3),
)
def test_unpacks_what_was_packed_however_it_is_cut(
    data: bytes, kind: str, size: int, times: int
) -> None:
    """Several gzip members and several zstd frames are one stream."""
    stored = PACKERS[kind](data) * times
    assert expanded(layer_of(stored, len(data) * times, kind), stored, size) == data * times


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("wrong", [-1, 1])
def test_refuses_another_size_than_was_signed(kind: str, wrong: int) -> None:
    stored = PACKERS[kind](b"x" * 5000)
    with pytest.raises(BundleRefused) as caught:
        expanded(layer_of(stored, 5000 + wrong, kind), stored)
    assert caught.value.code == "layer-size"


@pytest.mark.parametrize("kind", [MediaType.OCI_LAYER_ZSTD, MediaType.OCI_LAYER_GZIP])
def test_refuses_what_can_not_be_unpacked(kind: str) -> None:
    good = PACKERS[kind](bytes(range(256)) * 50)
    for bad in (good[:-9], good + b"junk!", b"junk" + good, b"no layer at all"):
        with pytest.raises(BundleRefused) as caught:
            expanded(layer_of(bad, 256 * 50, kind), bad)
        assert caught.value.code in ("layer-malformed", "layer-size")


def test_a_bomb_is_stopped_at_the_signed_size() -> None:
    bomb = zstd(bytes(200_000_000))
    assert len(bomb) < 20_000
    pieces: list[int] = []
    stream = expand(layer_of(bomb, 3 * PIECE), cut(bomb, len(bomb)))
    with pytest.raises(BundleRefused, match="more"):
        pieces.extend(map(len, stream))
    assert sum(pieces) <= 3 * PIECE
    assert max(pieces) <= PIECE


def test_refuses_a_frame_that_wants_too_much_memory() -> None:
    def packed(window_log: int) -> bytes:
        settings = zstandard.ZstdCompressionParameters(window_log=window_log)
        packer = zstandard.ZstdCompressor(compression_params=settings).compressobj()
        return packer.compress(b"x" * 100) + packer.flush()

    assert MAX_WINDOW == 2**27
    assert expanded(layer_of(packed(27), 100), packed(27)) == b"x" * 100
    with pytest.raises(BundleRefused):
        expanded(layer_of(packed(28), 100), packed(28))


def test_refuses_a_media_type_that_is_no_layer() -> None:
    with pytest.raises(BundleRefused):
        expanded(layer_of(b"x", 1, MediaType.OCI_CONFIG), b"x")


def test_hands_on_nothing_of_a_damaged_chunk(host: Host) -> None:
    bundle = host.bundle({NAMES[0]: ImageSpec((BIG,))})
    (layer,) = bundle.release.images[0].layers
    damaged = bytearray(bundle.files[layer.name])
    damaged[CHUNK_SIZE + 5] ^= 1
    (bundle.path / layer.name).write_bytes(damaged)
    source = BundleSource(host.verify(bundle.path).sealed, lambda _: None, lambda *_: None)
    handed_on: list[int] = []
    with pytest.raises(BundleRefused) as caught:
        handed_on.extend(map(len, source.unpacked(layer)))
    assert caught.value.context["chunk"] == 1
    assert sum(handed_on) <= CHUNK_SIZE


def test_stops_between_two_chunks_when_told(host: Host) -> None:
    bundle = host.bundle({NAMES[0]: ImageSpec((BIG,))})
    (layer,) = bundle.release.images[0].layers
    cancel = threading.Event()
    meter = Meter(layer.size, cancel)
    source = BundleSource(host.verify(bundle.path).sealed, meter.add, lambda *_: None)
    pieces = source.unpacked(layer)
    next(pieces)
    cancel.set()
    with pytest.raises(Halted):
        next(pieces)


PIPED: Mapping[str, Mapping[str, Spec]] = {
    "plain": {NAMES[0]: APP, NAMES[1]: ImageSpec((BASE, BIG))},
    "the same small layer in several places": {
        NAMES[0]: ImageSpec((BASE, EMPTY, LayerSpec({"a": b"1"}), EMPTY)),
        NAMES[1]: ImageSpec((EMPTY, BASE, BIG)),
    },
}


@pytest.mark.parametrize("images", PIPED.values(), ids=list(PIPED))
def test_installs_from_a_pipe(host: Host, fake: FakeEngine, images: Mapping[str, Spec]) -> None:
    bundle = host.bundle(images, Facts(files={"compose.yaml": b"services: {}\n"}))
    with piped(bundle.tar(), host.root / "pipe") as pipe:
        assert host.install(pipe, fake.url).outcome is Outcome.DONE
    assert set(fake.names) == set(images)
    with piped(bundle.tar(), host.root / "again") as pipe:
        assert host.install(pipe, fake.url).outcome is Outcome.NOTHING_TO_DO


def test_an_upgrade_from_a_pipe_passes_over_what_is_there(host: Host, fake: FakeEngine) -> None:
    host.install(host.bundle({NAMES[0]: ImageSpec((BIG, BASE))}).path, fake.url)
    images = {NAMES[0]: ImageSpec((BIG, BASE, LayerSpec({"new": b"1"})))}
    upgrade = host.bundle(images, Facts(sequence=2))
    with piped(upgrade.tar(), host.root / "pipe") as pipe:
        record = host.install(pipe, fake.url)
    assert record.outcome is Outcome.DONE
    assert record.bytes_read == upgrade.release.images[0].layers[2].size


def test_a_truncated_pipe_is_refused_and_nothing_is_committed(host: Host, fake: FakeEngine) -> None:
    data = host.bundle({NAMES[0]: ImageSpec((BASE, BIG))}).tar()
    with piped(data[:-200_000], host.root / "pipe") as pipe:
        record = host.install(pipe, fake.url)
    assert record.failure is not None
    assert record.failure.code == "bundle-truncated"
    assert fake.images == {}


def test_a_large_layer_in_two_places_is_refused_from_a_pipe_before_all(
    host: Host, graph: FakeEngine
) -> None:
    bundle = host.bundle({NAMES[0]: ImageSpec((BIG, BASE)), NAMES[1]: ImageSpec((BASE, BIG))})
    with (
        piped(bundle.tar(), host.root / "pipe") as pipe,
        pytest.raises(NotInstallableHere) as caught,
    ):
        host.plan(pipe, graph.url)
    assert caught.value.code == "pipe-order"
    assert graph.load_calls == 0
    assert host.install(bundle.path, graph.url).outcome is Outcome.DONE


def test_what_is_kept_from_a_pipe_is_let_go_of(host: Host) -> None:
    bundle = host.bundle(PIPED["the same small layer in several places"])
    with piped(bundle.tar(), host.root / "pipe") as pipe:
        sealed = host.verify(pipe).sealed
        deliveries = [Delivery(image, image.layers, "") for image in bundle.release.images]
        refuse_unordered(sealed, deliveries)
        source = PipeSource(sealed, lambda _: None, lambda *_: None, deliveries)
        for layer in (layer for one in deliveries for layer in one.missing):
            data = b"".join(map(bytes, source.stored(layer)))
            assert Digest.of(data) == layer.digest
    assert source._kept == {}


def test_a_bug_in_a_thread_comes_out_of_the_stream(
    host: Host, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: object, _image: ImageRecord, _how_far: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(BundleSource, "at_work", broken)
    with pytest.raises(ZeroDivisionError):
        list(run(host.plan(host.bundle().path, fake.url), threading.Event()))
    assert fake.names == {}


def test_zlib_is_not_gzip() -> None:
    """A layer that says gzip and is bare zlib is refused."""
    stored = zlib.compress(b"x" * 100)
    with pytest.raises(BundleRefused):
        expanded(layer_of(stored, 100, MediaType.OCI_LAYER_GZIP), stored)
