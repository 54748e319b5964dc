"""A tar that never lies anywhere: made member by member while it is sent to an engine.

Owns the framing. What goes in and in which order is the store's matter; a member's size must be
known before its first byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from manifests.bundle.tarform import END, header, padding


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive.

    Attributes:
        name: ASCII, without leading slash.
        size: bytes that `content` yields.
        content: read once, when its turn comes.
    """

    name: str
    size: int
    content: Iterable[bytes | memoryview]

    @classmethod
    def of(cls, name: str, data: bytes) -> Member:
        """Return a member with `data`."""
        return cls(name, len(data), (data,))


def stream(members: Iterable[Member]) -> Iterator[bytes | memoryview]:
    """Yield the archive; a view is valid until the next is asked for."""
    for member in members:
        yield header(member.name, member.size)
        yield from member.content
        if pad := padding(member.size):
            yield pad
    yield END
