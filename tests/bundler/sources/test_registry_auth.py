"""Challenges and token services: who gets our credentials, and when we give up."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from manifests.errors import AppManifestError, MoonliftError, SourceFailed
from manifests.reference import Reference
from tests.bundler.sources.acme import (
    BASIC,
    BLOB,
    MANIFEST,
    fetch,
    guarded,
    image,
    manifest,
    source_of,
    token,
)
from tests.bundler.sources.fakes import Answer, FakeClock, Seen, serve

Login = Callable[..., dict[str, Any]]


def query(seen: Seen) -> dict[str, list[str]]:
    return parse_qs(urlsplit(seen.path).query)


def test_anonymous_token_is_for_pulling_and_is_kept() -> None:
    scope = "repository:acme/app:pull,push,delete"
    with serve(lambda _: token()) as service:
        realm = f"http://{service.address}/token?tenant=a"
        with serve(guarded(realm, scope)) as fake:
            source = source_of()
            assert source.resolve(image(fake)).raw == MANIFEST
            assert fetch(source, image(fake)) == BLOB
            assert fake.authorizations() == [None, "Bearer t0ken", "Bearer t0ken"]
    assert len(service.seen) == 1
    asked = query(service.seen[0])
    assert asked == {"tenant": ["a"], "service": ["reg"], "scope": ["repository:acme/app:pull"]}
    assert service.seen[0].authorization is None


@pytest.mark.parametrize(
    ("offered", "asked"),
    [
        ("repository:mirror/acme/app:pull", "repository:mirror/acme/app:pull"),
        ("registry:catalog:*", "repository:acme/app:pull"),
        ("repository:a:pull repository:b:push", "repository:acme/app:pull"),
        ("repository:../x:pull", "repository:acme/app:pull"),
    ],
)
def test_scope(offered: str, asked: str) -> None:
    with serve(lambda _: token()) as service:
        with serve(guarded(f"http://{service.address}/", offered)) as fake:
            source_of().resolve(image(fake))
        assert query(service.seen[0])["scope"] == [asked]


def test_access_token_is_a_token_too() -> None:
    answer = Answer(200, b'{"access_token":"t0ken","expires_in":null}')
    with (
        serve(lambda _: answer) as service,
        serve(guarded(f"http://{service.address}/t")) as fake,
    ):
        source_of().resolve(image(fake))


@pytest.mark.parametrize(("lives", "asked"), [(60, 2), (300, 1), (1, 2), (10**9, 1), (True, 2)])
def test_token_expires(lives: object, asked: int) -> None:
    clock = FakeClock()
    with (
        serve(lambda _: token(expires_in=lives)) as service,
        serve(guarded(f"http://{service.address}/t")) as fake,
    ):
        source = source_of(clock)
        source.resolve(image(fake))
        clock.seconds += 55
        source.resolve(image(fake))
        assert len(service.seen) == asked


def test_token_that_is_refused_early_is_renewed_once() -> None:
    values = iter(["old", "t0ken", "new", "newer"])
    with serve(lambda _: token(next(values))) as service:
        realm = f"http://{service.address}/t"
        with serve(guarded(realm, value="old")) as fake:
            source = source_of()
            source.resolve(image(fake))
            fake.script = guarded(realm, value="t0ken")
            source.resolve(image(fake))
            fake.script = guarded(realm, value="never")
            with pytest.raises(AppManifestError) as denied:
                source.resolve(image(fake))
    assert denied.value.code == "image-denied"
    assert len(service.seen) == 3


def test_each_repository_has_its_own_token() -> None:
    with (
        serve(lambda _: token()) as service,
        serve(guarded(f"http://{service.address}/t")) as fake,
    ):
        source = source_of()
        for name in ("a", "b", "a"):
            source.resolve(Reference.parse(f"{fake.address}/{name}:1"))
        assert len(service.seen) == 2


def test_threads_fetch_one_token() -> None:
    with (
        serve(lambda _: token()) as service,
        serve(guarded(f"http://{service.address}/t")) as fake,
    ):
        source = source_of()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: source.resolve(image(fake)), range(16)))
        assert len(service.seen) == 1


def test_password_goes_to_the_token_service_only(docker_login: Login) -> None:
    with (
        serve(lambda _: token()) as service,
        serve(guarded(f"http://{service.address}/t")) as fake,
    ):
        source_of(**docker_login(fake.address)).resolve(image(fake))
        assert service.authorizations() == [BASIC]
        assert query(service.seen[0])["account"] == ["ann"]
        assert fake.authorizations() == [None, "Bearer t0ken"]


def test_identity_token_is_traded(docker_login: Login) -> None:
    answer = Answer(200, b'{"access_token":"t0ken","expires_in":300}')
    with (
        serve(lambda _: answer) as service,
        serve(guarded(f"http://{service.address}/t", "repository:acme/app:pull")) as fake,
    ):
        login = docker_login(fake.address, identitytoken="refresh&me")
        source_of(**login).resolve(image(fake))
    (seen,) = service.seen
    assert (seen.method, seen.path) == ("POST", "/t")
    assert parse_qs(seen.body.decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": ["moonlift"],
        "refresh_token": ["refresh&me"],
        "service": ["reg"],
        "scope": ["repository:acme/app:pull"],
    }


def test_identity_token_is_not_redirected(docker_login: Login) -> None:
    with serve(lambda _: token()) as thief:
        away = Answer(307, headers={"Location": f"http://{thief.address}/"})
        with (
            serve(lambda _: away) as service,
            serve(guarded(f"http://{service.address}/t")) as fake,
        ):
            login = docker_login(fake.address, identitytoken="refresh")
            with pytest.raises(SourceFailed, match="found 307"):
                source_of(**login).resolve(image(fake))
    assert thief.seen == []


def test_password_does_not_follow_the_token_service(docker_login: Login) -> None:
    with serve(lambda _: token(), host="127.0.0.2") as other:
        away = Answer(307, headers={"Location": f"http://{other.address}/"})
        with (
            serve(lambda _: away) as service,
            serve(guarded(f"http://{service.address}/t")) as fake,
        ):
            source_of(**docker_login(fake.address)).resolve(image(fake))
    assert other.authorizations() == [None]


def test_registry_token_is_sent_as_it_is(docker_login: Login) -> None:
    with serve(guarded("http://127.0.0.1:1/unused")) as fake:
        login = docker_login(fake.address, registrytoken="t0ken")
        source_of(**login).resolve(image(fake))
        wrong = docker_login(fake.address, registrytoken="wrong")
        source = source_of(**wrong)
        for _ in range(2):
            with pytest.raises(AppManifestError, match="not accepted"):
                source.resolve(image(fake))


def test_no_bearer_token_in_any_error() -> None:
    echo = Answer(403, b'{"errors":[{"code":"NO","message":"your token is canary"}]}')

    def script(seen: Seen) -> Answer:
        asks = {"WWW-Authenticate": f'Bearer realm="http://{service.address}/"'}
        return echo if seen.authorization else Answer(401, headers=asks)

    with (
        serve(lambda _: token("canary")) as service,
        serve(script) as fake,
        pytest.raises(AppManifestError) as caught,
    ):
        source_of().resolve(image(fake))
    assert "canary" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "asks",
    ['Basic realm="x"', 'Negotiate\nBasic realm="x"', 'Foo a=1, Basic realm="x", charset="UTF-8"'],
)
def test_401_for_ever_with_a_password(asks: str, docker_login: Login) -> None:
    clock = FakeClock()
    with serve(lambda _: Answer(401, headers={"WWW-Authenticate": asks})) as fake:
        with pytest.raises(AppManifestError) as denied:
            source_of(clock, **docker_login(fake.address)).resolve(image(fake))
        assert fake.authorizations() == [None, BASIC]
    assert denied.value.code == "image-denied"
    assert f"docker login {fake.address}" in denied.value.hint
    assert clock.waits == []


def test_password_is_kept_for_the_whole_registry(docker_login: Login) -> None:
    def script(seen: Seen) -> Answer:
        if seen.authorization != BASIC:
            return Answer(401, headers={"WWW-Authenticate": "Basic"})
        return manifest()

    with serve(script) as fake:
        source = source_of(**docker_login(fake.address))
        for name in ("a", "b"):
            source.resolve(Reference.parse(f"{fake.address}/{name}:1"))
        assert fake.authorizations() == [None, BASIC, BASIC]


@pytest.mark.parametrize(
    ("asks", "code"),
    [
        ("Basic", "image-denied"),
        ("Negotiate", "registry-error"),
        ("", "registry-error"),
        ("Bearer", "registry-error"),
        ('Bearer realm="gopher://x"', "registry-error"),
        ('Bearer realm="http://127.0.0.1:1/" x', "registry-error"),
        ('Bearer realm="a",realm="b"', "registry-error"),
        ('Bearer realm="unterminated', "registry-error"),
        ('Bearer realm="' + "a" * 9000 + '"', "registry-error"),
    ],
)
def test_challenges_that_lead_nowhere(asks: str, code: str) -> None:
    with (
        serve(lambda _: Answer(401, headers={"WWW-Authenticate": asks})) as fake,
        pytest.raises(MoonliftError) as caught,
    ):
        source_of().resolve(image(fake))
    assert caught.value.code == code
    assert len(fake.paths()) == 1
