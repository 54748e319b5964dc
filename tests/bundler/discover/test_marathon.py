"""Which images Marathon's documents name, where, and what the run step is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundler.discover import marathon
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found
from manifests.appmanifest.sources import MarathonSource
from manifests.workload import (
    EngineOption,
    HealthCheck,
    Network,
    PortMapping,
    Upgrade,
    VolumeMount,
    Workload,
)

INPUTS = DiskFolder(Path(__file__).parent / "inputs/marathon")
DIGEST = "0123456789abcdef" * 4


WRONG = [
    (2, "expected a whole number from 0 to 2147483647 in [0].instances, found '3'"),
    (
        2,
        (
            "expected one of HTTP, HTTPS, TCP, COMMAND, MESOS_HTTP, MESOS_HTTPS or MESOS_TCP in"
            " [0].healthChecks[0].protocol, found 'GRPC'"
        ),
    ),
    (3, "expected an image in [1].container.docker, found an object"),
    (4, "app /c: expected a Docker image, found an appc image, which no engine here can load"),
    (5, "app /d: expected an image in [3].container.docker.image, found empty text"),
    (6, "expected an id in [4], found an object"),
    (
        6,
        "expected one line of text, at most 1024 characters in [4].container.docker.image, found 7",
    ),
    (7, "expected an app, group or pod in [5], found an object"),
]


def read(*paths: str) -> Found:
    """What files tell."""
    return marathon.discover(MarathonSource(marathon=paths), INPUTS)


def workload(path: str, number: int = 0) -> Workload:
    """What a file tells of running an image."""
    return read(path).workloads[number]


IMAGES = {
    "web.json": [("web.json:9", "app /shop/web", "registry.example.com:5000/shop/web:2.4.1")],
    "train.json": [("train.json:8", "app /train", "nvcr.io/nvidia/pytorch:24.05-py3")],
    "group.json": [
        ("group.json:8", "app /viz/web", "nginx:1.27"),
        ("group.json:21", "app /viz/render/worker", f"ghcr.io/viz/render@sha256:{DIGEST}"),
        ("group.json:31", "pod /viz/render/preview, container shot", "viz/shot:3"),
    ],
    "pod.json": [
        ("pod.json:16", "pod /analytics, container model", "example.org/model:7"),
        ("pod.json:34", "pod /analytics, container shipper", "fluent/fluent-bit:3.1"),
    ],
    "answer.json": [
        ("answer.json:2", "app /a", "alpine:3.20"),
        ("answer.json:3", "app /b", "busybox"),
    ],
    "job.json": [("job.json:6", "job nightly.report", "example.org/report:9")],
    "package": [
        ("package/resource.json:5", "resource nginx", "nginx:1.25.5"),
        ("package/resource.json:6", "resource exporter", "nginx/nginx-prometheus-exporter:1.1"),
    ],
}


@pytest.mark.parametrize("path", IMAGES)
def test_each_image_is_told_with_its_line_and_who_names_it(path: str) -> None:
    mentions = read(path).mentions
    assert [(str(one.place), one.by, one.written) for one in mentions] == IMAGES[path]


@pytest.mark.parametrize(
    ("path", "place", "by", "count"),
    [
        ("train.json", "train.json:4", "app /train", 2),
        ("group.json", "group.json:22", "app /viz/render/worker", None),
        ("pod.json", "pod.json:18", "pod /analytics, container model", 1),
    ],
)
def test_gpus_are_told(path: str, place: str, by: str, count: int | None) -> None:
    assert [(str(one.place), one.by, one.count) for one in read(path).gpus] == [(place, by, count)]


def test_an_app_is_told_as_it_must_run_without_any_value_of_its_environment() -> None:
    assert workload("web.json") == Workload(
        id="/shop/web",
        image="registry.example.com:5000/shop/web:2.4.1",
        place="web.json:9",
        instances=3,
        cpu_millis=250,
        memory_mib=257,
        args=("--listen", "0.0.0.0:8080"),
        networks=(Network(mode="bridge"),),
        ports=(
            PortMapping(container=8080, host=0, service=10080, name="http"),
            PortMapping(container=8125, host=0, protocols=("udp",)),
        ),
        health_checks=(
            HealthCheck(
                protocol="HTTP",
                path="/healthz",
                index=0,
                grace_seconds=30,
                interval_seconds=10,
                timeout_seconds=5,
                failures=2,
            ),
            HealthCheck(protocol="COMMAND", inside=True, shell="curl -fs http://$HOST:$PORT0/"),
        ),
        volumes=(
            VolumeMount(target="/etc/shop", kind="host", source="/srv/shop/etc", read_only=True),
            VolumeMount(
                target="/var/lib/shop",
                kind="external",
                source="shop-data",
                driver="dvdi",
                size_mib=20480,
            ),
        ),
        environment=("DB_HOST", "PASSWORD", "TOKEN"),
        secrets=("/shop/api-token",),
        options=(EngineOption(key="ulimit", value="nofile=65536:65536"),),
        dependencies=("/shop/db", "/platform/queue"),
        upgrade=Upgrade(minimum_health_percent=50, maximum_over_percent=20),
        stop_seconds=15,
    )
    assert "hunter2" not in repr(read("web.json"))


def test_a_container_of_a_pod_is_told_with_what_the_pod_shares() -> None:
    assert workload("pod.json") == Workload(
        id="/analytics/model",
        image="example.org/model:7",
        place="pod.json:16",
        instances=2,
        gpus=1,
        cpu_millis=2000,
        memory_mib=4096,
        command=("serve", "--port", "9000"),
        user="nobody",
        networks=(Network(mode="container", name="dcos"),),
        ports=(
            PortMapping(container=9000, host=0, name="grpc"),
            PortMapping(container=9100, name="metrics"),
        ),
        health_checks=(
            HealthCheck(
                protocol="HTTPS", inside=True, path="/live", name="metrics", interval_seconds=5
            ),
        ),
        volumes=(
            VolumeMount(target="/tmp", kind="ephemeral", source="scratch"),
            VolumeMount(target="/in", kind="host", source="/srv/in", read_only=True),
            VolumeMount(target="/run/key", kind="secret", source="key", read_only=True),
        ),
        environment=("MODE", "ZONE"),
        secrets=("analytics/key",),
        stop_seconds=30,
    )


def test_an_app_in_the_hosts_network_owns_its_ports_only_when_it_requires_them() -> None:
    assert workload("train.json").ports == (
        PortMapping(container=6006, host=6006, name="tensorboard"),
    )
    assert workload("train.json").shell == "python train.py \\\n  --epochs 10"
    assert workload("answer.json", 1).ports == (PortMapping(host=0, service=10001),)


def test_groups_lend_their_apps_their_path_and_what_they_wait_for() -> None:
    told = {one.id: one.dependencies for one in read("group.json").workloads}
    assert told == {
        "/viz/web": ("/platform", "/viz/db"),
        "/viz/render/worker": ("/platform",),
        "/viz/render/preview/shot": ("/platform",),
    }


def test_what_is_fetched_or_runs_without_an_image_is_remarked() -> None:
    assert [str(one.place) for one in read("web.json").remarks] == ["web.json:38"]
    message = read("web.json").remarks[0].message
    assert "fetches https://files.example.com/web.tar.gz, which" in message
    assert [str(one.place) for one in read("group.json").remarks] == ["group.json:10"]
    assert [str(one.place) for one in read("package").remarks] == [
        "package/config.json:1",
        "package/resource.json:9",
    ]


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = read("wrong.json")
    assert [(one.place.line, one.message) for one in found.problems] == WRONG


@pytest.mark.parametrize(
    ("path", "line", "code"),
    [
        ("package/marathon.json.mustache", 3, "marathon-malformed"),
        ("unrendered.json", 3, "marathon-image-unresolved"),
    ],
)
def test_a_template_is_told_with_the_command_that_renders_it(
    path: str, line: int, code: str
) -> None:
    problem = read(path).problems[0]
    assert (problem.place.line, problem.code) == (line, code)
    assert "--render" in problem.hint


def test_a_chosen_file_must_be_of_marathon() -> None:
    assert [one.code for one in read("package/config.json").problems] == ["marathon-malformed"]
    assert [one.code for one in read("none.json").problems] == ["marathon-unreadable"]
