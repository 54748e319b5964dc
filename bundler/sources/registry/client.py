"""Asks a registry for one thing until it is there: endpoint, authorization, status, retries.

Knows which statuses may pass and which are final; what the bytes mean is others' business.
Endpoints and error codes: OCI distribution-spec.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bundler.sources.registry import errors
from bundler.sources.registry.auth import Authorizer, Refusal
from bundler.sources.registry.faults import ERROR_BODY_LIMIT
from bundler.sources.registry.http import Reply, Request, Transport
from bundler.sources.registry.retry import Broken, Patience, parse_retry_after
from bundler.sources.registry.url import MalformedUrl, Origin, Url, make_origin, split_authority
from manifests.errors import MoonliftError, SourceFailed
from manifests.reference import Reference

HUB: Final = make_origin("https", "registry-1.docker.io")
"""Where the images of docker.io really are."""


@dataclass(frozen=True, slots=True)
class Call:
    """One thing to ask a registry for.

    Attributes:
        reference: whose registry and repository.
        path: below the repository, such as `manifests/1.0`.
        subject: what it is, for messages.
        missing: makes the error for status 404 from what the registry says.
        method: `GET` or `HEAD`.
        headers: more of them.
    """

    reference: Reference
    path: str
    subject: str
    missing: Callable[[str], MoonliftError]
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole document.

    Attributes:
        raw: its bytes, more than the limit if the document has more.
        headers: of the answer.
        origin: who answered.
    """

    raw: bytes = field(repr=False)
    headers: Mapping[str, str]
    origin: Origin


class Client:
    """Registries, by reference. Safe to use from several threads."""

    def __init__(self, transport: Transport, authorizer: Authorizer, retries: int) -> None:
        self._transport = transport
        self._authorizer = authorizer
        self._retries = retries
        self._origins: dict[str, Origin] = {}
        self._lock = threading.Lock()

    def patience(self) -> Patience:
        """Return a fresh retry budget."""
        return Patience(self._transport.clock, self._retries)

    def document(self, call: Call, limit: int) -> Fetched:
        """Return a whole document, retrying.

        Raises:
            MoonliftError: as `once`, and what a fault was that does not pass.
        """
        patience = self.patience()
        while True:
            try:
                with self.once(call) as reply:
                    return Fetched(_read(reply, call, limit), reply.headers, reply.origin)
            except Broken as broken:
                patience.wait_or_raise(broken)

    def once(self, call: Call) -> Reply:
        """Return the answer, of status 200 or 206, of a single try.

        Raises:
            Broken: a fault that may pass.
            AppManifestError: `image-denied`.
            MoonliftError: what `call.missing` makes.
            SourceFailed: every other fault.
        """
        origin = self.origin(call.reference.registry)
        sent = self._authorizer.header(origin, call.reference.repository)
        reply = self._send(call, origin, sent)
        if reply.status == 401 and reply.origin == origin:
            with reply:
                asked = reply.headers.getlist("WWW-Authenticate")
                reply.words()
            sent = self._authorizer.answer(Refusal(origin, call.reference, asked, sent))
            reply = self._send(call, origin, sent)
        self._remember(call.reference.registry, origin)
        return self._accepted(call, origin, reply)

    def origin(self, registry: str) -> Origin:
        """Return where `registry` is asked.

        Raises:
            Broken, SourceFailed: it can't be reached to find out.
        """
        with self._lock:
            if registry not in self._origins:
                origin, is_certain = self._find(registry)
                if not is_certain:
                    return origin
                self._origins[registry] = origin
            return self._origins[registry]

    def _remember(self, registry: str, origin: Origin) -> None:
        """Note that a registry was reached there, if that was a guess."""
        with self._lock:
            self._origins.setdefault(registry, origin)

    def _find(self, registry: str) -> tuple[Origin, bool]:
        if registry == "docker.io":
            return HUB, True
        try:
            host, port = split_authority(registry)
            plain = make_origin("http", host, port)
        except MalformedUrl as error:
            raise SourceFailed("registry-error", f"{registry}: unusable name: {error}") from error
        if not {plain.host, registry.lower()}.isdisjoint(self._transport.settings.plain_http):
            return plain, True
        secure = make_origin("https", host, port)
        if plain.is_loopback and port is not None:
            return self._probe(plain, secure)
        return secure, True

    def _probe(self, plain: Origin, secure: Origin) -> tuple[Origin, bool]:
        """Find out what a registry on loopback speaks: a TLS server answers plain HTTP at once.

        The reverse, a TLS hello to a server of plain HTTP, may hang.
        """
        try:
            with self._transport.send(Request(Url(plain, "/v2/"))) as reply:
                body = reply.read_document(ERROR_BODY_LIMIT)
                is_plain = not (reply.status == 400 and b"HTTPS" in body)
        except Broken:
            return secure, False
        return (plain if is_plain else secure), True

    def _send(self, call: Call, origin: Origin, authorization: str | None) -> Reply:
        url = Url(origin, f"/v2/{call.reference.repository}/{call.path}")
        return self._transport.send(Request(url, call.method, call.headers, authorization))

    def _accepted(self, call: Call, origin: Origin, reply: Reply) -> Reply:
        if reply.status in (200, 206):
            return reply
        with reply:
            raise self._refusal(call, origin, reply)

    def _refusal(self, call: Call, origin: Origin, reply: Reply) -> Exception:
        status, said = reply.status, reply.words()
        failure = errors.bad_status(reply.origin, call.subject, status, said)
        if status == 404:
            return call.missing(said)
        if status in (401, 403) and reply.origin == origin:
            why = self._authorizer.why_denied(origin, call.reference)
            said = "; ".join(filter(None, (said, why)))
            return errors.denied(call.reference, origin, said)
        if status in (401, 403, 408, 429) or status >= 500:
            wait = parse_retry_after(reply.headers.get("Retry-After"), self._transport.clock)
            return Broken(failure, retry_after=wait)
        return failure


def _read(reply: Reply, call: Call, limit: int) -> bytes:
    encoding = reply.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        what = f"{call.subject} comes in a Content-Encoding though none was asked for"
        raise errors.bad_answer(reply.origin, what)
    if reply.length is not None and reply.length > limit and call.method != "HEAD":
        raise errors.too_large(call.subject, limit)
    return reply.read_document(limit)
