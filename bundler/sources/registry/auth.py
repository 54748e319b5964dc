"""Answers a registry's challenges, and remembers the answers until they expire.

A grant belongs to one origin and one repository; a password header, once a registry takes it, to
the origin. Several threads that are refused at once fetch one token. Sending requests and storing
credentials are others' business.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from bundler.sources.registry import errors
from bundler.sources.registry.challenge import Challenge, MalformedChallenge, parse_challenges
from bundler.sources.registry.credentials import (
    Anonymous,
    Credential,
    Keychain,
    Password,
    RegistryToken,
)
from bundler.sources.registry.http import Transport
from bundler.sources.registry.token import Errand, fetch_token
from bundler.sources.registry.url import Origin
from manifests.reference import Reference

EARLY_S = 10.0
"""Seconds before its end from which a token is no longer used."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status 401.

    Attributes:
        origin: who refused.
        reference: what was asked for.
        headers: every `WWW-Authenticate`.
        sent: the `Authorization` that was refused, if any.
    """

    origin: Origin
    reference: Reference
    headers: Sequence[str]
    sent: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Grant:
    header: str = field(repr=False)
    until: float


class Authorizer:
    """The `Authorization` header for each origin and repository. Safe for several threads."""

    def __init__(self, transport: Transport, keychain: Keychain, realms: frozenset[str]) -> None:
        self._transport = transport
        self._keychain = keychain
        self._realms = realms
        self._grants: dict[tuple[Origin, str], _Grant] = {}
        self._turns: dict[tuple[Origin, str], threading.Lock] = {}
        self._lock = threading.Lock()

    def header(self, origin: Origin, repository: str) -> str | None:
        """Return what to send, or None while nothing was asked for."""
        now = self._transport.clock.monotonic()
        with self._lock:
            for key in ((origin, repository), (origin, "")):
                grant = self._grants.get(key)
                if grant is not None and now < grant.until:
                    return grant.header
        return None

    def why_denied(self, origin: Origin, reference: Reference) -> str:
        """Return what to tell about the credentials when a registry refuses for good."""
        return _why_not(self._keychain.find(reference.registry, origin))

    def answer(self, refusal: Refusal) -> str:
        """Return what to send instead.

        Raises:
            Broken: the token service does not answer now.
            AppManifestError: `image-denied`: there is nothing else to send.
            SourceFailed: the challenge can't or must not be answered.
        """
        key = (refusal.origin, refusal.reference.repository)
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            known = self.header(*key)
            if known is not None and known != refusal.sent:
                return known
            return self._renew(refusal)

    def _renew(self, refusal: Refusal) -> str:
        try:
            challenges = parse_challenges(refusal.headers)
        except MalformedChallenge as error:
            what = f"its WWW-Authenticate header is malformed: {error}"
            raise errors.bad_answer(refusal.origin, what) from error
        offered = {challenge.scheme: challenge for challenge in reversed(challenges)}
        credential = self._keychain.find(refusal.reference.registry, refusal.origin)
        if "bearer" in offered:
            return self._bearer(refusal, offered["bearer"], credential)
        if "basic" in offered:
            return self._basic(refusal, credential)
        raise errors.bad_answer(refusal.origin, "asks for neither Bearer nor Basic authentication")

    def _basic(self, refusal: Refusal, credential: Credential) -> str:
        if not isinstance(credential, Password) or credential.basic == refusal.sent:
            raise errors.denied(refusal.reference, refusal.origin, _why_not(credential))
        return self._keep(refusal.origin, "", credential.basic, float("inf"))

    def _bearer(self, refusal: Refusal, challenge: Challenge, credential: Credential) -> str:
        repository = refusal.reference.repository
        if isinstance(credential, RegistryToken):
            header = f"Bearer {credential.secret}"
            if header == refusal.sent:
                raise errors.denied(refusal.reference, refusal.origin, _why_not(credential))
            return self._keep(refusal.origin, repository, header, float("inf"))
        asked = self._transport.clock.monotonic()
        errand = Errand(refusal.origin, refusal.reference, challenge.parameters, credential)
        token = fetch_token(self._transport, errand, self._realms)
        until = asked + token.seconds - EARLY_S
        return self._keep(refusal.origin, repository, f"Bearer {token.value}", until)

    def _keep(self, origin: Origin, repository: str, header: str, until: float) -> str:
        with self._lock:
            self._grants[origin, repository] = _Grant(header, until)
        return header


def _why_not(credential: Credential) -> str:
    if isinstance(credential, Anonymous):
        return credential.problem or "no credentials are stored for it"
    return "stored credentials not accepted"
