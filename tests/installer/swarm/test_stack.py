"""A release and a host's settings, as the services of a stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from installer.engines.swarmapi import SwarmNode
from installer.engines.swarmfacts import ServiceFacts, TaskFacts
from installer.swarm.making import Terms, stack
from installer.swarm.stack import Stack, WantedService
from installer.swarm.standing import Seen, judge
from installer.swarm.undoing import formerly
from manifests.errors import NotInstallableHere
from tests.installer.app.releases import digest, placed, release, service

HERE = Terms(SwarmNode("node1", {}))


def made(
    *services: dict[str, Any], terms: Terms = HERE, home: Path | None = None, **more: Any
) -> Stack:
    whole = release(*services, **more)
    return stack(whole, placed(whole, home) if home else placed(whole), terms)


def only(found: Stack) -> WantedService:
    (one,) = found.services
    return one


def task(found: Stack) -> dict[str, Any]:
    spec: Any = only(found).spec
    return dict(spec["TaskTemplate"])


def test_images_are_named_by_id_and_tasks_stay_where_images_are() -> None:
    found = made(service("web", instances=3, restart="always"))
    assert task(found)["ContainerSpec"]["Image"] == str(digest("one"))
    assert task(found)["Placement"] == {"Constraints": ["node.id==node1"]}
    assert task(found)["RestartPolicy"]["Condition"] == "any"
    assert (only(found).name, only(found).replicas) == ("viz_web", 3)
    spec: Any = only(found).spec
    assert spec["Labels"]["com.docker.stack.namespace"] == "viz"
    everywhere = made(service("web"), terms=Terms(HERE.node, everywhere=True))
    assert task(everywhere)["Placement"] == {}


def test_networks_span_nodes_and_services_find_each_other_by_name() -> None:
    found = made(service("web"))
    (network,) = found.networks
    assert (network.name, network.body["Driver"]) == ("viz_default", "overlay")
    assert task(found)["Networks"] == [{"Target": "viz_default", "Aliases": ["web"]}]


@pytest.mark.parametrize(
    ("instances", "everywhere", "mode", "endpoint"),
    [(1, False, "host", "dnsrr"), (2, False, "ingress", "vip"), (1, True, "ingress", "vip")],
)
def test_one_task_here_has_its_ports_here(
    instances: int, *, everywhere: bool, mode: str, endpoint: str
) -> None:
    web = service("web", instances=instances, ports=({"container": 80, "host": "8080"},))
    spec: Any = only(made(web, terms=Terms(HERE.node, everywhere=everywhere))).spec
    (port,) = spec["EndpointSpec"]["Ports"]
    assert (port["PublishMode"], port["PublishedPort"], port["TargetPort"]) == (mode, 8080, 80)
    assert spec["EndpointSpec"]["Mode"] == endpoint


def test_what_is_for_one_address_is_not_opened_for_all() -> None:
    port = {"container": 80, "host": "8080", "address": "127.0.0.1"}
    found = made(service("web", ports=(port,)))
    spec: Any = only(found).spec
    assert spec["EndpointSpec"]["Ports"] == []
    assert any("stays closed" in one for one in found.deployment.remarks)


def test_what_a_stack_can_not_do_is_said() -> None:
    found = made(
        service("db"),
        service(
            "web",
            container_name="web",
            privileges={"privileged": True},
            dependencies=({"service": "db", "condition": "healthy"},),
        ),
        service("helper", network_mode="service:web"),
    )
    said = "\n".join(found.deployment.remarks)
    assert "service web: a stack has no privileged, container_name" in said
    assert "service web: waits for what it depends on while it is installed" in said
    assert "service helper: a stack has no network_mode service:web" in said


def test_a_service_without_network_is_refused() -> None:
    with pytest.raises(NotInstallableHere) as refused:
        made(service("web", network_mode="none"))
    assert refused.value.code == "swarm-unable"


def test_gpus_are_reserved_or_said_to_be_impossible() -> None:
    asking = service("web", gpus={"count": 2})
    with pytest.raises(NotInstallableHere) as refused:
        made(asking)
    assert refused.value.code == "swarm-no-gpus"
    assert "node-generic-resources" in refused.value.hint
    found = made(asking, terms=Terms(SwarmNode("node1", {"NVIDIA-GPU": 4})))
    reserved = task(found)["Resources"]["Reservations"]["GenericResources"]
    assert reserved == [{"DiscreteResourceSpec": {"Kind": "NVIDIA-GPU", "Value": 2}}]


def test_a_node_that_has_too_few_gpus_for_all_tasks_is_refused() -> None:
    asking = service("web", gpus={"count": 2}, instances=2)
    node = SwarmNode("node1", {"NVIDIA-GPU": 3})
    with pytest.raises(NotInstallableHere) as refused:
        made(asking, terms=Terms(node))
    assert refused.value.code == "swarm-no-gpus"
    assert "4 GPUs (web 4), this node tells its swarm of 3" in str(refused.value)
    assert made(asking, terms=Terms(node, everywhere=True)).services


def test_a_secret_is_the_swarms_and_in_no_document(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets/key").write_text("correct horse")
    web = service("web", secrets=({"name": "key", "target": "key", "mode": 0o400, "uid": 7},))
    found = made(web, home=tmp_path, secrets=({"name": "key"},))
    (secret,) = found.secrets
    (used,) = task(found)["ContainerSpec"]["Secrets"]
    assert secret.value == b"correct horse"
    assert used["SecretName"] == secret.name
    assert used["File"] == {"Name": "/run/secrets/key", "UID": "7", "GID": "0", "Mode": 0o400}
    assert "horse" not in json.dumps(only(found).spec) + repr(found)
    assert "Mounts" not in task(found)["ContainerSpec"]
    (tmp_path / "secrets/key").write_text("another horse")
    other = made(web, home=tmp_path, secrets=({"name": "key"},))
    assert other.secrets[0].name != secret.name
    assert only(other).config != only(found).config


def test_volumes_are_made_where_a_task_runs() -> None:
    mount = {"target": "/data", "kind": "volume", "source": "data"}
    found = made(service("db", mounts=(mount,)), volumes=({"key": "data"},))
    (one,) = task(found)["ContainerSpec"]["Mounts"]
    assert (one["Type"], one["Source"]) == ("volume", "viz_data")
    assert one["VolumeOptions"]["Labels"]["moonlift.product"] == "viz"


def seen(*tasks: TaskFacts, config: str = "new", **more: Any) -> Seen:
    found = ServiceFacts("s", 1, {"Labels": {"moonlift.config": config}})
    given = {"running_s": 9, "settle_s": 3, "before": (), **more}
    return Seen(found, "new", 1, tasks, **given)


def ran(state: str, number: int = 1, desired: str = "shutdown") -> TaskFacts:
    return TaskFacts(
        str(number), "s", state=state, desired=desired, config="new", since=str(number)
    )


def test_a_service_is_well_or_has_failed_by_its_tasks() -> None:
    running = ran("running", desired="running")
    assert judge(seen(running)).standing == "well"
    assert judge(seen(running, running_s=1)).standing == "settling"
    assert judge(seen(running, once=True)).standing == "settling"
    assert judge(seen(ran("complete"), ends=True)).standing == "completed"
    assert judge(seen(ran("failed"), ends=True)).standing == "failed"
    again = ran("starting", 9, "running")
    assert judge(seen(ran("failed"), again)).standing == "waiting"
    thrice = [ran("failed", number) for number in (1, 2, 3)]
    assert judge(seen(*thrice, again)).standing == "failed"
    assert judge(seen(*thrice, running, before=("1", "2", "3"))).standing == "well"
    put_back = judge(seen(running, config="old"))
    assert (put_back.standing, "put back by the swarm" in put_back.reason) == ("failed", True)


def test_what_a_broken_off_switch_changed_is_put_back_too() -> None:
    def document(sequence: int, replicas: int) -> dict[str, Any]:
        labels = {"moonlift.sequence": str(sequence)}
        return {"Labels": labels, "Mode": {"Replicated": {"Replicas": replicas}}}

    changed = ServiceFacts("s", 1, document(2, 1), document(1, 1))
    assert formerly(changed, 2, resumed=True).spec == document(1, 1)
    assert formerly(changed, 2, resumed=False).spec == document(2, 1)
    idled = ServiceFacts("s", 1, document(1, 0), document(1, 1))
    assert formerly(idled, 2, resumed=True).spec == document(1, 1)
    assert formerly(ServiceFacts("s", 1, document(2, 1)), 2, resumed=True).spec is None
