"""Documents from registries that lie, break, drip or are overloaded."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable

import pytest

from manifests.digest import Digest
from manifests.errors import AppManifestError, SourceFailed
from manifests.mediatype import MediaType
from manifests.oci import MANIFEST_LIMIT, Descriptor
from manifests.reference import Reference
from tests.bundler.sources.acme import (
    HEAVY,
    MANIFEST,
    OCI,
    image,
    manifest,
    refusal,
    resolve,
    source_of,
)
from tests.bundler.sources.fakes import Answer, FakeClock, serve, serve_raw


def test_digest_header_must_agree() -> None:
    lie = str(Digest.of(b"other"))
    error = refusal(lambda _: manifest(Docker_Content_Digest=lie), resolve)
    assert (type(error), error.code) == (SourceFailed, "digest-mismatch")
    error = refusal(lambda _: manifest(Docker_Content_Digest="sha1:abc\x9b31m"), resolve)
    assert error.code == "registry-error"


def test_digest_of_the_reference_must_agree() -> None:
    with serve(lambda _: manifest()) as fake, pytest.raises(SourceFailed) as caught:
        source_of().resolve(image(fake, f":1@{Digest.of(b'other')}"))
    assert caught.value.code == "digest-mismatch"


@pytest.mark.parametrize("body", [b"x" * (MANIFEST_LIMIT + 1), b"x" * (5 * MANIFEST_LIMIT)])
@pytest.mark.parametrize("chunked", [False, True])
def test_huge_manifest(body: bytes, chunked: bool) -> None:
    error = refusal(lambda _: Answer(200, body, {"Content-Type": OCI}, chunked=chunked), resolve)
    assert error.code == "document-too-large"


@pytest.mark.parametrize(
    ("told", "body", "code"),
    [
        ("text/html", b"<html>log in</html>", "document-malformed"),
        (str(MediaType.DOCKER_MANIFEST), MANIFEST, "document-malformed"),
        ("application/json", b'{"schemaVersion":2}', "document-malformed"),
        (OCI, b"[1]", "document-malformed"),
        (OCI, b'{"schemaVersion":2,"mediaType":["a"]}', "document-malformed"),
        (OCI, b'{"schemaVersion":2,"schemaVersion":1}', "document-malformed"),
        (str(MediaType.DOCKER_SCHEMA1_SIGNED), b"{}", "image-schema1"),
        ("application/json", b'{"schemaVersion":1}', "image-schema1"),
    ],
)
def test_kind_of_document(told: str, body: bytes, code: str) -> None:
    assert refusal(lambda _: Answer(200, body, {"Content-Type": told}), resolve).code == code


@pytest.mark.parametrize("told", ["application/json", "", f"{OCI}; charset=utf-8"])
def test_silent_header_leaves_it_to_the_document(told: str) -> None:
    with serve(lambda _: Answer(200, MANIFEST, {"Content-Type": told})) as fake:
        assert source_of().resolve(image(fake)).media_type == OCI


def test_schema1_has_a_hint() -> None:
    schema1 = Answer(200, b"{}", {"Content-Type": str(MediaType.DOCKER_SCHEMA1)})
    error = refusal(lambda _: schema1, resolve)
    assert isinstance(error, AppManifestError)
    assert "push the image again" in error.hint


def test_compressed_document_is_never_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    error = refusal(lambda _: manifest(bomb, Content_Encoding="gzip"), resolve)
    assert error.code == "registry-error"
    assert "Content-Encoding" in str(error)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (MANIFEST[:-1], "size-mismatch"),
        (MANIFEST + b" ", "size-mismatch"),
        (MANIFEST[:-1] + b"\n", "digest-mismatch"),
        (bytes(9_000_000), "document-too-large"),
    ],
)
def test_document_by_descriptor(body: bytes, code: str) -> None:
    error = refusal(lambda _: manifest(body), lambda s, r: s.document(r, HEAVY))
    assert (type(error), error.code) == (SourceFailed, code)


def test_document_of_unbelievable_size_is_not_asked_for() -> None:
    with serve(lambda _: manifest()) as fake, pytest.raises(SourceFailed, match="at most"):
        source_of().document(image(fake), Descriptor(OCI, HEAVY.digest, 2**40))
    assert fake.seen == []


def test_kind_told_by_the_descriptor_must_agree() -> None:
    other = Descriptor(str(MediaType.DOCKER_MANIFEST), HEAVY.digest, HEAVY.size)
    error = refusal(lambda _: manifest(), lambda s, r: s.document(r, other))
    assert error.code == "document-malformed"


def test_broken_document_is_fetched_again() -> None:
    answers = iter([Answer(200, MANIFEST, {"Content-Type": OCI}, cut=10), manifest()])
    with serve(lambda _: next(answers)) as fake:
        assert source_of().resolve(image(fake)).raw == MANIFEST


def test_document_that_drips_ends() -> None:
    clock = FakeClock(step=200)
    with serve(lambda _: manifest()) as fake, pytest.raises(SourceFailed, match="120 seconds"):
        source_of(clock, retries=1).resolve(image(fake))
    assert len(clock.waits) == 1


def test_errors_of_the_registry_are_made_safe() -> None:
    said = {"errors": [{"code": "BAD", "message": "\x1b]52;c;aGk=\x07 \u202e[bold]x"}]}
    error = refusal(lambda _: Answer(418, json.dumps(said).encode()), resolve)
    assert (error.code, error.context["status"]) == ("registry-error", 418)
    assert "BAD" in str(error)
    assert "\x1b" not in str(error)
    assert "\u202e" not in str(error)


def test_head_may_get_no_answer() -> None:
    with serve(lambda _: Answer(200)) as fake:
        assert source_of().head(image(fake)) is None
    digest = str(Digest.of(MANIFEST))
    with serve(lambda _: manifest(Docker_Content_Digest=digest)) as fake:
        assert str(source_of().head(image(fake))) == digest
        assert fake.paths() == ["HEAD /v2/acme/app/manifests/1"]


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("Mon, 01 Jun 2026 12:00:20 GMT", 20, 20),
        ("86400", 60, 60),
        ("Mon, 01 Jun 2020 12:00:00 GMT", 0.25, 0.5),
        ("soon", 0.25, 0.5),
        ("-5", 0.25, 0.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(status: int, header: str, least: float, most: float) -> None:
    answers = iter([Answer(status, headers={"Retry-After": header}), manifest()])
    clock = FakeClock()
    with serve(lambda _: next(answers)) as fake:
        assert source_of(clock).resolve(image(fake)).raw == MANIFEST
    assert len(clock.waits) == 1
    assert least <= clock.waits[0] <= most


def test_overload_that_stays_is_told() -> None:
    body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}'
    error = refusal(lambda _: Answer(429, body), resolve)
    assert (type(error), error.code, error.context["status"]) == (
        SourceFailed,
        "registry-error",
        429,
    )
    assert "TOOMANYREQUESTS: slow down" in str(error)


def test_final_status_is_not_tried_again() -> None:
    with serve(lambda _: Answer(405)) as fake, pytest.raises(SourceFailed, match="found 405"):
        source_of().resolve(image(fake))
    assert len(fake.paths()) == 1


def test_nobody_there() -> None:
    with serve(lambda _: manifest()) as fake:
        pass
    clock = FakeClock()
    with pytest.raises(SourceFailed) as caught:
        source_of(clock).resolve(image(fake))
    assert caught.value.code == "registry-unreachable"
    assert "refused" in str(caught.value)
    assert clock.waits == []


def test_unknown_name(resolve_to: Callable[[dict[str, int]], None]) -> None:
    resolve_to({})
    with pytest.raises(SourceFailed, match="can't be resolved") as caught:
        source_of().resolve(Reference.parse("registry.example/app:1"))
    assert caught.value.code == "registry-unreachable"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\x1b[2J", "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "connection broke"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "connection broke"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "connection broke"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", "connection broke"),
    ],
)
def test_other_protocols(answer: bytes, words: str) -> None:
    with serve_raw(answer) as address:
        source = source_of(retries=1, plain_http=frozenset({address}))
        with pytest.raises(SourceFailed) as caught:
            source.resolve(Reference.parse(f"{address}/app:1"))
    assert caught.value.code == "registry-unreachable"
    assert words in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_name_server_that_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "busy")

    monkeypatch.setattr(socket, "getaddrinfo", busy)
    clock = FakeClock()
    with pytest.raises(SourceFailed, match="can't be resolved"):
        source_of(clock, retries=2).resolve(Reference.parse("registry.example/app:1"))
    assert len(clock.waits) == 2


@pytest.mark.parametrize("body", [b"{}", b'{"errors":[]}', b'{"errors":["x"]}', b"<html>", b""])
def test_errors_without_words(body: bytes) -> None:
    error = refusal(lambda _: Answer(418, body), resolve)
    assert str(error).endswith("found 418")


def test_error_that_breaks_off_has_no_words() -> None:
    error = refusal(lambda _: Answer(418, b'{"errors":[{"code":"X"}]}', cut=20), resolve)
    assert str(error).endswith("found 418")


def test_closed_source_asks_nothing() -> None:
    with serve(lambda _: manifest()) as fake:
        with source_of() as source:
            assert source.origin == "registry"
            source.resolve(image(fake))
        asked = len(fake.seen)
        with pytest.raises(SourceFailed) as caught:
            source.resolve(image(fake))
        assert caught.value.code == "registry-closed"
        assert len(fake.seen) == asked
