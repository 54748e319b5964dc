"""Names and small files of a bundle directory: one room for what lies where, and in what order.

Pure: builds bytes, does no I/O. Source: OCI image-layout.md; docs/bundle-format.md.
"""

from __future__ import annotations

import re
from typing import Final

from manifests.digest import Digest

SUMS: Final = "SHA256SUMS"
RELEASE: Final = "release.json"
OCI_LAYOUT: Final = "oci-layout"
INDEX: Final = "index.json"
DOCKER_MANIFEST: Final = "manifest.json"
BLOBS: Final = "blobs/sha256/"
FILES: Final = "files/"
TOOLS: Final = "tools/"
PARITY: Final = "parity/"
INSTALLER: Final = f"{TOOLS}installer"

OCI_LAYOUT_BYTES: Final = b'{"imageLayoutVersion":"1.0.0"}'

_SIGNATURE = re.compile(r"SHA256SUMS\.([1-9][0-9]?)\.sig", re.ASCII)

LITTER: Final = frozenset(
    {
        "System Volume Information",
        "$RECYCLE.BIN",
        ".Trashes",
        ".Trash-0",
        ".Trash-1000",
        ".Spotlight-V100",
        ".fseventsd",
        ".DS_Store",
        "lost+found",
        "desktop.ini",
        "Thumbs.db",
    }
)
"""What operating systems leave on a drive by themselves; reported, never read."""


def blob_name(digest: Digest) -> str:
    """Return a blob's path in the bundle."""
    return f"{BLOBS}{digest.hex}"


def is_signature(name: str) -> bool:
    """Tell whether `name` is a signature's file name."""
    return _SIGNATURE.fullmatch(name) is not None


def is_litter(name: str) -> bool:
    """Tell whether an operating system, not a person, put `name` on the drive."""
    first, last = name.partition("/")[0], name.rpartition("/")[2]
    return first in LITTER or last == ".DS_Store" or last.startswith("._")
