"""The log: what was done, bounded, readable by few, without secrets and tricks."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from unittest.mock import patch

import pytest

from installer.app.settings import read_settings
from installer.logs import logfile
from installer.logs.log import LOGGER, open_log
from installer.logs.redaction import HIDDEN, REDACTION, Redaction
from manifests.errors import ExitCode
from manifests.runspec import RunSpec, SecretSpec
from tests.installer.conftest import Host
from tests.installer.fake_engine import FakeEngine
from tests.installer.test_cli import call

SECRETS = ("correct-horse-battery", "s3cr3tValue99", "dXNlcjpwYXNzd29yZA==", "t0psecret-t0ken")


def log_of(host: Host) -> str:
    return (host.root / "state/log/installer.log").read_text()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A log that is open, and its file."""
    (tmp_path / "state").mkdir()
    open_log(tmp_path / "state", verbose=False)
    return tmp_path / "state/log/installer.log"


def test_says_what_was_asked_what_happened_and_how_it_ended(host: Host, graph: FakeEngine) -> None:
    path = host.bundle().path
    call(host, "install", path, "--yes", "--engine", graph.url)
    lines = log_of(host).splitlines()
    assert "installer" in lines[0]
    assert any("image-loaded" in line for line in lines)
    assert any('run-finished {"record"' in line and '"outcome":"done"' in line for line in lines)
    assert not any("advanced" in line for line in lines)
    graph.images.clear()
    graph.faults.error_line = "boom"
    call(host, "install", path, "--yes", "--engine", graph.url)
    assert "ERROR engine-load" in log_of(host)


def test_is_for_root_and_its_group_only(host: Host, graph: FakeEngine) -> None:
    call(host, "install", host.bundle().path, "--yes", "--engine", graph.url)
    folder = host.root / "state/log"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert stat.S_IMODE((folder / "installer.log").stat().st_mode) == 0o640


def test_a_look_at_a_fresh_host_makes_no_folder(host: Host) -> None:
    call(host, "verify", host.bundle().path)
    assert not (host.root / "state").exists()


@pytest.mark.parametrize("obstacle", ["file", "link", "others"])
def test_where_it_can_not_be_there_is_none_and_nothing_fails(
    host: Host, graph: FakeEngine, obstacle: str
) -> None:
    state = host.root / "state"
    state.mkdir()
    if obstacle == "file":
        (state / "log").write_text("in the way")
    elif obstacle == "link":
        (state / "log").symlink_to(host.root)
    else:
        (state / "log").mkdir()
        (state / "log").chmod(0o777)
    result = call(host, "install", host.bundle().path, "--yes", "--engine", graph.url)
    assert result.exit_code == ExitCode.DONE
    assert not list(host.root.rglob("installer.log"))


def test_turns_over_and_stays_bounded(file: Path) -> None:
    with patch.object(logfile, "SIZE_LIMIT", 2000):
        for number in range(200):
            LOGGER.info("record %d %s", number, "x" * 100)
    files = sorted(one.name for one in file.parent.iterdir())
    assert files == [
        "installer.log",
        *(f"installer.log.{number}" for number in range(1, 5)),
    ]
    assert all(one.stat().st_size <= 2000 for one in file.parent.iterdir())
    assert "record 199" in file.read_text()


def test_no_text_of_others_looks_like_a_record(file: Path) -> None:
    LOGGER.info("engine said: %s", "a\n2026-01-01T00:00:00Z 1 INFO forged\x1b[2J\u202e\r")
    first, *rest = file.read_text().splitlines()
    assert first.endswith("engine said: a")
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in file.read_text()
    assert "\u202e" not in file.read_text()


def test_two_processes_lose_no_line(file: Path) -> None:
    children = []
    for name in ("one", "two"):
        child = os.fork()
        if not child:
            for number in range(50):
                LOGGER.info("%s %d", name, number)
            os._exit(0)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    assert len(file.read_text().splitlines()) == 100


def test_verbose_shows_it_on_standard_error(host: Host) -> None:
    path = host.bundle().path
    quiet = call(host, "verify", path)
    loud = call(host, "--verbose", "verify", path)
    assert quiet.stderr == ""
    assert "INFO moonlift" in loud.stderr
    assert loud.stdout == quiet.stdout


def test_secrets_are_in_neither_log_nor_report(
    host: Host, graph: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In settings, environment, Docker's configuration, and in what an engine's error quotes."""
    settings = tmp_path / "settings/viz"
    (settings / "secrets").mkdir(parents=True)
    (settings / "env").write_text(f"DB_PASSWORD={SECRETS[0]}\n")
    (settings / "secrets/db").write_text(SECRETS[1])
    docker = tmp_path / "docker"
    docker.mkdir()
    (docker / "config.json").write_text(
        '{"auths": {"registry.acme": {"auth": "' + SECRETS[2] + '"}}}'
    )
    monkeypatch.setenv("MOONLIFT_SETTINGS_DIR", str(settings.parent))
    monkeypatch.setenv("DOCKER_CONFIG", str(docker))
    monkeypatch.setenv("API_TOKEN", SECRETS[3])
    path = host.bundle().path
    call(host, "--verbose", "plan", path, "--engine", graph.url)
    graph.faults.error_line = (
        f"pull https://bot:{SECRETS[0]}@registry.acme failed; API_TOKEN={SECRETS[3]};"
        f" Authorization: Basic {SECRETS[2]}; {{'password': '{SECRETS[1]}'}}"
    )
    failed = call(host, "--verbose", "install", path, "--yes", "--engine", graph.url)
    assert failed.exit_code == ExitCode.ENGINE_FAILED
    graph.faults.error_line = ""
    assert call(host, "install", path, "--yes", "--engine", graph.url).exit_code == 0
    kept = [*(host.root / "state/log").iterdir(), *(host.root / "state/reports").glob("*/*")]
    assert len(kept) == 5
    for file in kept:
        for secret in SECRETS:
            assert secret.encode() not in file.read_bytes(), file
    assert HIDDEN in log_of(host)


def test_known_secrets_are_hidden_wherever_they_stand() -> None:
    redaction = Redaction()
    redaction.learn(["line one secret\nline two secret", "on"])
    assert redaction.text("x line two secret y on") == f"x {HIDDEN} y on"
    assert redaction.json({"a": ["line one secret"]}) == {"a": [HIDDEN]}


def test_what_a_host_sets_for_an_app_is_known_once_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/db").write_text("a value like any other\n")
    (tmp_path / "env").write_text("DB_PASSWORD=plain-words-here\nCOLOUR=ultramarine\n")
    spec = RunSpec(project="viz", services=(), secrets=(SecretSpec(name="db"),))
    read_settings(tmp_path, spec, lambda _: None)
    told = "it printed: a value like any other, plain-words-here, ultramarine"
    assert REDACTION.text(told) == f"it printed: {HIDDEN}, {HIDDEN}, ultramarine"


@pytest.mark.parametrize(
    "text",
    [
        "docker.io/acme/secret:1 -> sha256:0123",
        "docker.io/acme/token-service@sha256:00: 2 layers",
        "unix:///var/run/docker.sock: it does not answer",
        "the key's fingerprint is SHA256:abc/def+ghi",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redaction().text(text) == text


def test_a_private_key_is_hidden_even_when_its_end_is_missing() -> None:
    text = "found -----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk"
    assert Redaction().text(text) == f"found {HIDDEN}"


@pytest.fixture(autouse=True)
def _closed_log() -> object:
    yield
    LOGGER.handlers[:] = [logging.NullHandler()]
