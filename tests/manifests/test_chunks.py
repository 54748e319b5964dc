"""Chunks: no byte is handed on before its digest was compared; damage is named by its place."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.bundle import chunks as chunks_module
from manifests.bundle.chunks import (
    ChunkedFile,
    ChunkHasher,
    chunked_file,
    examine,
    verified_chunks,
)
from manifests.bundle.medium import Medium, open_medium
from manifests.bundle.reading import Patience, read_exactly
from manifests.bundle.tarform import END, header, padding
from manifests.bundle.tarmedium import PipeMedium
from manifests.digest import Digest
from manifests.errors import BundleRefused
from manifests.release import CHUNK_SIZE
from tests.manifests.conftest import Signed

NAME = "blobs/sha256/x"
SMALL = 10
"""Chunk size of the tests that don't need the real one."""


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks_module, "CHUNK_SIZE", SMALL)


small = pytest.mark.usefixtures("_small")


def described(data: bytes, size: int = SMALL) -> ChunkedFile:
    pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
    return ChunkedFile(NAME, len(data), tuple(map(Digest.of, pieces)))


@contextmanager
def lying(folder: Path, data: bytes) -> Iterator[Medium]:
    """Yield a medium whose one file holds `data`."""
    (folder / NAME).parent.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_bytes(data)
    medium = open_medium(folder)
    try:
        yield medium
    finally:
        medium.close()


def numbers(medium: Medium, file: ChunkedFile) -> list[object]:
    """Return the numbers of the chunks that can't be had."""
    examined = examine(medium, file, Patience(), lambda _: None)
    return [fault.context["chunk"] for fault in examined.faults]


def taken(medium: Medium, file: ChunkedFile) -> bytes:
    return b"".join(bytes(chunk) for chunk in verified_chunks(medium, file))


DATA = bytes(range(200)) * 3


@small
@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 20, 25, 200, 599])
def test_good_bytes_pass(tmp_path: Path, size: int) -> None:
    with lying(tmp_path, DATA[:size]) as medium:
        assert taken(medium, described(DATA[:size])) == DATA[:size]
        assert not numbers(medium, described(DATA[:size]))


@small
@pytest.mark.parametrize("at", [0, 9, 10, 55, 598, 599])
def test_damage_is_named_and_nothing_after_it_passes(tmp_path: Path, at: int) -> None:
    bad = bytearray(DATA)
    bad[at] ^= 1
    got: list[bytes] = []
    with lying(tmp_path, bytes(bad)) as medium:
        with pytest.raises(BundleRefused) as caught:
            got.extend(bytes(chunk) for chunk in verified_chunks(medium, described(DATA)))
        assert numbers(medium, described(DATA)) == [at // SMALL]
    assert b"".join(got) == DATA[: at // SMALL * SMALL]
    assert caught.value.code == "chunk-damaged"
    assert {**caught.value.context, "found": ""} == {
        "file": NAME,
        "chunk": at // SMALL,
        "offset": at // SMALL * SMALL,
        "length": SMALL,
        "found": "",
    }
    end = min(at // SMALL * SMALL + SMALL, len(DATA))
    assert f"bytes {at // SMALL * SMALL} to {end} do not match" in str(caught.value)


@small
def test_every_damaged_chunk_is_found(tmp_path: Path) -> None:
    bad = bytearray(DATA)
    for at in (5, 5 + SMALL, 599):
        bad[at] ^= 1
    with lying(tmp_path, bytes(bad)) as medium:
        assert numbers(medium, described(DATA)) == [0, 1, 59]


@small
@pytest.mark.parametrize("data", [b"", DATA[:-1], DATA + b"x", DATA[:SMALL]])
def test_other_size_than_signed(tmp_path: Path, data: bytes) -> None:
    with lying(tmp_path, data) as medium, pytest.raises(BundleRefused) as caught:
        taken(medium, described(DATA))
    assert caught.value.code == "size-mismatch"
    assert f"expected 600 bytes, found {len(data)}" in str(caught.value)


def test_size_that_a_pipe_tells(tmp_path: Path) -> None:
    """A pipe's sizes are known only when the file comes."""
    data = header(NAME, 3) + b"abc" + padding(3) + END
    (tmp_path / "x.tar").write_bytes(data)
    with closing(PipeMedium(io.FileIO(tmp_path / "x.tar"))) as medium:
        with pytest.raises(BundleRefused) as caught:
            taken(medium, described(b"ab"))
        assert caught.value.code == "size-mismatch"


def test_empty_file_with_another_digest(tmp_path: Path) -> None:
    with lying(tmp_path, b"") as medium:
        assert taken(medium, described(b"")) == b""
        with pytest.raises(BundleRefused) as caught:
            taken(medium, ChunkedFile(NAME, 0, (Digest.of(b"x"),)))
        assert caught.value.code == "chunk-damaged"


@small
def test_cut_while_it_is_read(tmp_path: Path) -> None:
    with lying(tmp_path, DATA) as medium:
        (tmp_path / NAME).write_bytes(DATA[:105])
        with pytest.raises(BundleRefused) as caught:
            taken(medium, described(DATA))
        faults = examine(medium, described(DATA), Patience(), lambda _: None).faults
    assert caught.value.code == "bundle-truncated"
    assert [fault.context["offset"] for fault in faults] == list(range(100, 600, SMALL))
    assert "expected 5 more bytes" in str(faults[0])


@small
def test_file_that_is_not_there(tmp_path: Path) -> None:
    with lying(tmp_path, b"") as medium, pytest.raises(BundleRefused) as caught:
        taken(medium, ChunkedFile("none", 1, (Digest.of(b"x"),)))
    assert caught.value.code == "file-missing"


@small
def test_view_stays_good_until_the_one_after_the_next(tmp_path: Path) -> None:
    with lying(tmp_path, DATA) as medium:
        before: tuple[memoryview, bytes] | None = None
        for chunk in verified_chunks(medium, described(DATA)):
            if before is not None:
                assert bytes(before[0]) == before[1]
            before = (chunk, bytes(chunk))


@small
def test_consumer_may_stop_anywhere(tmp_path: Path) -> None:
    with lying(tmp_path, DATA) as medium:
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
        for stop in range(5):
            stream = verified_chunks(medium, described(DATA))
            for _ in range(stop):
                next(stream)
            stream.close()
        assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def test_chunks_of_the_real_size(tmp_path: Path) -> None:
    data = hashlib.shake_128(b"x").digest(2 * CHUNK_SIZE + 3)
    hasher = ChunkHasher()
    hasher.update(data)
    table = tuple(map(Digest, hasher.finish()))
    assert table == described(data, CHUNK_SIZE).chunks
    with lying(tmp_path, data) as medium:
        assert taken(medium, ChunkedFile(NAME, len(data), table)) == data


class Drip(io.RawIOBase):
    """A stream that gives a few bytes at a time, then nothing, or fails."""

    def __init__(self, pieces: Sequence[bytes | OSError]) -> None:
        super().__init__()
        self._pieces = list(pieces)

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, OSError):
            raise piece
        buffer[: len(piece)] = piece
        return len(piece)


def test_read_exactly() -> None:
    buffer = bytearray(5)
    read_exactly(Drip([b"ab", b"c", b"de"]), memoryview(buffer), "x")
    assert buffer == b"abcde"
    with pytest.raises(BundleRefused, match="x: expected 2 more bytes, found its end"):
        read_exactly(Drip([b"ab", b"c"]), memoryview(buffer), "x")
    with pytest.raises(BundleRefused) as caught:
        read_exactly(Drip([b"ab", OSError(5, "Input/output error")]), memoryview(buffer), "x")
    assert caught.value.code == "medium-unreadable"
    assert "Input/output error" in str(caught.value)


@pytest.mark.property
@given(st.lists(st.binary(max_size=35)))
def test_hasher_does_not_care_how_bytes_come(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks_module, "CHUNK_SIZE", SMALL)
        hasher = ChunkHasher()
        for piece in pieces:
            hasher.update(memoryview(piece))
        table = hasher.finish()
        assert hasher.finish() == table
    assert table == (tuple(one.hex for one in described(data).chunks) if data else ())


def test_what_is_signed_of_a_file(pristine: Signed) -> None:
    release = pristine.bundle.release
    blob = next(release.blobs())
    assert chunked_file(release, blob.name, blob.size, blob.digest) == ChunkedFile(
        blob.name, blob.size, (blob.digest,)
    )
