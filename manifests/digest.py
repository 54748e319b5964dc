"""Digests: the name of every blob, and the reader that refuses bytes that do not match.

The only room that imports hashlib for content. Grammar: OCI image-spec, descriptor.md,
"Digests"; of the registered algorithms only sha256 can be carried, since blob file names, chunk
tables and SHA256SUMS are sha256.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Protocol

from manifests.errors import BundleRefused, MalformedInput

_GRAMMAR = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


class Hash(Protocol):
    """The part of a hashlib object that this project uses."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...  # noqa: D102
    def hexdigest(self) -> str: ...  # noqa: D102


def new_hash() -> Hash:
    """Return a fresh sha256; its `update` releases the GIL for buffers over 2 KiB."""
    return hashlib.sha256(usedforsecurity=True)


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A sha256 digest; can't hold anything that isn't one.

    Attributes:
        hex: 64 lower-case hexadecimal digits.
    """

    hex: str

    def __post_init__(self) -> None:
        if not _GRAMMAR.fullmatch(f"sha256:{self.hex}"):
            raise MalformedDigest(f"sha256:{self.hex}")

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Parse `sha256:<64 hex digits>`.

        Raises:
            MalformedDigest: any other text, another algorithm included.
        """
        if not _GRAMMAR.fullmatch(text):
            raise MalformedDigest(text)
        return cls(text[7:])

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview) -> Digest:
        """Return the digest of `data`."""
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def from_hash(cls, hasher: Hash) -> Digest:
        """Return what `hasher` has come to."""
        return cls(hasher.hexdigest())

    @property
    def short(self) -> str:
        """The first 12 hexadecimal digits, as engines show them."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"sha256:{self.hex}"


class MalformedDigest(MalformedInput):
    """A text that is not a sha256 digest."""

    def __init__(self, text: str) -> None:
        super().__init__(
            "digest-malformed", f"expected sha256:<64 hex digits>, found {text[:100]!r}"
        )


def check_digest(data: bytes, expected: Digest, subject: str) -> bytes:
    """Return `data` if it hashes to `expected`.

    Raises:
        BundleRefused: `digest-mismatch`.
    """
    found = Digest.of(data)
    if found != expected:
        raise digest_mismatch(subject, expected, found)
    return data


def digest_mismatch(subject: str, expected: Digest, found: Digest) -> BundleRefused:
    """Build the one error for bytes that do not hash to their name."""
    return BundleRefused(
        "digest-mismatch",
        f"{subject}: expected {expected}, found {found}",
        subject=subject,
        expected=str(expected),
        found=str(found),
    )
