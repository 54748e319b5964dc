"""Connections: how they are made, which are kept, and who is trusted at the other end.

One pool of connections per proxy and scheme, one TLS context for all, with the system's authorities
plus those that the user adds. Certificates are always checked; there is no switch to turn that off.
Nothing here sends a request.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import urllib3

from bundler.sources.registry import errors
from bundler.sources.registry.proxy import Proxy, proxy_for
from bundler.sources.registry.url import Origin

CONNECTIONS: Final = 16
"""Idle connections kept per origin."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How connections are made.

    Attributes:
        ca_files: PEM files of authorities trusted beside the system's.
        plain_http: `host` or `host:port` that may be asked without TLS.
        connect_timeout: seconds.
        read_timeout: seconds without a byte.
        environment: where the proxy variables are.
    """

    ca_files: tuple[Path, ...] = ()
    plain_http: frozenset[str] = frozenset()
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def allows_plain(self, origin: Origin) -> bool:
        """Tell whether `origin` may be asked without TLS."""
        named = {origin.host, f"{origin.host}:{origin.port}", origin.authority}
        return origin.is_loopback or not named.isdisjoint(self.plain_http)


class Pools:
    """Every connection of one registry client. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tls: ssl.SSLContext | None = None
        self._pools: dict[tuple[Proxy | None, bool], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def of(self, origin: Origin) -> urllib3.PoolManager:
        """Return the pool to ask `origin` through.

        Raises:
            SourceFailed: `proxy-malformed`, or `registry-tls` for an unusable file.
        """
        proxy = proxy_for(origin, self._settings.environment)
        key = (proxy, origin.is_secure)
        with self._lock:
            if origin.is_secure and self._tls is None:
                self._tls = _tls_context(origin, self._settings.ca_files)
            if key not in self._pools:
                self._pools[key] = self._make(proxy, self._tls)
            return self._pools[key]

    def clear(self) -> None:
        """Close every idle connection."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()

    def _make(self, proxy: Proxy | None, tls: ssl.SSLContext | None) -> urllib3.PoolManager:
        settings = self._settings
        timeout = urllib3.Timeout(connect=settings.connect_timeout, read=settings.read_timeout)
        if proxy is None:
            return urllib3.PoolManager(maxsize=CONNECTIONS, ssl_context=tls, timeout=timeout)
        return urllib3.ProxyManager(
            str(proxy.origin),
            maxsize=CONNECTIONS,
            ssl_context=tls,
            timeout=timeout,
            proxy_headers=urllib3.make_headers(proxy_basic_auth=proxy.credentials or None),
        )


def _tls_context(origin: Origin, ca_files: tuple[Path, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for path in ca_files:
        try:
            context.load_verify_locations(cafile=path)
        except OSError as error:
            raise errors.unusable_ca(origin, str(path)) from error
    return context
