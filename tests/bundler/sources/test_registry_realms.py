"""Token services: which ones we believe, and what we take from them; proxies."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest

from manifests.errors import AppManifestError, SourceFailed
from manifests.reference import Reference
from tests.bundler.sources.acme import BASIC, MANIFEST, guarded, image, manifest, source_of, token
from tests.bundler.sources.certificates import Certificates
from tests.bundler.sources.fakes import Answer, FakeClock, FakeRegistry, Seen, serve

Login = Callable[..., dict[str, Any]]
Resolve = Callable[[dict[str, int]], None]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>"),
        Answer(200, b"[]"),
        Answer(200, b"{}"),
        token(""),
        token("two words"),
        token("line\r\nX-Evil: 1"),
        token("\u00e9"),
        token("x" * 40_000),
        Answer(200, b'{"token":1}'),
        Answer(200, b"x" * 1_000_000),
        Answer(301, headers={"Location": "http://169.254.169.254/"}),
        Answer(404),
    ],
)
def test_garbage_from_the_token_service(answer: Answer) -> None:
    with (
        serve(lambda _: answer) as service,
        serve(guarded(f"http://{service.address}/t")) as fake,
        pytest.raises(SourceFailed) as caught,
    ):
        source_of().resolve(image(fake))
    assert caught.value.code == "registry-error"
    assert len(service.seen) == 1


@pytest.mark.parametrize("status", [400, 401, 403])
def test_token_service_that_refuses(status: int, docker_login: Login) -> None:
    with (
        serve(lambda _: Answer(status)) as service,
        serve(guarded(f"http://{service.address}/t")) as fake,
    ):
        with pytest.raises(AppManifestError, match="stored credentials not accepted"):
            source_of(**docker_login(fake.address)).resolve(image(fake))
        assert len(service.seen) == 1


def test_token_service_that_is_busy() -> None:
    answers = iter([Answer(503, headers={"Retry-After": "3"}), token()])
    clock = FakeClock()
    with (
        serve(lambda _: next(answers)) as service,
        serve(guarded(f"http://{service.address}/t")) as fake,
    ):
        source_of(clock).resolve(image(fake))
    assert clock.waits == [3.0]


@pytest.mark.parametrize(
    "realm",
    [
        "https://169.254.169.254/token",
        "http://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/token",
        "https://[::ffff:169.254.169.254]/token",
        "https://2852039166/token",
        "http://token.example/",
        "https://10.0.0.1/token",
        "https://127.0.0.2/token",
        "https://localhost/token",
    ],
)
@pytest.mark.parametrize("logged_in", [False, True])
def test_realm_that_nobody_may_be_sent_to(
    realm: str, logged_in: bool, docker_login: Login, resolve_to: Resolve
) -> None:
    resolve_to({})
    with serve(guarded(realm)) as fake:
        login = docker_login(fake.address) if logged_in else {}
        with pytest.raises(SourceFailed) as caught:
            source_of(**login).resolve(image(fake))
    assert caught.value.code == "registry-realm-refused"
    assert realm.startswith(str(caught.value.context["realm"]))


def test_stored_credentials_are_for_the_own_site(
    docker_login: Login, resolve_to: Resolve, certificates: Certificates
) -> None:
    authorities = (certificates.authority,)
    reference = Reference.parse("registry.example/acme/app:1")
    with (
        serve(lambda _: token(), certificate=certificates.chain) as evil,
        serve(guarded("https://evil.example/t"), certificate=certificates.chain) as fake,
    ):
        resolve_to({"registry.example": fake.port, "evil.example": evil.port})
        login = docker_login("registry.example")
        with pytest.raises(SourceFailed) as caught:
            source_of(ca_files=authorities, **login).resolve(reference)
        assert caught.value.code == "registry-realm-refused"
        assert "https://evil.example" in str(caught.value)
        assert "canary" not in "".join(traceback.format_exception(caught.value))
        assert evil.seen == []
        source_of(ca_files=authorities).resolve(reference)
        assert evil.authorizations() == [None]
        trusting = source_of(ca_files=authorities, realms=frozenset({"evil.example"}), **login)
        trusting.resolve(reference)
        assert evil.authorizations() == [None, BASIC]


def test_docker_hub(docker_login: Login, resolve_to: Resolve, certificates: Certificates) -> None:
    def hub(seen: Seen) -> Answer:
        return guarded("https://auth.docker.io/token", "repository:library/busybox:pull")(seen)

    chain = certificates.chain
    with serve(lambda _: token(), certificate=chain) as auth, serve(hub, certificate=chain) as fake:
        resolve_to({"registry-1.docker.io": fake.port, "auth.docker.io": auth.port})
        login = docker_login("https://index.docker.io/v1/")
        source = source_of(ca_files=(certificates.authority,), **login)
        assert source.resolve(Reference.parse("busybox")).raw == MANIFEST
        assert fake.seen[-1].path == "/v2/library/busybox/manifests/latest"
        assert fake.seen[-1].headers["Host"] == "registry-1.docker.io"
        assert auth.authorizations() == [BASIC]


def test_denied_names_a_broken_credential_helper(docker_login: Login) -> None:
    with (
        serve(lambda _: token("other")) as service,
        serve(guarded(f"http://{service.address}/t")) as fake,
    ):
        login = docker_login(fake.address)
        (login["docker_config"] / "config.json").write_text('{"credsStore":"gone"}')
        with pytest.raises(AppManifestError, match=r"docker-credential-gone.*not installed"):
            source_of(**login).resolve(image(fake))


def proxied(fake: FakeRegistry) -> list[tuple[str, str | None]]:
    return [(seen.path, seen.headers["Proxy-Authorization"]) for seen in fake.seen]


def test_proxy_from_the_environment() -> None:
    with serve(lambda _: manifest()) as proxy:
        environment = {"http_proxy": f"http://joe:p%40ss@{proxy.address}", "NO_PROXY": "127.0.0.1"}
        source = source_of(environment=environment, plain_http=frozenset({"registry.example"}))
        source.resolve(Reference.parse("registry.example/app:1"))
    assert proxied(proxy) == [("http://registry.example/v2/app/manifests/1", "Basic am9lOnBAc3M=")]


def test_proxy_that_is_not_there() -> None:
    with serve(lambda _: manifest()) as proxy:
        environment = {"HTTPS_PROXY": f"joe:canary@{proxy.address}"}
    with pytest.raises(SourceFailed, match="the proxy: connection refused") as caught:
        source_of(environment=environment, retries=0).resolve(Reference.parse("a.example/app:1"))
    assert "canary" not in "".join(traceback.format_exception(caught.value))
