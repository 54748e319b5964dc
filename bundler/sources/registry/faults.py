"""What urllib3 raises and what registries write, turned into our own words.

A foreign exception's text may hold anything, an address with its signature included, so none is
repeated. A registry's error document is shown only after it was made safe, and not at all if it
repeats a secret that we sent. Its shape: OCI distribution-spec, "Error Codes".
"""

from __future__ import annotations

import base64
import binascii
import http.client
import socket
import ssl
from collections.abc import Sequence
from typing import Final, TypeVar

import urllib3.exceptions

from bundler.sources.registry.errors import plain_http_refused, unreachable, untrusted
from bundler.sources.registry.url import Origin
from manifests.errors import SourceFailed
from manifests.safetext import safe_line
from manifests.strictjson import MalformedJson, load_object

ERROR_BODY_LIMIT: Final = 64 * 1024
"""Bytes of a registry's error document that are read."""

_NOT_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"}
)

E = TypeVar("E", bound=BaseException)


def transport_fault(origin: Origin, error: Exception) -> tuple[SourceFailed, bool]:
    """Turn what urllib3 raised into our error; the flag says whether it may pass."""
    tls = _find(error, ssl.SSLError)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return untrusted(origin, safe_line(tls.verify_message, limit=200)), False
    if tls is not None and tls.reason in _NOT_TLS:
        return plain_http_refused(origin, "it does not speak TLS"), False
    proxy = "the proxy: " if isinstance(error, urllib3.exceptions.ProxyError) else ""
    return unreachable(origin, proxy + _reason(error)), True


def is_definite(error: Exception) -> bool:
    """Tell whether nobody listens there, which seldom passes: refused, or an unknown name."""
    name = _find(error, socket.gaierror)
    if name is not None and name.errno == socket.EAI_AGAIN:
        return False
    return isinstance(error, urllib3.exceptions.NewConnectionError)


def registry_words(body: bytes, authorization: str | None) -> str:
    """Return code and message of a registry's error document; empty when it says nothing usable.

    Args:
        body: what came, already bounded.
        authorization: the header that we had sent, whose secrets must not come back.
    """
    try:
        document = load_object(body, limit=ERROR_BODY_LIMIT, subject="error document")
    except MalformedJson:
        return ""
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return ""
    words = [part for name in ("code", "message") if isinstance(part := first.get(name), str)]
    text = ": ".join(words)
    return "" if any(s in text for s in _secrets(authorization)) else safe_line(text, limit=200)


def _secrets(authorization: str | None) -> Sequence[str]:
    if not authorization:
        return ()
    _, _, sent = authorization.partition(" ")
    try:
        _, _, password = base64.b64decode(sent, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        password = ""
    return [secret for secret in (sent, password) if secret]


def _find(error: BaseException, kind: type[E]) -> E | None:
    """Return the first of `kind` that `error` is, wraps or came from."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        item = waiting.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        if isinstance(item, kind):
            return item
        seen.add(id(item))
        waiting += [*item.args, item.__cause__, item.__context__]
    return None


def _reason(error: Exception) -> str:
    """Say in our own words what broke; a foreign exception's text may hold anything."""
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "its name can't be resolved"
    if _find(error, urllib3.exceptions.TimeoutError) and not _find(error, ConnectionError):
        return "no answer in time"
    if _find(error, http.client.RemoteDisconnected):
        return "the connection was closed without an answer"
    if _find(error, http.client.BadStatusLine):
        return "it does not answer in HTTP"
    system = _find(error, OSError)
    if system is not None and system.strerror:
        return safe_line(system.strerror, limit=200).lower()
    return "the connection broke"
