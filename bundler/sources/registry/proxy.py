"""Which proxy stands between us and an origin, from the environment's usual variables.

`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, lower case first, as curl and Go's client
read them; `NO_PROXY` takes domains, addresses, networks (CIDR) and `*`, each with an optional
port. Loopback is never asked through a proxy. Nothing here connects.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from bundler.sources.registry.url import MalformedUrl, Origin, Url, ip_literal, split_authority
from manifests.errors import SourceFailed


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy.

    Attributes:
        origin: where it listens.
        credentials: `user:password`; empty for none.
    """

    origin: Origin
    credentials: str = field(default="", repr=False)


def proxy_for(origin: Origin, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy to ask `origin` through, or None to ask it directly.

    Raises:
        SourceFailed: `proxy-malformed`.
    """
    name = f"{origin.scheme}_proxy"
    setting = _variable(environment, name) or _variable(environment, "all_proxy")
    if not setting or origin.is_loopback or _is_exempt(origin, _variable(environment, "no_proxy")):
        return None
    return _parse(setting, name.upper())


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "") or environment.get(name.upper(), "")


def _parse(setting: str, name: str) -> Proxy:
    text = setting if "://" in setting else f"http://{setting}"
    try:
        parts = urlsplit(text)
        user, password = parts.username, parts.password
        url = Url.parse(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    except (ValueError, MalformedUrl) as error:
        raise SourceFailed(
            "proxy-malformed",
            f"{name}: expected http://[USER:PASSWORD@]HOST:PORT, found another kind of address",
            hint=f"correct or unset {name}",
        ) from error
    credentials = f"{unquote(user)}:{unquote(password or '')}" if user else ""
    return Proxy(url.origin, credentials)


def _is_exempt(origin: Origin, no_proxy: str) -> bool:
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return any(_covers(entry, origin) for entry in entries if entry)


def _covers(entry: str, origin: Origin) -> bool:
    if entry == "*":
        return True
    address = ip_literal(origin.host)
    if address is not None and "/" in entry:
        return _network_holds(entry, address)
    try:
        host, port = (
            split_authority(entry) if entry.count(":") < 2 or "]" in entry else (entry, None)
        )
    except MalformedUrl:
        return False
    if port not in (None, origin.port):
        return False
    domain = host.removeprefix("*").lstrip(".")
    return origin.host == domain or (address is None and origin.host.endswith(f".{domain}"))


def _network_holds(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
