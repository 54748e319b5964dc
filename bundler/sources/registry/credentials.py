"""The credentials that `docker login` stored: its config.json and its credential helpers.

Nothing is ever written. A file or helper that does not work is no reason to fail, since most
images are public: the problem is kept and told if the registry then refuses. Secrets are kept out
of every `repr`. Order, as in the Docker CLI: `credHelpers`, `credsStore`, `auths`.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from bundler.sources.registry.credential_helper import HelperProblem, ask_helper
from bundler.sources.registry.url import Origin
from manifests.strictjson import JsonValue, MalformedJson, load_object

CONFIG_LIMIT: Final = 1024 * 1024
"""Bytes of a config.json."""

HUB_KEY: Final = "https://index.docker.io/v1/"
"""The name under which Docker stores the credentials of docker.io."""

_HUB_HOSTS: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HOST_PATHS: Final = frozenset({"", "/", "/v1", "/v1/", "/v2", "/v2/"})
_IDENTITY_USER: Final = "<token>"
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No credentials.

    Attributes:
        problem: why there are none although some were configured; empty otherwise.
    """

    problem: str = ""


@dataclass(frozen=True, slots=True)
class Password:
    """A user name and password, or a personal access token in its place."""

    username: str
    secret: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The `Authorization` header (RFC 7617, with UTF-8)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """An OAuth2 refresh token, to be traded for a bearer token."""

    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegistryToken:
    """A bearer token, to be sent as it is."""

    secret: str = field(repr=False)


Credential: TypeAlias = Anonymous | Password | IdentityToken | RegistryToken


class Keychain:
    """Credentials by registry; read once, when first asked for. Safe for several threads."""

    def __init__(self, environment: Mapping[str, str], folder: Path | None = None) -> None:
        self._environment = environment
        self._path = (folder or default_folder(environment)) / "config.json"
        self._known: dict[tuple[str, Origin], Credential] = {}
        self._lock = threading.Lock()

    def find(self, registry: str, origin: Origin) -> Credential:
        """Return what is stored for `registry`.

        Args:
            registry: as in a reference: `host[:port]`.
            origin: where it is asked; an entry for `https://` never goes out over plain HTTP.
        """
        with self._lock:
            if (registry, origin) not in self._known:
                self._known[registry, origin] = self._find(registry, origin)
            return self._known[registry, origin]

    def _find(self, registry: str, origin: Origin) -> Credential:
        try:
            config = _read(self._path)
            helped = self._from_helper(config, registry)
        except (MalformedJson, HelperProblem) as error:
            return Anonymous(str(error))
        except OSError as error:
            return Anonymous(f"{self._path}: {error.strerror}")
        if helped is not None:
            return helped
        return next(_from_auths(config, registry, origin), Anonymous())

    def _from_helper(
        self, config: Mapping[str, JsonValue], registry: str
    ) -> Password | IdentityToken | None:
        helper = _helper_name(config, registry)
        if helper is None:
            return None
        if not _HELPER.fullmatch(helper):
            raise HelperProblem(f"{self._path}: a credential helper's name is unusable")
        server = HUB_KEY if registry in _HUB_HOSTS else registry
        found = ask_helper(helper, server, self._environment)
        if found is None:
            return None
        username, secret = found
        return IdentityToken(secret) if username == _IDENTITY_USER else Password(username, secret)


def default_folder(environment: Mapping[str, str]) -> Path:
    """Return `$DOCKER_CONFIG`, or `~/.docker`."""
    named = environment.get("DOCKER_CONFIG")
    return Path(named) if named else Path(environment.get("HOME") or "/") / ".docker"


def _read(path: Path) -> dict[str, JsonValue]:
    try:
        with path.open("rb") as file:
            raw = file.read(CONFIG_LIMIT + 1)
    except FileNotFoundError:
        return {}
    return load_object(raw, limit=CONFIG_LIMIT, subject=str(path))


def _helper_name(config: Mapping[str, JsonValue], registry: str) -> str | None:
    own = config.get("credHelpers")
    if isinstance(own, dict):
        for key, helper in own.items():
            if _names(key, registry) and isinstance(helper, str) and helper:
                return helper
    store = config.get("credsStore")
    return store if isinstance(store, str) and store else None


def _from_auths(
    config: Mapping[str, JsonValue], registry: str, origin: Origin
) -> Iterator[Credential]:
    auths = config.get("auths")
    entries = auths.items() if isinstance(auths, dict) else ()
    for key, entry in entries:
        if not _names(key, registry) or not isinstance(entry, dict):
            continue
        if key.startswith("https://") and not (origin.is_secure or origin.is_loopback):
            continue
        found = _from_entry(entry)
        if found is not None:
            yield found


def _names(key: str, registry: str) -> bool:
    """Tell whether a key of config.json, `host[:port]` or an old address, means `registry`."""
    try:
        parts = urlsplit(key if "://" in key else f"//{key}")
    except ValueError:
        return False
    if parts.path not in _HOST_PATHS:
        return False
    host = parts.netloc.lower()
    return host == registry.lower() or (host in _HUB_HOSTS and registry in _HUB_HOSTS)


def _from_entry(entry: Mapping[str, JsonValue]) -> Credential | None:
    registry_token, identity_token = entry.get("registrytoken"), entry.get("identitytoken")
    if isinstance(registry_token, str) and registry_token:
        return RegistryToken(registry_token)
    if isinstance(identity_token, str) and identity_token:
        return IdentityToken(identity_token)
    return _from_pair(entry)


def _from_pair(entry: Mapping[str, JsonValue]) -> Credential | None:
    username, secret = entry.get("username"), entry.get("password")
    packed = entry.get("auth")
    if isinstance(packed, str) and packed:
        try:
            text = base64.b64decode(packed, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return Anonymous("config.json: an `auth` entry is not base64 of USER:PASSWORD")
        username, _, secret = text.rstrip("\0").partition(":")
    if isinstance(username, str) and isinstance(secret, str) and username:
        return Password(username, secret)
    return None
