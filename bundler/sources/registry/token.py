"""Gets a bearer token from the token service that a registry points to.

A registry may name any address as its token service, so the address is judged first: HTTPS, never
link-local, and stored credentials go only to a host of the registry's own site, to a known partner
or to one that the user named (CVE-2020-15157, CVE-2026-48978). We ask for `pull` alone, whatever
was offered. Protocol: distribution's "Token Authentication" and "OAuth2 Token Authentication".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from bundler.sources.registry import errors
from bundler.sources.registry.credentials import Anonymous, Credential, IdentityToken, Password
from bundler.sources.registry.http import Reply, Request, Transport
from bundler.sources.registry.retry import Broken, parse_retry_after
from bundler.sources.registry.url import MalformedUrl, Origin, Url, ip_literal, same_site
from manifests.reference import Reference
from manifests.strictjson import JsonValue, MalformedJson, load_object

ANSWER_LIMIT: Final = 256 * 1024
"""Bytes of a token service's answer."""
SHORTEST_S: Final = 60
"""Seconds that a token lives at least (distribution, "Requesting a Token")."""
LONGEST_S: Final = 3600
"""Seconds that we believe a token to live."""

PARTNERS: Final = {"registry-1.docker.io": frozenset({"auth.docker.io"})}
"""Token services known to belong to a registry."""

_SCOPE = re.compile(r"repository:([a-z0-9]+(?:[._/-]+[a-z0-9]+)*):[a-z*]+(?:,[a-z*]+)*", re.ASCII)
_VALUE = re.compile(r"[!-~]{1,32768}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token.

    Attributes:
        value: visible ASCII.
        seconds: how long it lives.
    """

    value: str = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class Errand:
    """For whom a token is asked.

    Attributes:
        registry: who sent the challenge.
        reference: what is to be pulled.
        parameters: of the challenge.
        credential: what is stored for the registry.
    """

    registry: Origin
    reference: Reference
    parameters: Mapping[str, str]
    credential: Credential


def fetch_token(transport: Transport, errand: Errand, realms: frozenset[str]) -> Token:
    """Return a token for pulling.

    Args:
        transport: for the request.
        errand: for whom.
        realms: hosts of token services that the user trusts with credentials.

    Raises:
        Broken: the service does not answer now.
        AppManifestError: `image-denied`.
        SourceFailed: `registry-realm-refused`, `registry-error`, ...
    """
    realm = _realm(errand)
    _check_realm(transport, errand, realm.origin, realms)
    with transport.send(_request(errand, realm)) as reply:
        _check_status(transport, errand, reply)
        return _parse(reply)


def _realm(errand: Errand) -> Url:
    try:
        return Url.parse(errand.parameters.get("realm", ""))
    except MalformedUrl as error:
        what = f"its token service's address is unusable: {error}"
        raise errors.bad_answer(errand.registry, what) from error


def _check_realm(
    transport: Transport, errand: Errand, realm: Origin, realms: frozenset[str]
) -> None:
    registry = errand.registry
    partners = PARTNERS.get(registry.host, frozenset())
    is_named = not {realm.host, realm.authority}.isdisjoint(realms | partners)
    is_own = is_named or same_site(registry.host, realm.host)
    reason = ""
    if realm.is_link_local:
        reason = "a link-local address"
    elif not realm.is_secure and not transport.settings.allows_plain(realm):
        reason = "not HTTPS"
    elif not is_own and (ip_literal(realm.host) is not None or realm.is_loopback):
        reason = "a bare address that is not the registry's own"
    elif not is_own and not isinstance(errand.credential, Anonymous):
        reason = "another site, which must not see the stored credentials"
    if reason:
        raise errors.realm_refused(registry, str(realm), reason)


def _request(errand: Errand, realm: Url) -> Request:
    form = {"scope": _pull_scope(errand)}
    if service := errand.parameters.get("service"):
        form["service"] = service
    if isinstance(errand.credential, IdentityToken):
        return _oauth2_request(realm, form, errand.credential)
    authorization = None
    if isinstance(errand.credential, Password):
        form["account"] = errand.credential.username
        authorization = errand.credential.basic
    query = "&".join(filter(None, (realm.query, urlencode(form))))
    return Request(Url(realm.origin, realm.path, query), authorization=authorization)


def _oauth2_request(realm: Url, form: Mapping[str, str], token: IdentityToken) -> Request:
    body = {
        **form,
        "grant_type": "refresh_token",
        "client_id": "moonlift",
        "refresh_token": token.secret,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request(realm, "POST", headers, body=urlencode(body).encode())


def _pull_scope(errand: Errand) -> str:
    """Return the scope to ask for: the registry may name another repository, but only to pull."""
    offered = _SCOPE.fullmatch(errand.parameters.get("scope", ""))
    repository = offered[1] if offered else errand.reference.repository
    return f"repository:{repository}:pull"


def _check_status(transport: Transport, errand: Errand, reply: Reply) -> None:
    status = reply.status
    if status == 200:
        return
    if status in (400, 401, 403):
        said = "" if isinstance(errand.credential, Anonymous) else "stored credentials not accepted"
        raise errors.denied(errand.reference, reply.origin, said)
    failure = errors.bad_status(reply.origin, "token service", status, "")
    if status in (408, 429) or status >= 500:
        wait = parse_retry_after(reply.headers.get("Retry-After"), transport.clock)
        raise Broken(failure, retry_after=wait)
    raise failure


def _parse(reply: Reply) -> Token:
    raw = reply.read_document(ANSWER_LIMIT)
    try:
        answer = load_object(raw, limit=ANSWER_LIMIT, subject="token")
    except MalformedJson as error:
        what = "the token service's answer is not a JSON object"
        raise errors.bad_answer(reply.origin, what) from error
    value = answer.get("token") or answer.get("access_token")
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise errors.bad_answer(reply.origin, "the token service's answer holds no usable token")
    return Token(value, _seconds(answer.get("expires_in")))


def _seconds(told: JsonValue) -> float:
    if isinstance(told, bool) or not isinstance(told, int):
        return SHORTEST_S
    return min(max(told, SHORTEST_S), LONGEST_S)
