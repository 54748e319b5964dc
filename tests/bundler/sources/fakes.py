"""A registry that misbehaves on purpose, a clock that does not wait, and a resolver that lies.

The server is a real one on loopback; only what it answers is made up.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TypeAlias

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class FakeClock:
    """Counts the waits instead of waiting; every look at it costs `step` seconds."""

    def __init__(self, step: float = 0.0) -> None:
        self.waits: list[float] = []
        self.seconds = 1000.0
        self.step = step

    def monotonic(self) -> float:
        self.seconds += self.step
        return self.seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds - 1000)

    def sleep(self, seconds: float, /) -> None:
        self.waits.append(seconds)
        self.seconds += seconds

    def wake(self) -> None:
        pass


@dataclass(frozen=True)
class Seen:
    """A request that arrived; `path` with its query."""

    method: str
    path: str
    headers: Message
    body: bytes = b""
    peer: tuple[str, int] = ("", 0)

    @property
    def authorization(self) -> str | None:
        return self.headers["Authorization"]


@dataclass(frozen=True)
class Answer:
    """What to answer.

    Attributes:
        status, headers, body: as they go out; a `Content-Length` is added unless one is given.
        cut: close the connection after so many bytes of body.
        chunked: send without a length, in chunks.
        hold: keep the connection open, silent, once `body` or its cut part is out.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    chunked: bool = False
    hold: bool = False


Script: TypeAlias = Callable[[Seen], Answer]


class FakeRegistry:
    """A running server; what it was asked is kept in `seen`."""

    def __init__(self, address: str, script: Script) -> None:
        self.address = address
        self.script = script
        self.seen: list[Seen] = []
        self.released = threading.Event()
        self.arrived = threading.Condition()

    def paths(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.seen if seen.path != "/v2/"]

    def authorizations(self) -> list[str | None]:
        return [seen.authorization for seen in self.seen if seen.path != "/v2/"]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


@contextmanager
def serve(
    script: Script, *, host: str = "127.0.0.1", certificate: Path | None = None
) -> Iterator[FakeRegistry]:
    """Serve until the block ends; with a PEM file of key and certificate, over TLS."""
    server = _Server((host, 0), _Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.context = context
    fake = FakeRegistry(f"{host}:{server.server_port}", script)
    server.fake = fake
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serve_raw(answer: bytes) -> Iterator[str]:
    """Answer every connection's first packet with `answer`, then close; yields the address."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.request.recv(65536)
                self.request.sendall(answer)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    fake: FakeRegistry
    context: ssl.SSLContext | None = None
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 20

    def setup(self) -> None:
        if self.server.context is not None:
            self.request.settimeout(5)
            with contextlib.suppress(OSError):
                self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()
        with contextlib.suppress(OSError):
            self.request.close()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = Seen(self.command, self.path, self.headers, body, self.client_address)
        fake = self.server.fake
        with fake.arrived:
            fake.seen.append(seen)
            fake.arrived.notify_all()
        self._send(Answer(401) if self.path == "/v2/" else fake.script(seen))

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        headers = dict(answer.headers)
        if answer.chunked:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers.setdefault("Content-Length", str(len(answer.body)))
        for name, value in headers.items():
            for single in value.split("\n"):
                self.send_header(name, single)
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(answer)

    def _send_body(self, answer: Answer) -> None:
        body = answer.body if answer.cut is None else answer.body[: answer.cut]
        if answer.chunked:
            for start in range(0, len(body), 65536):
                part = body[start : start + 65536]
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            body = b"0\r\n\r\n" if answer.cut is None else b""
        self.wfile.write(body)
        self.wfile.flush()
        if answer.hold:
            self.server.fake.released.wait(20)
        if answer.cut is not None or answer.hold:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = _answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass
