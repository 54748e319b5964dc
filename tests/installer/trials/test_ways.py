"""What a container is asked for: its GPUs, and that it may do nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from installer.trials.hostgpus import HostGpus, host_gpus
from installer.trials.sandbox import (
    LABEL,
    LABEL_UNTIL,
    TrialRequest,
    container_settings,
    is_leftover,
    process_identity,
)
from installer.trials.ways import Grant, Way
from manifests.digest import Digest
from manifests.errors import UsageError

IMAGE = Digest.of(b"image")
UUID = "GPU-3af7c0f2-0000-1111-2222-333344445555"


def settings(way: Way, gpu: str = "") -> Any:
    return container_settings(
        TrialRequest(IMAGE, way, Grant.parse(gpu), ("--json",), process_identity(), 1)
    )


def test_gpus_are_asked_for_as_docker_run_does() -> None:
    asked = settings(Way.GPUS, "0,1")["HostConfig"]["DeviceRequests"]
    capabilities = [["gpu", "compute", "utility"]]
    assert asked == [{"Driver": "nvidia", "DeviceIDs": ["0", "1"], "Capabilities": capabilities}]
    every = settings(Way.GPUS)["HostConfig"]["DeviceRequests"]
    assert every == [{"Driver": "nvidia", "Count": -1, "Capabilities": capabilities}]


def test_the_runtime_is_told_by_variables() -> None:
    made = settings(Way.RUNTIME, UUID)
    assert made["HostConfig"]["Runtime"] == "nvidia"
    assert f"NVIDIA_VISIBLE_DEVICES={UUID}" in made["Env"]
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in made["Env"]


def test_cdi_devices_have_their_vendor_before_them() -> None:
    asked = settings(Way.CDI, f"0,{UUID}")["HostConfig"]["DeviceRequests"]
    names = ["nvidia.com/gpu=0", f"nvidia.com/gpu={UUID}"]
    assert asked == [{"Driver": "cdi", "DeviceIDs": names}]
    every = settings(Way.CDI)["HostConfig"]["DeviceRequests"]
    assert every[0]["DeviceIDs"] == ["nvidia.com/gpu=all"]


def test_without_a_gpu_nothing_is_asked_for_nor_forbidden() -> None:
    made = settings(Way.NONE)
    assert not {"DeviceRequests", "Runtime"} & set(made["HostConfig"])
    assert not [one for one in made["Env"] if one.startswith("NVIDIA")]


@pytest.mark.parametrize("way", Way)
def test_no_way_gives_a_network_a_privilege_or_a_file_to_write(way: Way) -> None:
    held = settings(way)["HostConfig"]
    assert held["NetworkMode"] == "none"
    assert held["ReadonlyRootfs"] is True
    assert held["CapDrop"] == ["ALL"]
    assert held["SecurityOpt"] == ["no-new-privileges"]
    assert list(held["Tmpfs"]) == ["/tmp"]
    assert held["Memory"] == held["MemorySwap"] > 0
    assert held["PidsLimit"] > 0
    assert not {"Privileged", "Binds", "Mounts", "Devices"} & set(held)


@pytest.mark.parametrize(
    "text",
    ["x", "0,", "0,0", "-1", "GPU-", "0 1", "GPU-é", "all,0", ",".join(map(str, range(200)))],
)
def test_a_gpu_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected numbers or UUIDs") as caught:
        Grant.parse(text)
    assert caught.value.code == "gpu-malformed"


@pytest.mark.parametrize("text", ["0", "0, 1", "0:1", UUID, "MIG-3af7c0f2", "all", ""])
def test_numbers_uuids_and_parts_of_gpus_are_taken(text: str) -> None:
    assert Grant.parse(text).words == (text.replace(" ", "") or "all")


def test_a_container_of_a_living_process_is_no_leftover() -> None:
    mine = {LABEL: process_identity(), LABEL_UNTIL: str(int(time.time()) + 60)}
    assert not is_leftover(mine, time.time())
    assert is_leftover(mine, time.time() + 120)


def test_a_container_of_a_dead_process_or_without_labels_is_a_leftover() -> None:
    until = {LABEL_UNTIL: str(int(time.time()) + 60)}
    boot, space, _, start = process_identity().split("/")
    gone = f"{boot}/{space}/{2**22 + 5}/{start}"
    recycled = f"{boot}/{space}/{os.getpid()}/1"
    before_reboot = f"other/{space}/1/{start}"
    for owner in (gone, recycled, before_reboot, "", "nonsense"):
        assert is_leftover({LABEL: owner, **until}, time.time()), owner
    assert is_leftover({}, time.time())


def test_a_process_of_another_name_space_has_until_its_time_is_over() -> None:
    boot, _, number, start = process_identity().split("/")
    labels = {LABEL: f"{boot}/pid:[1]/{number}/{start}", LABEL_UNTIL: "1000"}
    assert not is_leftover(labels, 999)
    assert is_leftover(labels, 1001)


def test_gpus_of_the_host_are_those_of_its_driver(tmp_path: Path) -> None:
    assert host_gpus(tmp_path) == HostGpus(0, divided=False)
    for name in ("gpus/0000:01:00.0", "gpus/0000:02:00.0", "capabilities/gpu0/mig"):
        (tmp_path / "proc/driver/nvidia" / name).mkdir(parents=True)
    assert host_gpus(tmp_path) == HostGpus(2, divided=False)
    (tmp_path / "proc/driver/nvidia/capabilities/gpu0/mig/gi1").mkdir()
    assert host_gpus(tmp_path) == HostGpus(2, divided=True)
