"""Where SHA256SUMS, a signature or release.json lies in a tar whose header before it is damaged.

These papers come first, in this order, and name all other files; so for them alone there is no
list yet that says where they lie. They are text: what follows one up to the next header is zeros.
What is found so is a guess, and believed only for its signature or its digest, as everything is.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from installer.repair.segments import Segments
from manifests.bundle import layout
from manifests.bundle.sums import MAX_BYTES, signature_name
from manifests.bundle.tarform import BLOCK, next_header
from manifests.errors import BundleRefused
from manifests.release import RELEASE_LIMIT

FAR: Final = max(MAX_BYTES, RELEASE_LIMIT)
"""Bytes behind a damaged header in which the next one has to be."""
_STEP: Final = 2048 * BLOCK
_MAGIC: Final = slice(257, 262)


def sound_header(block: bytes) -> tuple[str, int] | None:
    """Return the name and size that a header tells; None for anything else."""
    try:
        return next_header(io.BytesIO(block), "")  # type: ignore[arg-type]
    except BundleRefused:
        return None


def paper_at(archive: Segments, at: int, before: Sequence[str]) -> tuple[str, int] | None:
    """Return the name and size of the paper whose header is damaged; None if it can't be told.

    Args:
        archive: the tar.
        at: where the header is.
        before: names of the members before it.
    """
    if layout.RELEASE in before:
        return None
    start, data = at + BLOCK, bytearray()
    while start + len(data) < min(archive.size, start + FAR):
        piece = bytearray(min(_STEP, archive.size - start - len(data)))
        archive.read(start + len(data), memoryview(piece))
        for offset in range(0, len(piece), BLOCK):
            block = bytes(piece[offset : offset + BLOCK])
            following = sound_header(block) if block[_MAGIC] == b"ustar" else None
            if following is not None:
                name = _name(before, following[0])
                data += piece[:offset]
                return (name, len(data.rstrip(b"\0"))) if name else None
        data += piece
    return None


def _name(before: Sequence[str], following: str) -> str | None:
    """Return which paper lies between members, by the order in which they are written."""
    if not before:
        return layout.SUMS
    number = len(before)  # the list and each signature: so many are before the next signature
    if before[0] != layout.SUMS:
        return None
    if following in (signature_name(number + 1), layout.RELEASE):
        return signature_name(number)
    return layout.RELEASE if number > 1 else None
