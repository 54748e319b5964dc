"""Whom we talk to: origins, addresses without their secrets, and which hosts are one site.

An origin is scheme, host and port (RFC 6454); credentials belong to one origin and to no other.
The printed form of an address never holds its query or user information, since a signed query is
a password. Nothing here opens a connection or resolves a name.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import quote, urljoin, urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
MAX_URL: Final = 16 * 1024
"""Characters of one address; signed storage addresses reach 4 KiB."""

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,252}[a-z0-9])?|[0-9a-f:.]{2,45}", re.ASCII)
_NUMERIC = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,3}", re.ASCII)

_SECOND_LEVEL: Final = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"})
"""Under a country's two-letter domain these are open to everyone: example.co.uk."""

_SHARED: Final = (
    "amazonaws.com", "appspot.com", "azurecr.io", "azurewebsites.net", "cloudapp.net",
    "cloudfront.net", "duckdns.org", "firebaseapp.com", "fly.dev", "github.io", "gitlab.io",
    "herokuapp.com", "jfrog.io", "netlify.app", "ngrok.app", "ngrok.io", "ondigitalocean.app",
    "onrender.com", "pages.dev", "pkg.dev", "run.app", "vercel.app", "web.app", "windows.net",
    "workers.dev",
)  # fmt: skip
"""Domains whose names are rented to strangers: two hosts there are not one site."""


class MalformedUrl(ValueError):
    """An address that we do not use; the text never repeats it."""


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """One end that we may talk to.

    Attributes:
        scheme: `http` or `https`.
        host: lower case, IPv6 addresses without brackets.
        port: TCP port.
    """

    scheme: str
    host: str
    port: int

    @property
    def is_secure(self) -> bool:
        """Whether the channel is TLS."""
        return self.scheme == "https"

    @property
    def is_loopback(self) -> bool:
        """Whether this machine itself is meant: 127.0.0.0/8, ::1, localhost."""
        return is_loopback(self.host)

    @property
    def is_link_local(self) -> bool:
        """Whether the host is a literal of 169.254.0.0/16 or fe80::/10: clouds' metadata."""
        address = ip_literal(self.host)
        return address is not None and address.is_link_local

    @property
    def authority(self) -> str:
        """`host[:port]`, the port only where it isn't the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True)
class Url:
    """An address; `str` gives it without its query.

    Attributes:
        origin: whom to ask.
        path: starts with `/`.
        query: without `?`; may hold a signature and is never shown.
    """

    origin: Origin
    path: str
    query: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Url:
        """Parse an absolute http or https address.

        Raises:
            MalformedUrl: any other, or one with a user name in it.
        """
        try:
            parts = urlsplit(_printable(text))
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise MalformedUrl("it can't be parsed") from error
        if parts.scheme not in DEFAULT_PORTS:
            raise MalformedUrl("its scheme is neither http nor https")
        if parts.username is not None or parts.password is not None:
            raise MalformedUrl("it holds a user name")
        origin = make_origin(parts.scheme, host, port)
        return cls(origin, parts.path or "/", parts.query)

    @property
    def whole(self) -> str:
        """The address with its query, for the wire only."""
        return f"{self}?{self.query}" if self.query else str(self)

    def joined(self, location: str) -> Url:
        """Return where `location`, absolute or relative, points to (RFC 9110, 10.2.2).

        Raises:
            MalformedUrl: nowhere that we go.
        """
        try:
            return Url.parse(urljoin(self.whole, _printable(location)))
        except MalformedUrl:
            raise
        except ValueError as error:
            raise MalformedUrl("it can't be parsed") from error

    def __str__(self) -> str:
        return f"{self.origin}{self.path}"


def make_origin(scheme: str, host: str, port: int | None = None) -> Origin:
    """Return an origin in canonical spelling.

    Raises:
        MalformedUrl: not a host name or address.
    """
    host = host.lower().rstrip(".")
    if not _HOST.fullmatch(host):
        raise MalformedUrl("its host is not a host name")
    return Origin(scheme, host, port if port is not None else DEFAULT_PORTS[scheme])


def split_authority(authority: str) -> tuple[str, int | None]:
    """Split `host[:port]`, as the first part of a reference is written.

    Raises:
        MalformedUrl: it is not one.
    """
    try:
        parts = urlsplit(f"//{authority}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise MalformedUrl("it can't be parsed") from error
    if not host:
        raise MalformedUrl("it names no host")
    return host, port


def ip_literal(host: str) -> Address | None:
    """Return the address that `host` spells, in every spelling that the resolver takes.

    `0x7f.1`, `2130706433` and `::ffff:127.0.0.1` are 127.0.0.1 too.
    """
    try:
        if _NUMERIC.fullmatch(host):
            return ipaddress.IPv4Address(socket.inet_aton(host))
        address = ipaddress.ip_address(host)
    except (OSError, ValueError):
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine by its spelling."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = ip_literal(host)
    return address is not None and address.is_loopback


def same_site(one: str, other: str) -> bool:
    """Tell whether two hosts belong to one owner, as far as their names can show it.

    Without a list of public suffixes the answer leans to no.
    """
    if one == other:
        return True
    site = _site(one)
    return site is not None and site == _site(other)


def _site(host: str) -> str | None:
    labels = host.split(".")
    if ip_literal(host) is not None or f".{host}".endswith(tuple(f".{name}" for name in _SHARED)):
        return None
    is_open = len(labels[-1]) == 2 and len(labels) > 1 and labels[-2] in _SECOND_LEVEL
    depth = 3 if is_open else 2
    return ".".join(labels[-depth:]) if len(labels) >= depth else None


def _printable(text: str) -> str:
    """Return `text` with what may not stand in a request line percent-encoded."""
    if len(text) > MAX_URL:
        raise MalformedUrl(f"it is longer than {MAX_URL} characters")
    return "".join(c if "!" <= c <= "~" else quote(c, errors="replace") for c in text.strip())
