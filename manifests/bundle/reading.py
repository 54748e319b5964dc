"""Reads of a bundle's files that end: whole small files, and exactly so many bytes of a stream.

Knows media and their failures; nothing of what the bytes mean.
"""

from __future__ import annotations

import io

from manifests.bundle.medium import Medium
from manifests.errors import BundleRefused


def read_small(medium: Medium, name: str, limit: int) -> bytes:
    """Return a file's bytes, at most `limit`.

    Raises:
        BundleRefused: `file-missing`, `file-too-large`, `bundle-truncated`.
    """
    with medium.open(name) as stream:
        size = medium.sizes[name]
        if size > limit:
            raise BundleRefused(
                "file-too-large", f"{name}: expected at most {limit} bytes, found {size}", file=name
            )
        buffer = bytearray(size)
        read_exactly(stream, memoryview(buffer), name)
    return bytes(buffer)


def read_exactly(stream: io.RawIOBase, view: memoryview, name: str) -> None:
    """Fill `view`.

    Raises:
        BundleRefused: `bundle-truncated`; `medium-unreadable` when the drive fails.
    """
    filled = 0
    while filled < len(view):
        try:
            count = stream.readinto(view[filled:])
        except OSError as error:
            raise BundleRefused(
                "medium-unreadable",
                f"{name}: {error.strerror or error}",
                hint="try another port or drive, or copy the bundle again",
                file=name,
            ) from error
        if not count:
            raise BundleRefused(
                "bundle-truncated",
                f"{name}: expected {len(view) - filled} more bytes, found its end",
                hint="copy the bundle again from where it came",
                file=name,
            )
        filled += count
