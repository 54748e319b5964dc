"""A digest holds nothing but a digest."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.digest import (
    Digest,
    MalformedDigest,
    check_digest,
    digest_mismatch,
    new_hash,
)
from manifests.errors import BundleRefused

HEX = "0123456789abcdef" * 4
BAD = [
    "",
    "sha256",
    "sha256:",
    f"sha256:{HEX[:-1]}",
    f"sha256:{HEX}0",
    f"sha256:{HEX.upper()}",
    f"sha256:{HEX[:-1]}g",
    f"sha256:{HEX[:-1]}\uff10",
    f"sha256:{HEX}\n",
    f" sha256:{HEX}",
    f"SHA256:{HEX}",
    f"sha512:{HEX}{HEX}",
    f"blake3:{HEX}",
    f"sha256:../../{HEX}",
    f"sha256:{HEX}/..",
    HEX,
]


@pytest.mark.parametrize("text", BAD)
def test_refuses(text: str) -> None:
    with pytest.raises(MalformedDigest) as caught:
        Digest.parse(text)
    assert caught.value.code == "digest-malformed"


@pytest.mark.parametrize("text", ["", "x", HEX[:-1], HEX.upper(), f"{HEX}\n", "/" * 64])
def test_can_not_be_made_of_something_else(text: str) -> None:
    with pytest.raises(MalformedDigest):
        Digest(text)


def test_error_shows_no_more_than_it_must() -> None:
    with pytest.raises(MalformedDigest) as caught:
        Digest.parse("\x1b[2J" + "x" * 100_000)
    assert len(str(caught.value)) < 300
    assert "\x1b" not in str(caught.value)


@pytest.mark.property
@given(st.binary())
def test_round_trip_and_agreement_with_hashlib(data: bytes) -> None:
    digest = Digest.of(data)
    assert digest.hex == hashlib.sha256(data).hexdigest()
    assert Digest.parse(str(digest)) == digest
    assert Digest.of(bytearray(data)) == Digest.of(memoryview(data)) == digest
    hasher = new_hash()
    hasher.update(data)
    assert Digest.from_hash(hasher) == digest
    assert check_digest(data, digest, "x") == data


@pytest.mark.property
@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        assert str(Digest.parse(text)) == text
    except MalformedDigest:
        return


def test_other_bytes_are_named_with_both_digests() -> None:
    with pytest.raises(BundleRefused) as caught:
        check_digest(b"b", Digest.of(b"a"), "config")
    assert caught.value.context == {
        "subject": "config",
        "expected": str(Digest.of(b"a")),
        "found": str(Digest.of(b"b")),
    }
    assert str(caught.value) == str(digest_mismatch("config", Digest.of(b"a"), Digest.of(b"b")))


def test_value() -> None:
    one, two = Digest.parse(f"sha256:{HEX}"), Digest("f" * 64)
    assert one < two
    assert {one, Digest(HEX)} == {one}
    assert one.short == HEX[:12]
