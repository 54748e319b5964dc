"""Patches: what they make, and what is refused of them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests import patchform
from manifests.errors import BundleRefused
from manifests.patchform import MAGIC, PatchSizes, apply_patch, copy_head, data_head, end_head

OLD = bytes(range(200))


def apply(patch: bytes, new: int) -> bytes:
    def read_old(offset: int, view: memoryview) -> None:
        view[:] = OLD[offset : offset + len(view)]

    sizes = PatchSizes("blobs/sha256/patch", len(OLD), new)
    return b"".join(map(bytes, apply_patch(sizes, io.BytesIO(patch), read_old)))


def patch(*operations: bytes) -> bytes:
    return b"".join((MAGIC, *operations, end_head()))


def test_takes_old_bytes_and_new_ones() -> None:
    made = patch(copy_head(10, 5), data_head(3) + b"new", copy_head(0, 2), copy_head(198, 2))
    assert apply(made, 12) == OLD[10:15] + b"new" + OLD[:2] + OLD[198:]
    assert apply(patch(), 0) == b""


REFUSED = {
    "nothing": b"",
    "something else": b"moonlift patch 2" + end_head(),
    "cut off in its head": patch(data_head(3) + b"abc")[:-5],
    "cut off in its data": MAGIC + data_head(10) + b"abc",
    "too early": patch(data_head(2) + b"ab"),
    "too much": patch(data_head(4) + b"abcd"),
    "too much to copy": patch(copy_head(0, 4)),
    "beyond the old layer": patch(copy_head(199, 3)),
    "far beyond it": patch(copy_head(2**64 - 2, 3)),
    "an empty copy": patch(copy_head(0, 0), data_head(3) + b"abc"),
    "data with an offset": patch(b"\x02" + copy_head(1, 3)[1:] + b"abc"),
    "an unknown kind": patch(b"\x07" + copy_head(0, 3)[1:]),
    "an end with a length": MAGIC + data_head(3) + b"abc" + b"\0" + copy_head(0, 1)[1:],
    "more after the end": patch(data_head(3) + b"abc") + b"x",
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_refuses(raw: bytes) -> None:
    with pytest.raises(BundleRefused) as caught:
        apply(raw, 3)
    assert caught.value.code == "patch-malformed"


def test_refuses_operations_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patchform, "MAX_OPERATIONS", 10)
    with pytest.raises(BundleRefused, match="more than 10"):
        apply(patch(*[data_head(1) + b"x"] * 11), 11)


@pytest.mark.property
@given(st.binary(max_size=200), st.integers(0, 50))
def test_any_bytes_make_the_size_or_are_refused(raw: bytes, size: int) -> None:
    try:
        made = apply(MAGIC + raw, size)
    except BundleRefused:
        return
    assert len(made) == size
