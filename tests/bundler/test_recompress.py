"""Inflating and recompressing: any chunking, any number of members, nothing after the last."""

from __future__ import annotations

import itertools
import os
import threading
import zlib
from collections.abc import Iterable, Iterator

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.layers.recompress import (
    PIECE,
    Inflater,
    MalformedLayer,
    StoredHasher,
    ZstdSettings,
    inflate,
    recompress,
)
from manifests.digest import Digest
from manifests.mediatype import Compression
from manifests.release import CHUNK_SIZE
from tests.support.layers import noise, prose

WRAPPED = (Compression.GZIP, Compression.ZSTD)
TEXT = prose(1, 300_000)
BITS = noise(2, 100_000)


def wrap(data: bytes, compression: Compression, level: int = 3) -> bytes:
    if compression is Compression.GZIP:
        return zlib.compress(data, level, wbits=31)
    if compression is Compression.ZSTD:
        return zstandard.ZstdCompressor(level=level, write_checksum=True).compress(data)
    return data


def cut(data: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """Yield `data` in pieces of the given sizes, over and over."""
    rest = memoryview(data)
    for size in itertools.cycle(sizes):
        if not rest:
            return
        yield bytes(rest[:size])
        rest = rest[size:]


def unwrap(data: bytes, compression: Compression, *sizes: int) -> bytes:
    return b"".join(inflate(cut(data, sizes or (65536,)), compression))


@pytest.mark.property
@settings(deadline=None)
@given(
    parts=st.lists(st.binary(max_size=300), max_size=4),
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=5).filter(any),
    compression=st.sampled_from(list(Compression)),
)
def test_any_chunking_of_any_members_inflates(
    parts: list[bytes], sizes: list[int], compression: Compression
) -> None:
    stored = b"".join(wrap(part, compression) for part in parts)
    assert unwrap(stored, compression, *sizes) == b"".join(parts)


@pytest.mark.property
@settings(deadline=None)
@given(
    data=st.binary(min_size=1, max_size=300),
    lost=st.integers(1, 400),
    compression=st.sampled_from(WRAPPED),
    size=st.integers(1, 50),
)
def test_a_layer_that_is_cut_short_is_refused(
    data: bytes, lost: int, compression: Compression, size: int
) -> None:
    whole = wrap(data, compression)
    short = whole[: max(1, len(whole) - lost)]
    with pytest.raises(MalformedLayer) as caught:
        unwrap(short, compression, size)
    assert caught.value.code == "layer-malformed"


@pytest.mark.parametrize("compression", WRAPPED)
def test_a_cut_anywhere_is_refused_and_told(compression: Compression) -> None:
    whole = wrap(TEXT, compression)
    for end in (1, 3, 4, 9, 10, 18, len(whole) // 2, *range(len(whole) - 12, len(whole))):
        with pytest.raises(MalformedLayer):
            unwrap(whole[:end], compression)
    with pytest.raises(MalformedLayer, match=f"its {compression} data ends too early"):
        unwrap(whole[: len(whole) // 2], compression)


def test_the_start_of_a_frame_before_a_whole_one_is_refused() -> None:
    """The library may forget a header of which only five bytes came in a piece of their own."""
    frame = wrap(b"\0", Compression.ZSTD)
    for end in range(1, len(frame)):
        with pytest.raises(MalformedLayer):
            b"".join(inflate([frame[:end], wrap(BITS, Compression.ZSTD)], Compression.ZSTD))


@pytest.mark.property
@settings(deadline=None)
@given(
    parts=st.lists(st.binary(max_size=200), min_size=1, max_size=3),
    flags=st.tuples(st.booleans(), st.booleans()),
    size=st.integers(1, 30),
)
def test_every_kind_of_frame_is_followed(
    parts: list[bytes], flags: tuple[bool, bool], size: int
) -> None:
    packer = zstandard.ZstdCompressor(write_checksum=flags[0], write_content_size=flags[1])
    stored = b"".join(map(packer.compress, parts))
    assert unwrap(stored, Compression.ZSTD, size) == b"".join(parts)
    with pytest.raises(MalformedLayer):
        unwrap(stored[:-1], Compression.ZSTD, size)


@pytest.mark.parametrize("garbage", [b"x", bytes(4), bytes(512), b"garbage after the end" * 9])
@pytest.mark.parametrize("compression", WRAPPED)
def test_anything_after_the_last_member_is_refused(
    compression: Compression, garbage: bytes
) -> None:
    for size in (1, 7, 65536):
        with pytest.raises(MalformedLayer):
            unwrap(wrap(TEXT[:1000], compression) + garbage, compression, size)


@pytest.mark.parametrize("compression", WRAPPED)
def test_every_flipped_bit_of_a_members_end_is_seen(compression: Compression) -> None:
    whole = bytearray(wrap(TEXT[:5000], compression))
    for at in range(len(whole) - 4, len(whole)):
        damaged = bytes([*whole[:at], whole[at] ^ 1, *whole[at + 1 :]])
        with pytest.raises(MalformedLayer):
            unwrap(damaged, compression)


def test_other_data_is_named_for_what_it_is_not() -> None:
    for compression in WRAPPED:
        with pytest.raises(MalformedLayer, match=f"it is not {compression}"):
            unwrap(TEXT, compression)


def test_a_window_of_2_gib_is_refused_and_one_of_128_mib_is_read() -> None:
    def frame(log: int) -> bytes:
        """One raw block of 5 bytes under a frame header that asks for a window of 2**log."""
        block = (5 << 3 | 1).to_bytes(3, "little") + b"hello"
        return b"\x28\xb5\x2f\xfd" + bytes([0, (log - 10) << 3]) + block

    assert unwrap(frame(27), Compression.ZSTD) == b"hello"
    for log in (28, 31):
        with pytest.raises(MalformedLayer, match="too much memory"):
            unwrap(frame(log), Compression.ZSTD)


def test_a_skippable_frame_is_skipped() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    stored = skippable + wrap(TEXT, Compression.ZSTD) + skippable
    assert unwrap(stored, Compression.ZSTD, 3) == TEXT


@pytest.mark.parametrize("compression", list(Compression))
def test_pieces_are_small_however_much_they_expand(compression: Compression) -> None:
    zeros = bytes(32 * 2**20)
    stored = wrap(zeros, compression)
    pieces = list(inflate(cut(stored, (512 * 1024,)), compression))
    assert max(map(len, pieces)) <= PIECE
    assert sum(map(len, pieces)) == len(zeros)


@pytest.mark.parametrize("compression", list(Compression))
def test_recompression_tells_what_it_read_and_wrote(compression: Compression) -> None:
    tar = TEXT + BITS
    written: list[bytes] = []
    source = cut(wrap(tar, compression), (1000, 70_000))
    inflated, stored = recompress(source, compression, ZstdSettings(), written.append)
    out = b"".join(written)
    assert (inflated.diff_id, inflated.size) == (Digest.of(tar), len(tar))
    assert (stored.digest, stored.size) == (Digest.of(out), len(out))
    assert stored.chunks == (stored.digest.hex,)
    assert unwrap(out, Compression.ZSTD) == tar


@pytest.mark.property
@settings(deadline=None, max_examples=40)
@given(sizes=st.lists(st.integers(500, 90_000), min_size=1, max_size=6))
def test_the_result_does_not_depend_on_how_the_source_comes(sizes: list[int]) -> None:
    def made(*chunks: int) -> Digest:
        source = cut(wrap(TEXT, Compression.GZIP), chunks)
        return recompress(source, Compression.GZIP, ZstdSettings(), lambda _: None)[1].digest

    assert made(*sizes) == made(2**20)


def test_levels_make_other_bytes_under_another_name() -> None:
    settings = [ZstdSettings(level=level) for level in (1, 6, 12)]
    made = [recompress([TEXT], Compression.NONE, one, lambda _: None)[1].digest for one in settings]
    assert len(set(made)) == len({one.key for one in settings}) == 3
    assert 2**26 < settings[1].memory < settings[2].memory < 2**27


def test_large_results_have_a_digest_for_each_chunk() -> None:
    hasher = StoredHasher(lambda _: None)
    data = noise(3, 9 * 2**20)
    for piece in cut(data, (1_000_001,)):
        hasher.take(piece)
    first, second = hasher.finish().chunks
    assert first == Digest.of(data[:CHUNK_SIZE]).hex
    assert second == Digest.of(data[CHUNK_SIZE:]).hex


def test_a_fault_of_the_source_arrives_as_it_is() -> None:
    def broken() -> Iterator[bytes]:
        yield wrap(TEXT, Compression.GZIP)[:1000]
        raise ConnectionResetError

    for compression in Compression:
        with pytest.raises((ConnectionResetError, MalformedLayer)):
            recompress(broken(), compression, ZstdSettings(), lambda _: None)


def test_a_consumer_that_fails_does_not_wait_for_a_source_that_hangs() -> None:
    released = threading.Event()

    def stuck() -> Iterator[bytes]:
        yield BITS
        released.wait(30)

    def full(_: bytes) -> None:
        raise OSError(28, os.strerror(28))

    source = itertools.chain([noise(4, 2**20) for _ in range(2)], stuck())
    with pytest.raises(OSError, match="No space"):
        recompress(source, Compression.NONE, ZstdSettings(level=1), full)
    assert not released.is_set()
    released.set()


def test_an_inflater_is_what_it_saw() -> None:
    inflater = Inflater([wrap(BITS, Compression.GZIP)], Compression.GZIP)
    assert b"".join(inflater) == BITS
    assert inflater.result().diff_id == Digest.of(BITS)
