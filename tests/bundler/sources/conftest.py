"""Fixtures of the registry client's tests."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bundler.sources.certificates import Certificates, make_certificates

Redirect = Callable[[dict[str, int]], None]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def resolve_to(monkeypatch: pytest.MonkeyPatch) -> Redirect:
    """Let names lead to ports of 127.0.0.1; every other name is unknown."""

    def install(ports: dict[str, int]) -> None:
        real = socket.getaddrinfo

        def lookup(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
            if host in ports:
                return real("127.0.0.1", ports[host], *args, **kwargs)
            if host.startswith("127."):
                return real(host, port, *args, **kwargs)
            raise socket.gaierror(socket.EAI_NONAME, "unknown in this test")

        monkeypatch.setattr(socket, "getaddrinfo", lookup)

    return install


@pytest.fixture
def docker_login(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Store credentials as `docker login` does; return the options that make them found."""

    def login(registry: str, secret: str = "canary-s3cret", **entry: str) -> dict[str, Any]:
        packed = base64.b64encode(f"ann:{secret}".encode()).decode()
        config = {"auths": {registry: entry or {"auth": packed}}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        return {"docker_config": tmp_path}

    return login
