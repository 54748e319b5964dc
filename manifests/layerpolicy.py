"""What packing does to layers: one word of `app.yaml`, the lock, a release and the command line.

Stands alone: the command line offers these words before it knows any document.
"""

from __future__ import annotations

from enum import StrEnum


class LayerPolicy(StrEnum):
    """What packing does to an image's layers."""

    AUTO = "auto"
    ZSTD = "zstd"
    ORIGINAL = "original"
