"""Marathon's apps and pods run as one machine can have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bundler.run.reading import ReadRun
from manifests.confinement import GpuNeed, Limits
from manifests.runspec import NetworkSpec, VolumeSpec
from manifests.service import Attachment, Dependency, PublishedPort, Service
from manifests.serviceinputs import EnvironmentValue, Mount, SecretUse
from manifests.workload import Upgrade
from tests.bundler.run.drafts import read, remarks

PORTS = (("a", 1), ("b", 2))
DOCKER = {"type": "DOCKER", "docker": {"image": "x:1"}}


def of(folder: Path, document: object) -> ReadRun:
    (folder / "m.json").write_text(json.dumps(document, indent=1))
    return read(folder, "run: {marathon: m.json}\n")


def app(folder: Path, **keys: Any) -> Service:
    found = of(folder, {"id": "/viz/web", "container": DOCKER, **keys})
    assert not found.found.problems
    (one,) = found.draft.services
    return one


def test_names_commands_and_variables(tmp_path: Path) -> None:
    one = app(tmp_path, cmd="serve $PORT0 && x", env={"A": "$b", "B": ""}, instances=3, user="u")
    assert (one.name, one.image, one.instances, one.user) == ("viz-web", "x:1", 3, "u")
    assert (one.entrypoint, one.command) == (("/bin/sh",), ("-c", "serve $$PORT0 && x"))
    assert one.environment == (
        EnvironmentValue(name="MARATHON_APP_ID", value="/viz/web"),
        EnvironmentValue(name="A", value="$$b"),
        EnvironmentValue(name="B", value=""),
    )
    assert (one.restart, one.network_mode) == ("always", "host")
    assert app(tmp_path, args=["a", "$x"]).command == ("a", "$$x")


def test_ports_networks_and_checks(tmp_path: Path) -> None:
    mappings = [
        {"containerPort": 80, "hostPort": 0, "name": "http"},
        {"containerPort": 81, "hostPort": 8081, "protocol": "udp,tcp"},
        {"containerPort": 82},
    ]
    one = app(
        tmp_path,
        container={**DOCKER, "portMappings": mappings},
        networks=[{"mode": "container", "name": "dcos"}],
        healthChecks=[
            {"protocol": "HTTP", "path": "/up", "portIndex": 1},
            {"protocol": "COMMAND", "command": {"value": "test -e $f"}, "gracePeriodSeconds": 5},
        ],
        upgradeStrategy={"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0},
        taskKillGracePeriodSeconds=9,
    )
    assert one.ports == (
        PublishedPort(container=80),
        PublishedPort(container=81, host="8081"),
        PublishedPort(container=81, host="8081", protocol="udp"),
    )
    assert one.networks == (Attachment(network="dcos"),)
    (check,) = one.health_checks
    assert (check.protocol, check.path, check.port, check.index) == ("HTTP", "/up", 81, None)
    assert one.probe is not None
    assert (one.probe.shell, one.probe.start_period_ms) == ("test -e $$f", 5000)
    assert one.upgrade == Upgrade(minimum_health_percent=50, maximum_over_percent=0)
    assert one.stop_seconds == 9


def test_resources_volumes_secrets_and_labels(tmp_path: Path) -> None:
    volumes = [
        {"containerPath": "/h", "hostPath": "/srv/$x", "mode": "RO"},
        {"containerPath": "data", "persistent": {"size": 10}},
        {"containerPath": "/e", "external": {"name": "vol", "provider": "dvdi"}},
        {"containerPath": "/s", "secret": "pw"},
    ]
    document = {
        "id": "web",
        "cpus": 0.5,
        "mem": 64,
        "gpus": 2,
        "container": {**DOCKER, "volumes": volumes},
        "env": {"PW": {"secret": "pw"}},
        "secrets": {"pw": {"source": "/viz/pw"}},
        "labels": {"A": "$1"},
    }
    found = of(tmp_path, document)
    (one,) = found.draft.services
    assert one.limits == Limits(cpu_shares=512, memory=64 * 1024 * 1024)
    assert one.gpus == GpuNeed(count=2)
    assert one.mounts == (
        Mount(target="/h", kind="host", source="/srv/$$x", read_only=True),
        Mount(target="/mnt/mesos/sandbox/data", kind="volume", source="web-data"),
        Mount(target="/e", kind="volume", source="web-vol"),
    )
    assert one.secrets == (
        SecretUse(name="viz/pw", variable="PW"),
        SecretUse(name="viz/pw", target="/s"),
    )
    assert found.draft.volumes == (
        VolumeSpec(key="web-data"),
        VolumeSpec(key="web-vol", name="vol"),
    )
    assert [label.value for label in one.labels] == ["$$1"]


def test_dependencies_of_groups_and_equal_names(tmp_path: Path) -> None:
    check = [{"protocol": "TCP"}]
    document = {
        "id": "/",
        "groups": [
            {"id": "db", "apps": [{"id": "a", "container": DOCKER, "healthChecks": check}]},
            {"id": "x", "dependencies": ["../db"], "apps": [{"id": "b", "container": DOCKER}]},
            {"id": "x-b", "apps": [{"id": "c", "container": DOCKER}]},
        ],
        "apps": [{"id": "x-b", "container": DOCKER, "dependencies": ["/x"]}],
    }
    found = of(tmp_path, document)
    services = {one.name: one.dependencies for one in found.draft.services}
    assert services == {
        "x-b": (Dependency(service="x-b-2"),),
        "db-a": (),
        "x-b-2": (Dependency(service="db-a", condition="healthy"),),
        "x-b-c": (),
    }


def test_containers_of_a_pod_share_their_network(tmp_path: Path) -> None:
    image = {"kind": "DOCKER", "id": "x:1"}
    ends = {name: [{"name": "p", "containerPort": n, "hostPort": n}] for name, n in PORTS}
    containers = [{"name": name, "image": image, "endpoints": ends[name]} for name, _ in PORTS]
    networks = [{"mode": "container", "name": "n"}]
    found = of(tmp_path, {"id": "/pod", "containers": containers, "networks": networks})
    first, second = found.draft.services
    assert [port.container for port in first.ports] == [1, 2]
    assert (second.network_mode, second.ports) == ("service:pod-a", ())
    assert second.dependencies == (Dependency(service="pod-a", restart=True),)
    assert found.draft.networks == (NetworkSpec(key="n"),)


def test_options_of_the_engine(tmp_path: Path) -> None:
    parameters = [
        {"key": "cap-add", "value": "A"},
        {"key": "hostname", "value": "h"},
        {"key": "volume", "value": "/a:/b:ro"},
        {"key": "log-driver", "value": "syslog"},
        {"key": "log-opt", "value": "tag=x"},
        {"key": "gpus", "value": "device=0,1"},
        {"key": "oom-kill-disable", "value": "true"},
    ]
    docker = {"image": "x", "parameters": parameters, "privileged": True}
    found = of(tmp_path, {"id": "a", "container": {"type": "DOCKER", "docker": docker}})
    (one,) = found.draft.services
    assert one.privileges is not None
    assert one.naming is not None
    assert one.logging is not None
    assert (one.privileges.cap_add, one.privileges.privileged) == (("A",), True)
    assert one.naming.hostname == "h"
    assert one.mounts == (Mount(target="/b", kind="host", source="/a", read_only=True),)
    assert (one.logging.driver, one.logging.options[0].value) == ("syslog", "x")
    assert one.gpus == GpuNeed(devices=("0", "1"))
    assert "the engine's option oom-kill-disable is left out" in remarks(found)[0]


def test_what_only_a_cluster_has_is_remarked(tmp_path: Path) -> None:
    found = of(tmp_path, {"id": "a", "container": DOCKER, "constraints": [["hostname", "UNIQUE"]]})
    assert found.draft.remarks == ("m.json: app /a: constraints is left out: there is one machine",)
    job = {"id": "j", "run": {"docker": {"image": "x"}, "cmd": "y"}}
    left = of(tmp_path, job)
    assert [one.code for one in left.found.problems] == ["run-nothing"]
    assert "job j does not run by itself" in remarks(left)[0]


def test_a_port_that_nobody_chooses_is_remarked(tmp_path: Path) -> None:
    found = of(tmp_path, {"id": "a", "container": DOCKER, "cmd": "serve $PORT0 ${PORT1}"})
    assert [one.partition(": ")[2] for one in found.draft.remarks] == [
        "app /a: PORT0 is used, and no port of the host is fixed for it",
        "app /a: PORT1 is used, and no port of the host is fixed for it",
    ]
    ports = {"portDefinitions": [{"port": 80}, {"port": 81}], "requirePorts": True}
    fixed = of(tmp_path, {"id": "a", "container": DOCKER, "cmd": "serve $PORT0 ${PORT1}", **ports})
    assert fixed.draft.remarks == ()
    (one,) = fixed.draft.services
    assert EnvironmentValue(name="PORT1", value="81") in one.environment


def test_too_many_apps_are_refused(tmp_path: Path) -> None:
    many = {"id": "/", "apps": [{"id": f"a{n}", "container": DOCKER} for n in range(501)]}
    (problem,) = of(tmp_path, many).found.problems
    assert "at most 500 apps, found 501" in problem.message


def test_hostile_names_are_refused(tmp_path: Path) -> None:
    secrets = {"env": {"A": {"secret": "s"}}, "secrets": {"s": {"source": "../../etc/passwd"}}}
    found = of(tmp_path, {"id": "../../a", "container": DOCKER, **secrets})
    assert [one.code for one in found.found.problems] == ["marathon-malformed"]
    many = {"id": "/", "apps": [{"id": "x" * 900 + str(n), "container": DOCKER} for n in range(50)]}
    names = [one.name for one in of(tmp_path, many).draft.services]
    assert len(set(names)) == 50
    assert max(map(len, names)) <= 64
