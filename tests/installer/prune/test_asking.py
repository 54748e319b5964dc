"""What an engine answers is read, and whatever it does else is told of."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import ClassVar

import pytest
from docker.errors import DockerException, NotFound

from installer.engines.asking import Asking
from tests.support.process import short_directory


class _Handler(socketserver.StreamRequestHandler):
    answer: ClassVar[bytes] = b""
    asked: ClassVar[list[str]] = []
    connections: ClassVar[int] = 0

    def handle(self) -> None:
        type(self).connections += 1
        while line := self.rfile.readline():
            if line.startswith(b"GET "):
                self.asked.append(line.decode().split()[1])
            if line == b"\r\n":
                self.wfile.write(self.answer)
                if b"Content-Length" not in self.answer:
                    return


@contextmanager
def engine(answer: bytes) -> Iterator[tuple[Asking, type[_Handler]]]:
    class Handler(_Handler):
        asked: ClassVar[list[str]] = []

    Handler.answer = answer
    with short_directory() as folder:
        path = str(folder / "engine.sock")
        with socketserver.ThreadingUnixStreamServer(path, Handler) as server:
            serving = threading.Thread(target=server.serve_forever, args=(0.01,))
            serving.start()
            try:
                with closing(Asking(f"unix://{path}", "1.41", 2)) as asking:
                    yield asking, Handler
            finally:
                server.shutdown()
                serving.join()


def answer(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def test_one_connection_does_for_many_questions() -> None:
    with engine(answer("200 OK", b'{"Id": "1"}')) as (asking, handler):
        found = [asking.ask("images", "acme/a b:1?", "json", size=1) for _ in range(3)]
        assert found == [{"Id": "1"}] * 3
        assert handler.asked == ["/v1.41/images/acme/a%20b:1%3F/json?size=1"] * 3
        assert handler.connections == 1


@pytest.mark.parametrize(
    ("said", "expected", "words"),
    [
        (answer("404 Not Found", b'{"message": "no such image"}'), NotFound, "no such image"),
        (answer("500 Oh", b'{"message": "disk on fire"}'), DockerException, "disk on fire"),
        (answer("500 Oh", b'["no words"]'), DockerException, "no words"),
        (answer("200 OK", b"<html>"), DockerException, "Expecting value"),
        (answer("200 OK", b"\xff\xfe"), DockerException, "Expecting value"),
        (b"HTTP/1.1 200 OK\r\n\r\n{", DockerException, "Expecting"),
        (b"", DockerException, "aborted"),
        (b"SSH-2.0\r\n", DockerException, "SSH"),
    ],
)
def test_what_is_no_answer_is_a_failure(said: bytes, expected: type[Exception], words: str) -> None:
    with engine(said) as (asking, _), pytest.raises(expected, match=words):
        asking.ask("images/json")
