"""Parity: any columns of data from enough others, and by the words of the format alone."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.bundle.paritycode import Code, checksum_offset, checksum_rows
from manifests.bundle.parityrecord import ParityRecord
from manifests.bundle.paritystream import Stream, shape_of
from manifests.digest import Digest
from manifests.errors import MoonliftError
from manifests.release import Release
from tests.support.bundles import Facts, make_bundle, new_key
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec

pytestmark = pytest.mark.property


def times(one: int, other: int) -> int:
    """Multiply in GF(256) as docs/bundle-format.md says: modulo x^8 + x^4 + x^3 + x^2 + 1."""
    product = 0
    while other:
        product ^= one if other & 1 else 0
        one = one << 1 ^ (0x11D if one & 0x80 else 0)
        other >>= 1
    return product


def inverse(one: int) -> int:
    return next(other for other in range(1, 256) if times(one, other) == 1)


def point(column: int) -> int:
    value = 1 if column else 0
    for _ in range(column - 1):
        value = times(value, 2)
    return value


def interpolated(known: dict[int, int], column: int) -> int:
    """Return a byte of a column from those of others, as Lagrange does."""
    at, value = point(column), 0
    for one, byte in known.items():
        term = byte
        for other in known.keys() - {one}:
            over = times(at ^ point(other), inverse(point(one) ^ point(other)))
            term = times(term, over)
        value ^= term
    return value


def test_the_format_alone_is_enough_to_decode() -> None:
    data = [bytes([7 * n % 251, n]) for n in range(6)]
    columns = [*data, *Code(6, 3).parity(data)]
    for lost in ({0, 1, 2}, {2, 5, 7}, {6, 7, 8}):
        for place in range(2):
            known = {n: columns[n][place] for n in range(9) if n not in lost}
            few = dict(list(known.items())[:6])
            assert [interpolated(few, n) for n in lost] == [columns[n][place] for n in lost]


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_any_columns_are_restored_from_enough_others(data: Any) -> None:
    count = data.draw(st.integers(1, 40))
    parity = data.draw(st.integers(1, 12))
    blocks = [data.draw(st.binary(min_size=16, max_size=16)) for _ in range(count)]
    code = Code(count, parity)
    columns = dict(enumerate([*blocks, *code.parity(blocks)]))
    lost = data.draw(st.sets(st.integers(0, count + parity - 1), max_size=parity))
    known = {n: block for n, block in columns.items() if n not in lost}
    assert code.restore(known, lost) == {n: columns[n] for n in lost}


@given(st.integers(1, 2**38), st.integers(1, 100))
@settings(max_examples=200, deadline=None)
def test_a_run_of_damage_of_the_percentage_never_takes_more_columns_than_there_are_spare(
    total: int, percent: int
) -> None:
    shape = shape_of(total, percent)
    assert shape.columns * shape.length >= total
    assert shape.columns + shape.parity <= 256
    touched = (total * percent // 100 + shape.block - 2) // shape.block + 1
    rows = shape.length // shape.block
    assert -(-touched // rows) <= shape.parity


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(0, 400), st.integers(0, 100))
def test_a_range_of_the_stream_is_the_same_range_of_the_joined_files(
    sizes: list[int], start: int, length: int
) -> None:
    files = {f"f{n}": bytes([n]) * size for n, size in enumerate(sizes)}
    stream = Stream([(name, len(data)) for name, data in files.items()])
    joined = b"".join(files.values())
    found = list(stream.extents(start, length))
    read = b"".join(files[one.name][one.offset : one.offset + one.length] for one in found)
    assert read == joined[start : start + length]
    assert all(one.length for one in found)
    assert all(one.name != other.name for one, other in pairwise(found))


def test_the_table_has_a_row_of_checksums_for_each_row_of_blocks() -> None:
    columns = [bytes([n]) * 512 + bytes([n + 100]) * 512 for n in range(3)]
    table = checksum_rows(columns, 512)
    assert len(table) == 2 * 3 * 4
    at = checksum_offset(1, 2, 3)
    assert table[at : at + 4] == checksum_rows([bytes([102]) * 512], 512)


GOOD: dict[str, Any] = {
    "columns": 232,
    "block": 512,
    "length": 1024,
    "sizes": {"oci-layout": 30, "index.json": 5, "manifest.json": 2},
    "checksums": Digest.of(b"table"),
    "parity": (Digest.of(b"one"), Digest.of(b"two")),
}


def test_a_parity_record_names_its_files() -> None:
    files = ParityRecord(**GOOD).files
    assert [name for name, _, _ in files] == [
        "parity/checksums.1",
        "parity/001",
        "parity/002",
        "parity/checksums.2",
    ]
    assert [size for _, size, _ in files] == [2 * 234 * 4, 1024, 1024, 2 * 234 * 4]


@pytest.mark.parametrize(
    "change",
    [
        {"columns": 0},
        {"columns": 255},
        {"block": 256},
        {"block": 768, "length": 1536},
        {"block": 131072, "length": 131072},
        {"length": 1000},
        {"length": 2**32},
        {"sizes": {"oci-layout": 30, "index.json": 5}},
        {"sizes": {"oci-layout": 30, "index.json": 5, "release.json": 2}},
        {"parity": ()},
        {"more": 1},
    ],
)
def test_a_parity_record_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ParityRecord(**{**GOOD, **change})


@pytest.mark.parametrize(
    "change", [{"length": 0x200}, {"columns": 1, "length": 512}, {"length": 10**6}]
)
def test_a_release_whose_columns_do_not_hold_it_is_refused(
    tmp_path: Path, change: dict[str, int]
) -> None:
    images = {"docker.io/acme/app:1": ImageSpec((LayerSpec.random(1, 600_000),))}
    key = new_key(tmp_path / "key")
    release = make_bundle(tmp_path / "b", images, key, facts=Facts(parity=5)).release
    raw = json.loads(release.canonical())
    assert Release.read(release.canonical()) == release
    raw["parity"] |= change
    with pytest.raises(MoonliftError) as caught:
        Release.read(json.dumps(raw).encode())
    assert caught.value.code == "document-invalid"


def test_more_than_can_be_numbered_is_refused() -> None:
    with pytest.raises(MoonliftError) as caught:
        shape_of(2**41, 10)
    assert caught.value.code == "parity-too-large"
