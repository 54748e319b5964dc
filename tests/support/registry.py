"""A real registry (`docker-registry`) on loopback, with its storage in a folder of the test.

`Registry` also speaks the little of the distribution API that tests need to put hostile or
unusual content there, and tells which requests the registry has served.
"""

from __future__ import annotations

import base64
import ctypes
import ctypes.util
import http.client
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.images import INDEX, MANIFEST
from tests.support.layers import digest_of
from tests.support.process import run_daemon

_LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")
_ACCESS = re.compile(r'"([A-Z]+) (/v2/\S*) HTTP/1\.[01]" (\d{3}) (\d+)')
_BCRYPT_SALT = b"$2b$04$abcdefghijklmnopqrstuu"


class RegistryError(RuntimeError):
    """The registry answered with another status than was expected."""


@dataclass(frozen=True)
class Request:
    """A request that the registry has answered.

    Attributes:
        method: such as `GET`.
        path: with its query, such as `/v2/app/manifests/1.0`.
        status: the answer's.
        size: bytes of body sent.
    """

    method: str
    path: str
    status: int
    size: int


@dataclass(frozen=True)
class Registry:
    """A running registry.

    Attributes:
        address: `127.0.0.1:port`, the first part of a reference.
        storage: where its files lie.
        log: its log, access lines included.
        credentials: name and password for the requests made here, if it asks for them.
    """

    address: str
    storage: Path
    log: Path
    credentials: tuple[str, str] | None = None
    _uploads: dict[str, set[str]] = field(default_factory=dict, compare=False)

    def reference(self, repository: str, tag: str = "latest") -> str:
        """Return `127.0.0.1:port/repository:tag`, with `@` where the tag is a digest."""
        return f"{self.address}/{repository}{'@' if ':' in tag else ':'}{tag}"

    def put_blob(self, repository: str, data: bytes) -> str:
        """Store a blob unless it was put here before; return its digest."""
        digest = digest_of(data)
        known = self._uploads.setdefault(repository, set())
        if digest not in known:
            headers, _ = self.ask("POST", f"/v2/{repository}/blobs/uploads/", expect=202)
            place = urlsplit(headers["Location"])
            target = f"{place.path}?{place.query}&digest={digest}"
            self.ask("PUT", target, data, "application/octet-stream", expect=201)
            known.add(digest)
        return digest

    def put_manifest(self, repository: str, tag: str, data: bytes, media_type: str) -> str:
        """Store `data` as it is, under a tag or its own digest; return the digest."""
        self.ask("PUT", f"/v2/{repository}/manifests/{tag}", data, media_type, expect=201)
        return digest_of(data)

    def get_manifest(self, repository: str, tag: str) -> tuple[str, bytes]:
        """Return media type and bytes of a manifest or index."""
        headers, body = self.ask("GET", f"/v2/{repository}/manifests/{tag}", expect=200)
        return headers["Content-Type"], body

    def delete_manifest(self, repository: str, digest: str) -> None:
        """Remove a manifest; its blobs stay."""
        self.ask("DELETE", f"/v2/{repository}/manifests/{digest}", expect=202)

    def blob_path(self, digest: str) -> Path:
        """Return the file that holds a blob or manifest, for tests that damage it."""
        _, _, hexa = digest.partition(":")
        root = self.storage / "docker/registry/v2/blobs/sha256"
        return root / hexa[:2] / hexa / "data"

    def requests(self) -> list[Request]:
        """Return every request answered so far, in order, the ones made here included."""
        found = _ACCESS.finditer(self.log.read_text(errors="replace"))
        return [Request(m[1], m[2], int(m[3]), int(m[4])) for m in found]

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        media_type: str = "",
        *,
        expect: int,
    ) -> tuple[Mapping[str, str], bytes]:
        """Make one request; return headers and body.

        Raises:
            RegistryError: the status is not `expect`.
        """
        headers = {"Accept": ", ".join([*MANIFEST.values(), *INDEX.values()])}
        if media_type:
            headers["Content-Type"] = media_type
        if self.credentials:
            token = base64.b64encode(":".join(self.credentials).encode()).decode()
            headers["Authorization"] = f"Basic {token}"
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status != expect:
            raise RegistryError(f"{method} {path}: {answer.status}, expected {expect}: {data!r}")
        return dict(answer.headers.items()), data


@contextmanager
def run_registry(
    root: Path,
    port: int = 0,
    *,
    storage: Path | None = None,
    credentials: tuple[str, str] | None = None,
    certificate: tuple[Path, Path] | None = None,
    prefix: tuple[str, ...] = (),
) -> Iterator[Registry]:
    """Run a registry on 127.0.0.1 until the block ends.

    Args:
        root: folder for its storage, configuration and log; made if absent, kept afterwards.
        port: 0 for any free one.
        storage: where its files lie, if not in `root`.
        credentials: the one name and password that it lets in; anyone when None.
        certificate: paths of certificate and key, for TLS; `Registry.ask` can't be used then.
        prefix: a command to run it through, such as `ip netns exec NAME`.

    Raises:
        DaemonError: it did not start.
    """
    root.mkdir(parents=True, exist_ok=True)
    log = root / "registry.log"
    log.unlink(missing_ok=True)
    config = root / "config.json"
    storage = storage or root / "storage"
    document = _config(storage, port)
    if certificate:
        document["http"] |= {
            "tls": {"certificate": str(certificate[0]), "key": str(certificate[1])}
        }
    if credentials:
        document["auth"] = {"htpasswd": _htpasswd(root / "htpasswd", credentials)}
    config.write_text(json.dumps(document))
    argv = [*prefix, _executable(), "serve", str(config)]

    def listening() -> re.Match[str] | None:
        return _LISTENING.search(log.read_text(errors="replace")) if log.exists() else None

    with run_daemon(argv, log=log, ready=lambda: listening() is not None, start_s=20, stop_s=5):
        found = listening()
        if not found:
            raise RegistryError("the registry's log was cut")
        yield Registry(f"127.0.0.1:{found[1]}", storage, log, credentials)


def _executable() -> str:
    return shutil.which("docker-registry") or "/usr/bin/docker-registry"


def _config(storage: Path, port: int) -> dict[str, Any]:
    """Return a registry configuration; JSON is YAML enough."""
    return {
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": f"127.0.0.1:{port}", "secret": "tests"},
    }


def _htpasswd(file: Path, credentials: tuple[str, str]) -> dict[str, str]:
    """Write the password file; return the configuration that names it."""
    file.write_text(f"{credentials[0]}:{_bcrypt(credentials[1])}\n")
    return {"realm": "tests", "path": str(file)}


def _bcrypt(password: str) -> str:
    """Hash a password as htpasswd does, by the C library's crypt."""
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    hashed = library.crypt(password.encode(), _BCRYPT_SALT)
    if not isinstance(hashed, bytes):
        raise RegistryError("the C library's crypt knows no bcrypt")
    return hashed.decode()
