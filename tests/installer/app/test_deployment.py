"""A release as containers: what their documents say, what makes them others, what is refused."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.app.deployment import deployment, narrowed
from installer.app.gpus import gpu_settings, gpu_variables, way_to_gpus
from installer.app.secretfiles import archive
from installer.app.wanted import Deployment, WantedContainer
from installer.checks.enginefacts import EngineFacts
from installer.trials.ways import Way
from manifests.confinement import GpuNeed
from manifests.errors import NotInstallableHere, UsageError
from tests.installer.app.releases import NEXT_IMAGE, digest, placed, release, service


def made(*services: dict[str, Any], facts: EngineFacts | None = None, **fields: Any) -> Deployment:
    one = release(*services, **fields)
    return deployment(one, placed(one, facts=facts))


def only(fields: dict[str, Any], **more: Any) -> WantedContainer:
    return made(service("web", **fields), **more).containers[-1]


def document(fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict(only(fields, **more).body)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"entrypoint": ("",)}, {"Entrypoint": [""]}),
        ({"command": None}, {}),
        ({"user": "1:1", "working_dir": "/x"}, {"User": "1:1", "WorkingDir": "/x"}),
        ({"stop_signal": "SIGINT", "stop_seconds": 0}, {"StopSignal": "SIGINT", "StopTimeout": 0}),
        ({"naming": {"hostname": "h"}}, {"Hostname": "h"}),
        ({"probe": {"disabled": True}}, {"Healthcheck": {"Test": ["NONE"]}}),
        (
            {"probe": {"command": ("a", "$$b"), "interval_ms": 1500, "retries": 2}},
            {
                "Healthcheck": {
                    "Test": ["CMD", "a", "$b"],
                    "Interval": 1_500_000_000,
                    "Retries": 2,
                }
            },
        ),
        (
            {"health_checks": ({"protocol": "COMMAND", "command": ("is", "it up")},)},
            {
                "Healthcheck": {
                    "Test": ["CMD-SHELL", "is 'it up'"],
                    "Interval": 60_000_000_000,
                    "Timeout": 20_000_000_000,
                    "StartPeriod": 300_000_000_000,
                    "Retries": 3,
                }
            },
        ),
    ],
)
def test_the_containers_own_part(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    body = document(fields)
    assert {name: body[name] for name in expected} == expected
    assert body["Image"] == str(digest("one"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"network_mode": "host"}, {"NetworkMode": "host"}),
        ({"restart": "on-failure", "restart_retries": 3},
         {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}),
        ({"limits": {"memory": 5, "pids": -1, "cpuset": "0-1"}},
         {"Memory": 5, "PidsLimit": -1, "CpusetCpus": "0-1"}),
        ({"privileges": {"cap_drop": ("ALL",), "read_only": True, "devices": ("/dev/x:/dev/y",)}},
         {"CapDrop": ["ALL"], "ReadonlyRootfs": True, "Devices": [
             {"PathOnHost": "/dev/x", "PathInContainer": "/dev/y", "CgroupPermissions": "rwm"}]}),
        ({"logging": {"driver": "json-file", "options": ({"name": "max-size", "value": "1m"},)}},
         {"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}}),
        ({"mounts": ({"target": "/t", "kind": "tmpfs", "size": 9, "mode": 0o700},)},
         {"Tmpfs": {"/t": "size=9,mode=700"}}),
        ({"mounts": ({"target": "/c", "kind": "carried", "source": "conf/a"},)},
         {"Mounts": [{"Type": "bind", "Source": "/etc/moonlift/apps/viz/files/conf/a",
                      "Target": "/c", "ReadOnly": True}]}),
        ({"mounts": ({"target": "/h", "kind": "host", "source": "/srv/$$x", "options": ("z",)},)},
         {"Binds": ["/srv/$x:/h:rw,z"]}),
        ({"mounts": ({"target": "/d", "kind": "volume", "source": "data", "read_only": True,
                      "options": ("nocopy",)},)},
         {"Mounts": [{"Type": "volume", "Source": "viz_data", "Target": "/d", "ReadOnly": True,
                      "VolumeOptions": {"NoCopy": True}}]}),
        ({"ports": ({"container": 53, "protocol": "udp", "host": "53", "address": "10.0.0.1"},)},
         {"PortBindings": {"53/udp": [{"HostIp": "10.0.0.1", "HostPort": "53"}]}}),
    ],
)  # fmt: skip
def test_the_hosts_part(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    host = document(fields, volumes=({"key": "data"},))["HostConfig"]
    assert {name: host[name] for name in expected} == expected


def with_secret(home: Path, **fields: Any) -> Deployment:
    (home / "secrets").mkdir(mode=0o700)
    (home / "secrets/key").write_text("correct horse")
    web = service("web", **fields)
    one = release(web, secrets=({"name": "key"},), volumes=({"key": "data"},))
    return deployment(one, placed(one, home))


def test_a_secret_with_an_owner_is_copied_and_all_others_are_mounted(tmp_path: Path) -> None:
    plain = {"name": "key", "target": "key"}
    own = {"name": "key", "target": "/app/key", "mode": 0o440, "gid": 50}
    (found,) = with_secret(tmp_path, secrets=(plain, own)).containers
    host: Any = found.body["HostConfig"]
    assert [one["Target"] for one in host["Mounts"]] == ["/run/secrets/key"]
    (file,) = found.files
    assert (file.target, file.mode, file.uid, file.gid) == ("/app/key", 0o440, 0, 50)
    assert "horse" not in repr(found)
    with tarfile.open(fileobj=io.BytesIO(archive(found.files))) as tar:
        (entry,) = tar.getmembers()
        assert (entry.name, entry.mode, entry.uid, entry.gid) == ("app/key", 0o440, 0, 50)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"privileges": {"read_only": True}}, "in a file system that is read-only"),
        ({"mounts": ({"target": "/run", "kind": "tmpfs"},)}, "within the mount /run"),
        (
            {"mounts": ({"target": "/run/secrets", "kind": "volume", "source": "data"},)},
            "within the mount /run/secrets",
        ),
    ],
)
def test_a_secret_that_can_not_be_copied_is_refused(
    tmp_path: Path, fields: dict[str, Any], why: str
) -> None:
    own = {"name": "key", "target": "key", "mode": 0o400}
    with pytest.raises(NotInstallableHere, match=why) as refused:
        with_secret(tmp_path, secrets=(own,), **fields)
    assert refused.value.code == "app-mount"
    assert "leave out mode" in refused.value.hint


def test_labels_are_composes_and_hold_no_setting_of_the_host() -> None:
    needs = ({"service": "db", "condition": "healthy"},)
    found = made(service("web", dependencies=needs), service("db")).containers[1].body["Labels"]
    assert isinstance(found, dict)
    assert found["com.docker.compose.project"] == "viz"
    assert found["com.docker.compose.service"] == "web"
    assert found["com.docker.compose.container-number"] == "1"
    assert found["com.docker.compose.oneoff"] == "False"
    assert found["com.docker.compose.depends_on"] == "db:service_healthy:false"
    assert found["com.docker.compose.config-hash"] == found["moonlift.config"]
    assert (found["moonlift.product"], found["moonlift.sequence"]) == ("viz", "1")


def test_the_digest_changes_with_what_a_container_is_made_from_and_not_with_the_release() -> None:
    web = service("web", environment=({"name": "A", "value": "1"},))
    first = made(web).containers[0].config
    assert made(web, sequence=9).containers[0].config == first
    changes: tuple[dict[str, Any], ...] = (
        {"image": NEXT_IMAGE},
        {"environment": ({"name": "A", "value": "2"},)},
        {"restart": "always"},
        {"labels": ({"name": "x", "value": "y"},)},
        {"networks": ({"network": "n"},)},
        {"container_name": "other"},
    )
    others = [
        made({**web, **change}, networks=({"key": "n"},)).containers[0].config for change in changes
    ]
    assert len({first, *others}) == len(changes) + 1


def test_who_shares_a_name_space_is_made_anew_with_its_lender() -> None:
    def config(image: str) -> str:
        lender = service("web", image=image)
        return made(lender, service("side", network_mode="service:web")).containers[1].config

    assert config(NEXT_IMAGE) != config(service("web")["image"])


def test_those_that_others_need_come_first_and_circles_are_refused() -> None:
    chain = made(
        service("a", dependencies=({"service": "b"},)),
        service("b", privileges={"ipc": "service:c"}),
        service("c"),
        service("d"),
    )
    assert chain.services == ("c", "d", "b", "a")
    assert narrowed(chain, ["b"]).services == ("c", "b")
    with pytest.raises(UsageError, match="expected a service of the app, found x"):
        narrowed(chain, ["x"])
    with pytest.raises(NotInstallableHere) as caught:
        made(
            service("a", dependencies=({"service": "b"},)),
            service("b", dependencies=({"service": "a"},)),
        )
    assert caught.value.code == "app-order"


def test_each_instance_gets_a_port_of_the_range() -> None:
    ports = ({"container": 80, "host": "8000-8001"},)
    found = made(service("web", instances=2, ports=ports)).containers
    assert [one.ports[0].words for one in found] == ["8000/tcp", "8001/tcp"]
    for host in ("8000", "x", "0-1", "70000", "9-8", "8000-"):
        with pytest.raises(NotInstallableHere) as caught:
            made(service("web", instances=2, ports=({"container": 80, "host": host},)))
        assert caught.value.code == "app-ports"


@pytest.mark.parametrize("path", ["relative", "", "/a/../b"])
def test_a_path_that_no_host_has_is_refused(path: str) -> None:
    with pytest.raises(NotInstallableHere) as caught:
        only({"mounts": ({"target": "/x", "kind": "host", "source": path},)})
    assert caught.value.code == "app-mount"


def test_gpus_come_in_the_way_that_the_engine_has() -> None:
    need = GpuNeed(count=2, capabilities=("gpu", "compute"))
    assert way_to_gpus(EngineFacts()) is Way.GPUS
    assert way_to_gpus(EngineFacts(runtimes=("nvidia", "runc"))) is Way.RUNTIME
    found = EngineFacts(runtimes=("nvidia",), cdi_devices=("nvidia.com/gpu=0",))
    assert way_to_gpus(found) is Way.CDI
    assert gpu_settings(need, Way.GPUS) == {
        "DeviceRequests": [{"Driver": "nvidia", "Count": 2, "Capabilities": [["gpu", "compute"]]}]
    }
    assert gpu_settings(need, Way.CDI) == {
        "DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]}]
    }
    assert gpu_settings(need, Way.RUNTIME) == {"Runtime": "nvidia"}
    assert gpu_variables(need, Way.RUNTIME) == {
        "NVIDIA_VISIBLE_DEVICES": "0,1",
        "NVIDIA_DRIVER_CAPABILITIES": "compute",
    }
    by_uuid = GpuNeed(devices=("GPU-1",))
    assert gpu_variables(by_uuid, Way.RUNTIME) == {"NVIDIA_VISIBLE_DEVICES": "GPU-1"}
    assert gpu_settings(GpuNeed(driver="cdi", devices=("acme.org/x=1",)), Way.GPUS) == {
        "DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["acme.org/x=1"]}]
    }


def test_gpus_left_out_are_told(tmp_path: Path) -> None:
    one = release(service("web", gpus={}))
    without = deployment(one, replace(placed(one, tmp_path), gpus=False))
    host = without.containers[0].body["HostConfig"]
    assert isinstance(host, dict)
    assert "DeviceRequests" not in host
    assert without.remarks == ("GPUs are left out, as asked, of web",)


def test_only_what_can_be_there_twice_overlaps() -> None:
    assert only({"upgrade": {}}).overlaps
    alone: tuple[dict[str, Any], ...] = (
        {},
        {"upgrade": {"minimum_health_percent": 0}},
        {"upgrade": {"maximum_over_percent": 0}},
        {"upgrade": {}, "ports": ({"container": 1, "host": "1"},)},
        {"upgrade": {}, "mounts": ({"target": "/d", "kind": "volume", "source": "data"},)},
        {"upgrade": {}, "container_name": "web"},
    )
    assert not any(only(fields, volumes=({"key": "data"},)).overlaps for fields in alone)


def test_a_release_that_only_brings_images_is_no_app() -> None:
    bare = release(service("web")).model_copy(update={"run": None})
    with pytest.raises(UsageError) as caught:
        deployment(bare, placed(release(service("web"))))
    assert caught.value.code == "app-runs-nothing"
