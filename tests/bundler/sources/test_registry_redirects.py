"""Where a registry may send us, and what we take along: redirects and certificates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from manifests.errors import SourceFailed
from manifests.reference import Reference
from tests.bundler.sources.acme import (
    BLOB,
    LAYER,
    fetch,
    image,
    part,
    source_of,
)
from tests.bundler.sources.certificates import Certificates
from tests.bundler.sources.fakes import Answer, Seen, serve


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_authorization_stays_behind_at_another_origin(
    host: str, docker_login: Callable[..., dict[str, Any]]
) -> None:
    def script(seen: Seen) -> Answer:
        if seen.authorization is None:
            return Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        return Answer(307, headers={"Location": f"http://{storage.address}/data?signature=x"})

    with serve(part, host=host) as storage, serve(script) as fake:
        source = source_of(**docker_login(fake.address))
        assert fetch(source, image(fake)) == BLOB
        assert fake.authorizations() == [None, "Basic YW5uOmNhbmFyeS1zM2NyZXQ="]
        assert storage.paths() == ["GET /data?signature=x"]
        assert storage.authorizations() == [None]


def test_authorization_stays_behind_at_another_scheme(
    certificates: Certificates, docker_login: Callable[..., dict[str, Any]]
) -> None:
    def script(seen: Seen) -> Answer:
        if seen.authorization is None:
            return Answer(401, headers={"WWW-Authenticate": "Basic"})
        return Answer(302, headers={"Location": f"https://{storage.address}/data"})

    with serve(part, certificate=certificates.chain) as storage, serve(script) as fake:
        source = source_of(ca_files=(certificates.authority,), **docker_login(fake.address))
        assert fetch(source, image(fake)) == BLOB
        assert storage.authorizations() == [None]


def test_authorization_does_not_come_back(docker_login: Callable[..., dict[str, Any]]) -> None:
    def script(seen: Seen) -> Answer:
        if seen.path == "/back":
            return part(seen)
        if seen.authorization is None:
            return Answer(401, headers={"WWW-Authenticate": "Basic"})
        return Answer(307, headers={"Location": f"http://{other.address}/away"})

    def bounce(_: Seen) -> Answer:
        return Answer(307, headers={"Location": f"http://{fake.address}/back"})

    with serve(bounce) as other, serve(script) as fake:
        assert fetch(source_of(**docker_login(fake.address)), image(fake)) == BLOB
        assert fake.authorizations()[-1] is None


def test_authorization_goes_along_within_the_origin(
    docker_login: Callable[..., dict[str, Any]],
) -> None:
    def script(seen: Seen) -> Answer:
        if seen.authorization is None:
            return Answer(401, headers={"WWW-Authenticate": "Basic"})
        if seen.path == "/there":
            return part(seen)
        return Answer(308, headers={"Location": "/there"})

    with serve(script) as fake:
        assert fetch(source_of(**docker_login(fake.address)), image(fake)) == BLOB


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("/again", "registry-error"),
        ("http://169.254.169.254/latest", "registry-error"),
        ("http://0xA9FEA9FE/latest", "registry-error"),
        ("https://[fe80::1]/x", "registry-error"),
        ("http://registry.example/x", "registry-plain-http-refused"),
        ("file:///etc/passwd", "registry-error"),
        ("https://user:pass@registry.example/", "registry-error"),
        ("http://[::1/", "registry-error"),
        ("", "registry-error"),
        ("//", "registry-error"),
        ("http://127.0.0.1:99999/", "registry-error"),
    ],
)
def test_redirect_to_nowhere(
    location: str, code: str, resolve_to: Callable[[dict[str, int]], None]
) -> None:
    resolve_to({})
    with (
        serve(lambda _: Answer(307, headers={"Location": location})) as fake,
        pytest.raises(SourceFailed) as caught,
    ):
        source_of().open_blob(image(fake), LAYER)
    assert caught.value.code == code
    assert len(fake.paths()) <= 6


def test_https_never_leads_down_to_http(
    certificates: Certificates, resolve_to: Callable[[dict[str, int]], None]
) -> None:
    def script(_: Seen) -> Answer:
        return Answer(307, headers={"Location": f"http://{plain.address}/x"})

    with (
        serve(part) as plain,
        serve(script, certificate=certificates.chain) as fake,
    ):
        resolve_to({"registry.example": fake.port})
        source = source_of(ca_files=(certificates.authority,))
        with pytest.raises(SourceFailed) as caught:
            source.open_blob(Reference.parse("registry.example/app:1"), LAYER)
    assert caught.value.code == "registry-plain-http-refused"
    assert plain.seen == []


def test_refusing_storage_is_asked_anew(docker_login: Callable[..., dict[str, Any]]) -> None:
    answers = iter([Answer(403, b"<Error>expired</Error>")])

    def script(_: Seen) -> Answer:
        return Answer(307, headers={"Location": f"http://{storage.address}/{len(fake.seen)}"})

    with serve(lambda seen: next(answers, part(seen))) as storage, serve(script) as fake:
        assert fetch(source_of(**docker_login(fake.address)), image(fake)) == BLOB
        assert len(fake.paths()) == 2


def test_certificate_for_another_host(
    certificates: Certificates, resolve_to: Callable[[dict[str, int]], None]
) -> None:
    with serve(part, certificate=certificates.chain) as fake:
        resolve_to({"other.example": fake.port})
        source = source_of(ca_files=(certificates.authority,))
        with pytest.raises(SourceFailed) as caught:
            source.resolve(Reference.parse("other.example/app:1"))
    assert caught.value.code == "registry-tls"
    assert "other.example" in str(caught.value)


def test_file_of_authorities_that_is_none(certificates: Certificates) -> None:
    for path in (certificates.key, certificates.key / "missing"):
        with pytest.raises(SourceFailed, match="in PEM") as caught:
            source_of(ca_files=(path,)).resolve(Reference.parse("registry.example/app:1"))
        assert caught.value.code == "registry-tls"


def test_signed_address_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with serve(part) as storage:
        away = Answer(307, headers={"Location": f"http://{storage.address}/x?signature=canary"})
        with serve(lambda _: away) as fake:
            assert fetch(source_of(), image(fake)) == BLOB
    assert "canary" not in caplog.text
