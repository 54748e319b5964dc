"""What `docker login` stored is found, and nothing of it is ever shown."""

from __future__ import annotations

import base64
import json
import os
import stat
import time
from pathlib import Path

import pytest

from bundler.sources.registry.credentials import (
    Anonymous,
    Credential,
    IdentityToken,
    Keychain,
    Password,
    RegistryToken,
    default_folder,
)
from bundler.sources.registry.url import make_origin

SECRET = "canary-s3cret"
PACKED = base64.b64encode(f"ann:{SECRET}".encode()).decode()
ANN = Password("ann", SECRET)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def find(folder: Path, config: object, registry: str, scheme: str = "https") -> Credential:
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
    host, _, port = registry.partition(":")
    origin = make_origin(scheme, host, int(port) if port else None)
    return Keychain(environment, folder).find(registry, origin)


def helper(folder: Path, name: str, body: str) -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("https://GHCR.io/v2/", "ghcr.io"),
        ("reg.example:5000", "reg.example:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
    ],
)
def test_keys_that_name_a_registry(folder: Path, key: str, registry: str) -> None:
    assert find(folder, {"auths": {key: {"auth": PACKED}}}, registry) == ANN


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("ghcr.io", "evil-ghcr.io"),
        ("ghcr.io", "ghcr.io.evil.example"),
        ("reg.example:5000", "reg.example"),
        ("reg.example", "reg.example:5000"),
        ("reg.example/team", "reg.example"),
        ("https://index.docker.io/v1/", "reg.example"),
        ("http://[::1", "reg.example"),
    ],
)
def test_keys_that_name_another_registry(folder: Path, key: str, registry: str) -> None:
    assert find(folder, {"auths": {key: {"auth": PACKED}}}, registry) == Anonymous()


def test_https_entry_is_not_for_plain_http(folder: Path) -> None:
    config = {"auths": {"https://reg.example": {"auth": PACKED}}}
    assert find(folder, config, "reg.example", "http") == Anonymous()
    config = {"auths": {"reg.example": {"auth": PACKED}}}
    assert find(folder, config, "reg.example", "http") == ANN


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"username": "ann", "password": SECRET}, ANN),
        ({"auth": PACKED, "identitytoken": "id"}, IdentityToken("id")),
        ({"auth": PACKED, "registrytoken": "reg", "identitytoken": "id"}, RegistryToken("reg")),
        ({"auth": base64.b64encode(b"ann:a:b").decode()}, Password("ann", "a:b")),
        ({"auth": base64.b64encode(b"ann:x\0\0").decode()}, Password("ann", "x")),
        ({}, Anonymous()),
        ({"auth": ""}, Anonymous()),
        ({"auth": 5}, Anonymous()),
        ("text", Anonymous()),
    ],
)
def test_entries(folder: Path, entry: object, expected: Credential) -> None:
    assert find(folder, {"auths": {"reg.example": entry}}, "reg.example") == expected


@pytest.mark.parametrize(
    "config",
    [
        "not json",
        '{"auths":{},"auths":{}}',
        {"auths": {"reg.example": {"auth": "!!!"}}},
        {"credsStore": "../../bin/evil"},
        {"credsStore": "absent"},
    ],
)
def test_problems_are_told_not_raised(folder: Path, config: object) -> None:
    found = find(folder, config, "reg.example")
    assert isinstance(found, Anonymous)
    assert found.problem


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    keychain = Keychain({"HOME": str(tmp_path)})
    assert keychain.find("reg.example", make_origin("https", "reg.example")) == Anonymous()


def test_folder_in_place_of_the_file(folder: Path) -> None:
    (folder / "config.json").mkdir()
    found = Keychain({}, folder).find("reg.example", make_origin("https", "reg.example"))
    assert isinstance(found, Anonymous)
    assert "directory" in found.problem


def test_where_the_file_is() -> None:
    assert default_folder({"HOME": "/home/ann"}) == Path("/home/ann/.docker")
    assert default_folder({"HOME": "/home/ann", "DOCKER_CONFIG": "/etc/d"}) == Path("/etc/d")


def test_nothing_is_shown(folder: Path) -> None:
    for entry in ({"auth": PACKED}, {"identitytoken": SECRET}, {"registrytoken": SECRET}):
        assert SECRET not in repr(find(folder, {"auths": {"reg.example": entry}}, "reg.example"))


def test_helper_is_asked_for_the_host(folder: Path) -> None:
    helper(
        folder,
        "one",
        f'cat > {folder}/asked; echo "$@" >> {folder}/asked; '
        f'echo \'{{"ServerURL":"x","Username":"ann","Secret":"{SECRET}"}}\'',
    )
    assert find(folder, {"credHelpers": {"reg.example:5000": "one"}}, "reg.example:5000") == ANN
    assert (folder / "asked").read_text() == "reg.example:5000get\n"
    assert find(folder, {"credsStore": "one"}, "docker.io") == ANN
    assert (folder / "asked").read_text() == "https://index.docker.io/v1/get\n"
    assert find(folder, {"credHelpers": {"other": "one"}}, "reg.example") == Anonymous()


def test_helper_of_the_registry_comes_before_the_store(folder: Path) -> None:
    helper(folder, "own", 'echo \'{"Username":"<token>","Secret":"id"}\'')
    helper(folder, "store", "exit 7")
    config = {"credHelpers": {"reg.example": "own"}, "credsStore": "store"}
    assert find(folder, config, "reg.example") == IdentityToken("id")


def test_helper_without_credentials_leaves_it_to_the_file(folder: Path) -> None:
    helper(folder, "empty", "echo credentials not found in native keychain; exit 1")
    config = {"credsStore": "empty", "auths": {"reg.example": {"auth": PACKED}}}
    assert find(folder, config, "reg.example") == ANN
    helper(folder, "blank", 'echo \'{"Username":"","Secret":""}\'')
    assert find(folder, {"credsStore": "blank"}, "reg.example") == Anonymous()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (f"echo {SECRET}; exit 3", "status 3"),
        (f"echo {SECRET}", "expected JSON"),
        (f'echo \'{{"Secret":"{SECRET}"}}\'', "expected Username"),
        ("yes", "expected JSON|status"),
        ("sleep 600", "no answer"),
        ("sleep 600 & echo x", "no answer"),
        ("exec <&- ; exec >&- ; sleep 600", "no answer"),
    ],
)
def test_helper_that_fails(
    folder: Path, body: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bundler.sources.registry.credential_helper.TIMEOUT_S", 0.4)
    helper(folder, "bad", body)
    start = time.monotonic()
    found = find(folder, {"credsStore": "bad"}, "reg.example")
    assert time.monotonic() - start < 120
    assert isinstance(found, Anonymous)
    assert any(words in found.problem for words in problem.split("|"))
    assert SECRET not in found.problem


def test_helper_that_can_not_run(folder: Path) -> None:
    helper(folder, "odd", "")
    (folder / "docker-credential-odd").write_bytes(b"\x7fELF nonsense")
    found = find(folder, {"credsStore": "odd"}, "reg.example")
    assert isinstance(found, Anonymous)
    assert "can't be run" in found.problem


def test_credentials_are_looked_up_once(folder: Path) -> None:
    helper(folder, "count", f'echo x >> {folder}/count; echo \'{{"Username":"a","Secret":"b"}}\'')
    (folder / "config.json").write_text('{"credsStore":"count"}')
    keychain = Keychain({"PATH": f"{folder}:{os.environ['PATH']}"}, folder)
    for _ in range(3):
        keychain.find("reg.example", make_origin("https", "reg.example"))
    assert (folder / "count").read_text() == "x\n"
