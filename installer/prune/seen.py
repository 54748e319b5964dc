"""When images were first seen on this host, and last seen in use: `seen.json` beside the ledger.

Owns that file. An engine does not know when an image without a name came, nor that a container
that is gone used it; what is remembered from one run to the next makes up for that. A damaged or
lost file makes everything be as if it were first seen now: more stays, never less.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from installer.state.hostdir import HostDirectory
from manifests.digest import Digest
from manifests.documents import DigestField, Document, Instant, Part
from manifests.errors import MoonliftError

FILE: Final = "seen.json"
MAX_BYTES: Final = 8 * 1024 * 1024
MAX_IMAGES: Final = 20_000

_ROOM: Final = "ledger"


class _Image(Part):
    identity: DigestField
    first: Instant
    used: Instant | None = None


class _Document(Document):
    images: Annotated[tuple[_Image, ...], Field(max_length=MAX_IMAGES)] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered.

    Attributes:
        first: when each image was first seen.
        used: when each was last seen in use, those that never were left out.
    """

    first: dict[Digest, datetime] = field(default_factory=dict)
    used: dict[Digest, datetime] = field(default_factory=dict)

    def after(self, there: Collection[Digest], in_use: Collection[Digest], now: datetime) -> Memory:
        """Return what is to be remembered once these images were seen; others are forgotten."""
        return Memory(
            {one: min(self.first.get(one, now), now) for one in there},
            {
                **{one: at for one, at in self.used.items() if one in there},
                **{one: now for one in in_use if one in there},
            },
        )


def recall(state: Path) -> Memory:
    """Return what was remembered; nothing if it can't be read."""
    try:
        raw = HostDirectory(state, _ROOM).read(FILE, limit=MAX_BYTES)
        found = _Document() if raw is None else _Document.parse(raw, limit=MAX_BYTES, subject=FILE)
    except MoonliftError:
        return Memory()
    return Memory(
        {one.identity: one.first for one in found.images},
        {one.identity: one.used for one in found.images if one.used is not None},
    )


def remember(state: Path, memory: Memory) -> None:
    """Write it down.

    Raises:
        NotInstallableHere: `ledger-unsafe`, `ledger-io`.
    """
    images = [
        _Image(identity=one, first=first, used=memory.used.get(one))
        for one, first in sorted(memory.first.items())
    ]
    document = _Document(images=tuple(images[:MAX_IMAGES]))
    HostDirectory(state, _ROOM).write(FILE, document.canonical())
