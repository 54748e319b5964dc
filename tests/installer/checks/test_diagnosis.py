"""What errors mean: as real engines write them, and as they were seen in the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import APIError
from docker.types import DeviceRequest

from installer.checks.catalogue import CHECKS
from installer.checks.diagnosis import SYMPTOMS, diagnose
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine
from tests.support.images import ImageSpec
from tests.support.layers import busybox_layer
from tests.support.newdocker import run_new_dockerd
from tests.support.publish import docker_archive

SEEN = json.loads((Path(__file__).parent / "errors.json").read_text())
TAG = "acme/gpu:1"
ENGINES = ("docker_engine", "new_docker_engine")
PERL = 'require DynaLoader; DynaLoader::dl_load_file("%s") or die DynaLoader::dl_error();'


@pytest.mark.parametrize(("code", "text"), [(c, t) for c, all_ in SEEN.items() for t in all_])
def test_an_error_as_seen_in_the_field(code: str, text: str) -> None:
    found = diagnose(text)
    assert found is not None
    assert found.code == code


def test_every_symptom_was_seen_and_points_to_checks_that_exist() -> None:
    assert set(SEEN) == {one.diagnosis.code for one in SYMPTOMS}
    ids = {check.id for check in CHECKS}
    for one in SYMPTOMS:
        assert set(one.diagnosis.checks) <= ids
        assert one.diagnosis.remedy
        assert "{" not in one.diagnosis.remedy.replace('{"cdi": true}', "")


def test_the_last_error_of_a_long_output_counts() -> None:
    found = diagnose("ok\n" * 4_000_000 + "clGetPlatformIDs failed: PLATFORM_NOT_FOUND_KHR")
    assert found is not None
    assert found.code == "opencl-no-platform"


@pytest.mark.parametrize("text", ["", "permission denied", "manifest unknown", "\x00\x1b[31m"])
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    assert diagnose(text) is None


def refusal(engine: Engine, **settings: Any) -> str:
    """Create and start a container; return what the engine says."""
    engine.load(docker_archive({TAG: ImageSpec((busybox_layer(),), cmd=("true",))}))
    client: Any = docker.APIClient(base_url=engine.url, version="auto")
    try:
        host = client.create_host_config(network_mode="none", **settings.pop("host", {}))
        made = client.create_container(TAG, host_config=host, **settings)
        client.start(made)
    except APIError as error:
        return str(error)
    finally:
        client.close()
    pytest.fail("the container was started")


def code_of(text: str) -> str:
    found = diagnose(text)
    assert found is not None, text
    return found.code


@pytest.mark.engine
@pytest.mark.parametrize("name", ENGINES)
def test_gpus_without_a_toolkit(name: str, request: pytest.FixtureRequest) -> None:
    wanted = [DeviceRequest(count=-1, capabilities=[["gpu"]])]
    text = refusal(request.getfixturevalue(name), host={"device_requests": wanted})
    assert code_of(text) == "gpu-driver-unknown"


@pytest.mark.engine
@pytest.mark.parametrize("name", ENGINES)
def test_the_runtime_nvidia_that_no_one_configured(
    name: str, request: pytest.FixtureRequest
) -> None:
    text = refusal(request.getfixturevalue(name), host={"runtime": "nvidia"})
    assert code_of(text) == "runtime-unknown"


@pytest.mark.engine
@pytest.mark.parametrize("name", ENGINES)
def test_cdi_that_is_off(name: str, request: pytest.FixtureRequest) -> None:
    wanted = [DeviceRequest(driver="cdi", device_ids=["nvidia.com/gpu=all"])]
    text = refusal(request.getfixturevalue(name), host={"device_requests": wanted})
    assert code_of(text) == "cdi-off"


@pytest.mark.engine
@pytest.mark.parametrize("name", ENGINES)
def test_a_device_node_that_is_not_there(name: str, request: pytest.FixtureRequest) -> None:
    text = refusal(request.getfixturevalue(name), host={"devices": ["/dev/nvidia0:/dev/nvidia0"]})
    assert code_of(text) == "device-missing"


@pytest.mark.engine
def test_cdi_without_a_specification(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("cdi")
    config = {"features": {"cdi": True, "containerd-snapshotter": False}}
    with run_new_dockerd(root, containerd_store=False, config=config) as engine:
        wanted = [DeviceRequest(driver="cdi", device_ids=["nvidia.com/gpu=all"])]
        text = refusal(engine, host={"device_requests": wanted})
    assert code_of(text) == "cdi-unresolvable"


@pytest.mark.engine
def test_the_runtime_nvidia_whose_program_is_gone(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    runtimes = {"nvidia": {"path": "/usr/bin/nvidia-container-runtime"}}
    with run_dockerd(tmp_path_factory.mktemp("old"), config={"runtimes": runtimes}) as engine:
        assert code_of(refusal(engine, host={"runtime": "nvidia"})) == "runtime-missing"


@pytest.mark.engine
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("library", ["libnvidia-ml.so.1", "libcuda.so.1"])
def test_a_library_of_the_driver_that_the_container_was_not_given(
    name: str, library: str, request: pytest.FixtureRequest
) -> None:
    engine: Engine = request.getfixturevalue(name)
    engine.load(docker_archive({TAG: ImageSpec((busybox_layer(),), cmd=("true",))}))
    client: Any = docker.APIClient(base_url=engine.url, version="auto")
    binds = [f"{path}:{path}:ro" for path in ("/usr", "/lib", "/lib64")]
    host = client.create_host_config(network_mode="none", binds=binds)
    made = client.create_container(
        TAG, command=["/usr/bin/perl", "-e", PERL % library], host_config=host
    )
    client.start(made)
    assert client.wait(made)["StatusCode"] != 0
    said = client.logs(made).decode()
    client.close()
    assert code_of(said) == library.partition(".")[0] + "-missing"
