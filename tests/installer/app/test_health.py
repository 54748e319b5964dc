"""When an instance is well, by what the engine and checks from outside tell."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from installer.app.converge import compare, restorable
from installer.app.deployment import deployment
from installer.app.health import Seen, Standing, Verdict, judge, late, satisfied
from installer.app.logs import parse_since
from installer.app.outside import Door, ask, door
from installer.app.wanted import Need
from installer.app.watching import Answers, Watch
from installer.app.words import masked
from installer.engines.containerfacts import (
    CONFIG,
    NAME,
    NUMBER,
    RESTART,
    SERVICE,
    ContainerFacts,
    OpenPort,
    read_container,
)
from manifests.errors import UsageError
from manifests.workload import HealthCheck
from tests.installer.app.releases import placed, release, service
from tests.support.process import short_directory

RUNNING = ContainerFacts("1", "viz-web-1", "sha256:1", state="running")


def seen(found: ContainerFacts, policy: str = "no", running_s: float = 9, **more: object) -> Seen:
    return replace(Seen(found, policy, running_s, 3), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "policy", "standing", "words"),
    [
        ({"state": "running"}, "no", Standing.WELL, ""),
        ({"state": "running", "health": "healthy"}, "no", Standing.WELL, ""),
        ({"state": "running", "health": "starting"}, "no", Standing.SETTLING, "not healthy yet"),
        (
            {"state": "running", "health": "unhealthy", "health_words": "no db"},
            "no",
            Standing.FAILED,
            "fails its health check: no db",
        ),
        ({"state": "exited"}, "no", Standing.COMPLETED, ""),
        ({"state": "exited"}, "on-failure", Standing.COMPLETED, ""),
        ({"state": "exited"}, "always", Standing.FAILED, "ended with status 0"),
        ({"state": "exited", "status": 3}, "no", Standing.FAILED, "ended with status 3"),
        (
            {"state": "exited", "status": 137, "out_of_memory": True},
            "no",
            Standing.FAILED,
            "lack of memory",
        ),
        ({"state": "restarting", "status": 1}, "always", Standing.WAITING, "started again"),
        ({"state": "restarting", "restarts": 9}, "always", Standing.FAILED, "9 times"),
        ({"state": "paused"}, "no", Standing.WAITING, "is paused"),
        ({"state": "dead", "trouble": "no space"}, "no", Standing.FAILED, "no space"),
    ],
)
def test_the_engines_facts_decide(
    facts: dict[str, object], policy: str, standing: Standing, words: str
) -> None:
    verdict = judge(seen(replace(RUNNING, **facts), policy))  # type: ignore[arg-type]
    assert verdict.standing is standing
    assert words in verdict.reason


def test_without_a_check_it_must_run_for_a_while() -> None:
    assert judge(seen(RUNNING, running_s=1)).standing is Standing.SETTLING
    assert judge(seen(RUNNING, running_s=9, once=True)).standing is Standing.SETTLING


@pytest.mark.parametrize(
    ("condition", "standings", "met"),
    [
        ("started", (Standing.SETTLING, Standing.WELL), True),
        ("started", (Standing.WAITING,), False),
        ("healthy", (Standing.WELL, Standing.SETTLING), False),
        ("healthy", (Standing.WELL, Standing.COMPLETED), True),
        ("completed", (Standing.WELL,), False),
        ("completed", (Standing.COMPLETED,), True),
    ],
)
def test_a_need_is_met_by_all_instances(
    condition: str, standings: tuple[Standing, ...], met: bool
) -> None:
    need = Need("db", condition)  # type: ignore[arg-type]
    assert satisfied(need, [Verdict(one) for one in standings]) is met
    optional = replace(need, required=False)
    assert satisfied(optional, [Verdict(Standing.FAILED)])


def test_failures_count_after_the_grace_and_once_an_interval() -> None:
    check = HealthCheck(
        protocol="TCP", grace_seconds=10, delay_seconds=0, interval_seconds=5, failures=2
    )
    answers = Answers(check, since=0)
    for now in (1, 9.9):
        answers.take("refused", now)
    assert answers.failures == 0
    for now in (10, 12, 14):
        answers.take("refused", now)
    assert (answers.failures, answers.failed) == (1, False)
    answers.take("refused", 15)
    assert answers.failed
    answers.take("", 16)
    assert (answers.passed, answers.failed) == (True, False)
    never = Answers(check.model_copy(update={"failures": 0, "grace_seconds": 0}), since=0)
    for now in (100, 200, 300):
        never.take("refused", now)
    assert not never.failed


def test_a_watch_asks_until_it_is_well() -> None:
    check = HealthCheck(protocol="TCP", interval_seconds=0)
    answers = iter(["refused", "refused", ""])
    passed = threading.Event()

    def asking(_check: HealthCheck, _door: Door) -> str:
        reason = next(answers, "")
        if not reason:
            passed.set()
        return reason

    found = replace(RUNNING, networks={"a": "127.0.0.1"})
    watch = Watch([check], [80], found, asking)
    watch.begin()
    assert passed.wait(30)
    watch.end()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(int(self.path.removeprefix("/")))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=["HTTP", "HTTPS"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    if request.param == "HTTPS":
        with short_directory() as folder:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(_certificate(folder))
        running.socket = context.wrap_socket(running.socket, server_side=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield request.param, running.server_port
    running.shutdown()
    thread.join()
    running.server_close()


def _certificate(folder: Path) -> Path:
    import subprocess  # noqa: PLC0415 - for this alone

    path = folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-subj", "/CN=x", "-days", "2", "-keyout", path, "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + (folder / "cert.pem").read_bytes())
    return path


def test_statuses_from_200_to_399_are_well(server: tuple[str, int]) -> None:
    protocol, port = server
    for status, well in ((200, True), (302, True), (399, True), (404, False), (503, False)):
        check = HealthCheck.model_validate(
            {"protocol": protocol, "path": f"/{status}", "timeout_seconds": 20}
        )
        reason = ask(check, Door("127.0.0.1", port))
        assert (reason == "") is well
        assert well or f"found {status}" in reason


def test_what_does_not_answer_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert "refused" in ask(HealthCheck(protocol="TCP"), Door("127.0.0.1", port))
        unused.listen()
        assert ask(HealthCheck(protocol="TCP"), Door("127.0.0.1", port)) == ""


def test_the_door_is_the_containers_own_or_the_hosts() -> None:
    check = HealthCheck(protocol="TCP", index=1)
    inside = replace(RUNNING, networks={"a": "10.0.0.2"})
    assert door(check, [80, 81], inside) == Door("10.0.0.2", 81)
    assert door(check, [80], inside) is None
    assert door(check, [80, 81], replace(RUNNING, modes={"NetworkMode": "host"})) == Door(
        "127.0.0.1", 81
    )
    published = replace(RUNNING, ports=(OpenPort("0.0.0.0", 9000, 81, "tcp"),))
    assert door(check, [80, 81], published) == Door("127.0.0.1", 9000)
    by_host = check.model_copy(update={"port": 9000})
    assert door(by_host, [80], replace(published, networks={"a": "10.0.0.2"})) == Door(
        "10.0.0.2", 81
    )


def test_of_two_of_an_instance_the_one_with_its_own_name_is_put_back() -> None:
    def found(name: str, state: str = "exited") -> ContainerFacts:
        labels = {SERVICE: "web", NUMBER: "1", NAME: "viz-web-1"}
        return replace(RUNNING, id=name, name=name, labels=labels, state=state)

    left = [found("viz-web-1-r7"), found("viz-web-1"), found("viz-web-1-r7-2", "created")]
    assert [one.name for one in restorable(left)] == ["viz-web-1"]


def test_what_runs_and_is_as_wanted_is_kept() -> None:
    one = release(service("web"))
    wanted = deployment(one, placed(one))
    labels = {SERVICE: "web", NUMBER: "1", CONFIG: wanted.containers[0].config}
    same = replace(RUNNING, labels=labels)
    change = compare(wanted, [replace(same, id="2", state="exited"), same])
    assert [kept.found.id for kept in change.kept] == ["1"]
    assert [gone.id for gone in change.obsolete] == ["2"]
    other = compare(wanted, [replace(same, labels={**labels, CONFIG: "x"})])
    assert (other.kept, len(other.made), len(other.obsolete)) == ((), 1, 1)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Config": [], "State": "x", "HostConfig": None, "NetworkSettings": {"Ports": {"x": 1}}},
        {"State": {"Health": {"Log": [1], "Status": 3}}, "Mounts": {}, "RestartCount": "many"},
        {"NetworkSettings": {"Networks": {"a": None}, "Ports": {"x/tcp": [{"HostPort": "y"}]}}},
    ],
)
def test_any_answer_of_an_engine_is_read(document: dict[str, object]) -> None:
    assert not read_container(document).runs


def test_completed_is_what_ended_well_and_is_not_started_again() -> None:
    ended = replace(RUNNING, state="exited", labels={RESTART: "always"})
    assert not ended.completed
    assert replace(ended, labels={RESTART: "no"}).completed


def test_times_are_read_and_secrets_hidden() -> None:
    assert parse_since("10m", 1000) == 400
    assert parse_since("77", 0) == 77
    assert parse_since("", 0) is None
    with pytest.raises(UsageError):
        parse_since("yesterday", 0)
    assert masked("a secret secrets", ("secret", "secrets")) == "a *** ***"


@pytest.mark.parametrize(
    ("others", "words"),
    [([], ""), (["web"], " (nor is web)"), (["web", "db"], " (nor are web, db)")],
)
def test_what_else_is_late_is_told(others: list[str], words: str) -> None:
    verdict = Verdict(Standing.SETTLING, "is not healthy yet")
    assert late(verdict, 2.5, others) == f"is not well after 2.5 s: it is not healthy yet{words}"
