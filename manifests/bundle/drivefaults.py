"""What the operating system answers where a drive fails or is gone; nothing of how that is met."""

from __future__ import annotations

import errno
from typing import Final

from manifests.errors import BundleRefused

FAILING: Final = frozenset(
    {
        errno.EIO,
        errno.ENODEV,
        errno.ENOMEDIUM,
        errno.EREMOTEIO,
        errno.ENOTCONN,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EUCLEAN,
        errno.EBADMSG,
    }
)
"""What a drive or its file system answers instead of bytes; the last two: its structure is bad."""


def unreadable(name: str, error: OSError) -> BundleRefused:
    """Build the error for a file that a drive does not give."""
    return BundleRefused(
        "medium-unreadable",
        f"{name}: {error.strerror or error}",
        hint="try another port or drive, or copy the bundle again",
        file=name,
        found=error.strerror or str(error),
    )
