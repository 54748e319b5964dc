"""A layer as a stream that survives broken connections.

After a fault the stream goes on by `Range` from where it was; a registry that ignores `Range` is
read again from the start and what is known is skipped (OCI distribution-spec, "Pulling blobs";
RFC 9110, 14). Never more bytes than the descriptor says come out. The bytes are not hashed here:
whoever consumes them does that on the way.
"""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from bundler.sources.registry import errors
from bundler.sources.registry.client import Call, Client
from bundler.sources.registry.http import Reply
from bundler.sources.registry.retry import Broken, Clock

GATHERED: Final = 256 * 1024
"""Bytes that one `read` waits for, so that hashing is not done in crumbs."""
SKIP_BYTES: Final = 256 * 1024
STALL_S: Final = 60.0
STALL_BYTES: Final = 64 * 1024
"""A connection that brings less than this in `STALL_S` seconds counts as broken."""


class RegistryBlob:
    """Bytes of one blob, in order; for one thread. Close it by leaving the `with` block."""

    def __init__(self, client: Client, call: Call, size: int, offset: int, clock: Clock) -> None:
        self._client = client
        self._call = call
        self._size = size
        self._position = offset
        self._clock = clock
        self._patience = client.patience()
        self._reply: Reply | None = None
        self._pace = _Pace(clock)
        self._fault: Broken | None = None
        self._takes_ranges = True

    @property
    def is_closed(self) -> bool:
        """Whether no connection is held: closed, between two tries, or read to the end."""
        return self._reply is None

    def open(self) -> Self:
        """Connect, so that a blob that isn't there is known at once.

        Raises:
            MoonliftError: as `Client.once`, after the retries.
        """
        while self._reply is None and self._position < self._size:
            try:
                self._connect()
            except Broken as broken:
                self._patience.wait_or_raise(broken)
        return self

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; empty only at the end of the blob.

        Raises:
            SourceFailed: the registry keeps failing, or has more or fewer bytes.
        """
        wanted = min(size, self._size - self._position, GATHERED)
        parts: list[bytes] = []
        while wanted > 0:
            part = self._next(wanted, is_first=not parts)
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """End the connection unless the whole body was read."""
        if self._reply is not None:
            self._reply.close()
            self._reply = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()

    def _next(self, wanted: int, *, is_first: bool) -> bytes:
        """Return at least one byte, or none if a fault came after others of the same read."""
        while True:
            if self._fault is not None:
                fault, self._fault = self._fault, None
                self._patience.wait_or_raise(fault)
            try:
                return self._some(wanted)
            except Broken as broken:
                self.close()
                self._fault = broken
                if not is_first:
                    return b""

    def _some(self, wanted: int) -> bytes:
        reply = self._reply or self._connect()
        part = self._pace.read(reply, wanted)
        if not part:
            found = f"the end after {self._position}"
            raise Broken(errors.wrong_size(self._call.subject, self._size, found))
        self._patience.received(len(part))
        self._position += len(part)
        if self._position == self._size:
            self._finish(reply)
        return part

    def _finish(self, reply: Reply) -> None:
        """Refuse a body that goes on; one with a stated length was checked when it was opened."""
        if reply.length is None and _has_more(reply):
            raise errors.wrong_size(self._call.subject, self._size, "more")
        self.close()

    def _connect(self) -> Reply:
        call = self._call
        if self._position and self._takes_ranges:
            call = replace(call, headers={**call.headers, "Range": f"bytes={self._position}-"})
        reply = self._client.once(call)
        self._pace = _Pace(self._clock)
        try:
            self._align(reply)
        except BaseException:
            reply.close()
            raise
        self._reply = reply
        return reply

    def _align(self, reply: Reply) -> None:
        """Bring the body to our position, or refuse it."""
        start = 0
        if reply.status == 206:
            start = self._position
            self._check_range(reply.headers.get("Content-Range", ""), reply)
        if reply.length is not None and reply.length != self._size - start:
            raise errors.wrong_size(self._call.subject, self._size, str(start + reply.length))
        missing = self._position - start
        while missing > 0:
            missing -= len(self._skip(reply, min(missing, SKIP_BYTES)))

    def _check_range(self, header: str, reply: Reply) -> None:
        span = f"bytes {self._position}-{self._size - 1}/"
        if header.strip() not in (f"{span}{self._size}", f"{span}*"):
            self._takes_ranges = False
            what = f"{self._call.subject}: expected Content-Range {span}{self._size}, found another"
            raise Broken(errors.bad_answer(reply.origin, what))

    def _skip(self, reply: Reply, size: int) -> bytes:
        part = self._pace.read(reply, size)
        if not part:
            found = f"the end before {self._position}"
            raise Broken(errors.wrong_size(self._call.subject, self._size, found))
        return part


class _Pace:
    """Notices a connection that drips; what the consumer takes its time for does not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seconds = 0.0
        self._bytes = 0

    def read(self, reply: Reply, wanted: int) -> bytes:
        """Read from `reply`.

        Raises:
            Broken: as `Reply.read_some`, or it has been too slow for too long.
        """
        start = self._clock.monotonic()
        part = reply.read_some(wanted)
        self._seconds += self._clock.monotonic() - start
        self._bytes += len(part)
        if self._bytes >= STALL_BYTES:
            self._seconds, self._bytes = 0.0, 0
        elif self._seconds > STALL_S:
            slow = f"less than {STALL_BYTES} bytes in {STALL_S:.0f} seconds"
            raise Broken(errors.unreachable(reply.origin, slow))
        return part


def _has_more(reply: Reply) -> bool:
    try:
        return reply.read_some(1) != b""
    except Broken:
        return False
