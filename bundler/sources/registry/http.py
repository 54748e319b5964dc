"""One HTTP exchange with a registry: a request, its redirects, and the answer's body.

Redirects are followed by hand: at most five, never from HTTPS down to HTTP, and `Authorization`
stays behind at the first change of origin (OCI distribution-spec, "Pulling blobs"). Bodies are
never decoded, so a compressed one can't grow. Retries, credentials and the meaning of a status
are others' business. Safe to use from several threads.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Final, Self

import urllib3
from urllib3.exceptions import HTTPError

from bundler.sources.registry import errors
from bundler.sources.registry.faults import (
    ERROR_BODY_LIMIT,
    is_definite,
    registry_words,
    transport_fault,
)
from bundler.sources.registry.pools import Pools, Settings
from bundler.sources.registry.retry import Broken, Clock
from bundler.sources.registry.url import MalformedUrl, Origin, Url
from manifests import __version__
from manifests.errors import SourceFailed

MAX_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
DOCUMENT_SECONDS: Final = 120.0
"""Time for a whole document, however slowly it drips."""

_COMMON: Final = {
    "User-Agent": f"moonlift/{__version__}",
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes:
        url: of whom.
        method: `GET`, `HEAD` or `POST`.
        headers: all but `Authorization`.
        authorization: for the origin of `url` alone.
        body: of a `POST`.
    """

    url: Url
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)


class Reply:
    """An answer whose body has not been read. Leave its `with` block to give it back."""

    def __init__(
        self, transport: Transport, request: Request, response: urllib3.BaseHTTPResponse
    ) -> None:
        self._transport = transport
        self._response = response
        self.request = request
        self.status = response.status
        self.headers = response.headers

    @property
    def origin(self) -> Origin:
        """Who answered, after redirects."""
        return self.request.url.origin

    @property
    def length(self) -> int | None:
        """Bytes of body that the header announces; None when it doesn't."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None

    def read_some(self, size: int) -> bytes:
        """Return what has arrived, at most `size` bytes; empty only at the end of the body.

        Raises:
            Broken: the connection broke, or the body is shorter than was announced.
        """
        try:
            return self._response.read1(size, decode_content=False)
        except (HTTPError, OSError, ValueError) as error:
            raise Broken(self._transport.fault(self.origin, error)) from error

    def read_document(self, limit: int) -> bytes:
        """Return the whole body; of a body over `limit` bytes, more than `limit` bytes of it.

        Raises:
            Broken: the connection broke, or it takes too long.
        """
        clock, parts, missing = self._transport.clock, [], limit + 1
        deadline = clock.monotonic() + DOCUMENT_SECONDS
        while missing > 0 and (part := self.read_some(missing)):
            parts.append(part)
            missing -= len(part)
            if clock.monotonic() > deadline:
                slow = f"no whole document in {DOCUMENT_SECONDS:.0f} seconds"
                raise Broken(errors.unreachable(self.origin, slow))
        return b"".join(parts)

    def words(self) -> str:
        """Return what the registry's error document says; the body is read for it."""
        try:
            body = self.read_document(ERROR_BODY_LIMIT)
        except Broken:
            return ""
        return registry_words(body, self.request.authorization)

    def abort(self) -> None:
        """End the connection from another thread: its reader finds a broken one."""
        try:
            self._response.shutdown()
        except (OSError, ValueError, RuntimeError):
            return  # the connection has ended already

    def close(self) -> None:
        """Give the connection back; one with an unread body is closed."""
        self._response.close()
        self._response.release_conn()
        self._transport.forget(self)

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


class Transport:
    """Sends requests and follows redirects; owns every connection."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        logging.getLogger("urllib3").setLevel(logging.INFO)  # its debug lines hold whole addresses
        self.settings = settings
        self.clock = clock
        self._pools = Pools(settings)
        self._replies: set[Reply] = set()
        self._reached: set[Origin] = set()
        self._closed = False
        self._lock = threading.Lock()

    def send(self, request: Request) -> Reply:
        """Return the answer, after redirects; a `POST` is not redirected.

        Raises:
            Broken: no connection, or a broken one.
            SourceFailed: `registry-tls`, `registry-plain-http-refused`, `registry-error`, or
                `registry-unreachable` when trying again makes no sense.
        """
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._exchange(request)
            if reply.status not in REDIRECTS or request.method == "POST":
                return reply
            with reply:
                request = self._redirected(request, reply.headers.get("Location", ""))
                reply.words()
        raise errors.bad_answer(request.url.origin, f"more than {MAX_REDIRECTS} redirects")

    def fault(self, origin: Origin, error: Exception) -> SourceFailed:
        """Return what `error` means while a body is read."""
        return errors.closed(origin) if self._closed else transport_fault(origin, error)[0]

    def forget(self, reply: Reply) -> None:
        """Note that `reply` is done with."""
        with self._lock:
            self._replies.discard(reply)

    def close(self) -> None:
        """End every connection, also those that other threads are reading from."""
        with self._lock:
            self._closed = True
            replies = list(self._replies)
        for reply in replies:
            reply.abort()
        self._pools.clear()

    def _exchange(self, request: Request) -> Reply:
        origin = request.url.origin
        if self._closed:
            raise errors.closed(origin)
        headers = {**_COMMON, **request.headers}
        if request.authorization:
            headers["Authorization"] = request.authorization
        try:
            response = self._pools.of(origin).urlopen(
                request.method,
                request.url.whole,
                body=request.body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError, ValueError) as error:
            raise self._refusal(origin, error) from error
        return self._remember(Reply(self, request, response))

    def _remember(self, reply: Reply) -> Reply:
        with self._lock:
            self._reached.add(reply.origin)
            self._replies.add(reply)
        return reply

    def _refusal(self, origin: Origin, error: Exception) -> Exception:
        """Return the error for a request without an answer: `Broken` if it may pass."""
        failure, may_pass = transport_fault(origin, error)
        if not may_pass or (is_definite(error) and origin not in self._reached):
            return failure
        return Broken(failure)

    def _redirected(self, request: Request, location: str) -> Request:
        origin = request.url.origin
        try:
            url = request.url.joined(location)
        except MalformedUrl as error:
            raise errors.bad_answer(origin, f"redirects to an unusable address: {error}") from error
        self._check_hop(origin, url.origin)
        if url.origin == origin:
            return replace(request, url=url)
        return replace(request, url=url, authorization=None)

    def _check_hop(self, origin: Origin, target: Origin) -> None:
        if target.is_link_local:
            raise errors.bad_answer(origin, "redirects to a link-local address")
        is_down = origin.is_secure and not (origin.is_loopback and target.is_loopback)
        if not target.is_secure and (is_down or not self.settings.allows_plain(target)):
            raise errors.plain_http_refused(target, f"{origin} redirects there")
