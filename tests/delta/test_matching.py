"""What a new layer's tar has of an old one is found, wherever it moved."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.delta.matching import OldTar
from bundler.delta.segments import Cutting
from manifests.patchform import PatchSizes, apply_patch
from tests.support.layers import noise

FILES = {f"data/{number}": noise(number, 3000 * number) for number in range(1, 40)}


def tar(files: Mapping[str, bytes], time: int = 0) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), time
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def patch(old: bytes, new: bytes, *, step: int = 100_000) -> bytes:
    """Return a patch, after applying it."""
    with tempfile.TemporaryFile() as file:
        before = OldTar(file.fileno(), Cutting.of_size(len(old)))
        before.take(pieces(old, step))
        made = b"".join(before.patch(pieces(new, step)))

        def read_old(offset: int, view: memoryview) -> None:
            assert os.preadv(file.fileno(), [view], offset) == len(view)

        sizes = PatchSizes("patch", len(old), len(new))
        assert b"".join(map(bytes, apply_patch(sizes, io.BytesIO(made), read_old))) == new
        return made


def test_one_changed_file_costs_that_file() -> None:
    new = {**FILES, "data/5": noise(99, 15_000)}
    assert len(patch(tar(FILES), tar(new))) < 17_000


def test_a_file_in_front_moves_all_others_for_nothing() -> None:
    assert len(patch(tar(FILES), tar({"a": b"1", **FILES}))) < 2_000


def test_files_in_another_order_cost_their_headers() -> None:
    turned = dict(reversed(FILES.items()))
    assert len(patch(tar(FILES), tar(turned))) < 1_000 * len(FILES)


def test_new_dates_cost_the_headers() -> None:
    assert len(patch(tar(FILES), tar(FILES, 1_000_000))) < 600 * len(FILES)


def test_an_insertion_in_a_large_file_costs_its_neighbourhood() -> None:
    large = noise(1, 2_000_000)
    changed = large[:700_000] + b"inserted" + large[700_000:]
    assert len(patch(tar({"a": large}), tar({"a": changed}))) < 100_000


def test_changes_in_place_cost_little_more_than_themselves() -> None:
    large = bytearray(noise(1, 2_000_000))
    before = bytes(large)
    for place in range(100_000, 2_000_000, 100_000):
        large[place : place + 4] = b"diff"
    assert len(patch(tar({"a": before}), tar({"a": bytes(large)}))) < 19 * 100


def test_how_a_stream_comes_in_pieces_does_not_matter() -> None:
    old, new = tar(FILES), tar({**FILES, "data/7": b"new" * 1000})
    assert patch(old, new, step=777) == patch(old, new, step=1_000_000)


def test_what_is_no_tar_is_compared_all_the_same() -> None:
    old = noise(1, 500_000)
    assert len(patch(old, b"some bytes before" + old)) < 60_000


@given(st.lists(st.integers(0, 5), max_size=8), st.lists(st.integers(0, 5), max_size=8))
@settings(max_examples=30, deadline=None)
def test_whatever_is_compared_the_new_comes_out(old: list[int], new: list[int]) -> None:
    blocks = [noise(1, 700), bytes(9000), noise(2, 40_000), b"ab" * 30_000, b"", tar({"f": b"x"})]
    patch(b"".join(blocks[one] for one in old), b"".join(blocks[one] for one in new))
