"""The self-test in containers of real engines without a GPU: each failure that they can show."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manifests.errors import ExitCode
from tests.installer.conftest import Host
from tests.installer.trials.making import raw_report
from tests.support.bundles import Facts
from tests.support.engine import Engine
from tests.support.forked import Done, Where, run_installer
from tests.support.images import ImageSpec
from tests.support.layers import busybox_layer
from tests.support.selftestengines import BASE, IMAGE, cdi_folder

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[3]
INSIDE = """
import json, os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
facts = {
    "user": os.getuid(),
    "capabilities": status["CapEff"].strip(),
    "no_new_privileges": status["NoNewPrivs"].strip(),
    "interfaces": os.listdir("/sys/class/net"),
    "writable": [one for one in ("/", "/opt", "/tmp", "/run") if os.access(one, os.W_OK)],
    "memory": open("/sys/fs/cgroup/memory.max").read().strip()
    if os.path.exists("/sys/fs/cgroup/memory.max")
    else open("/sys/fs/cgroup/memory/memory.limit_in_bytes").read().strip(),
}
print(json.dumps({"schema": 1, "verdict": "fail", "wall_s": 0, "devices": [], "findings": [
    {"verdict": "fail", "code": "facts", "text": "", "remedy": "", "evidence": [json.dumps(facts)]}
]}))
"""


def selftest(engine: Engine, *options: str, image: str = IMAGE) -> Done:
    words = ("selftest", "--in-container", f"--image={image}", f"--engine=docker:{engine.url}")
    return run_installer((*words, *options), Where(os.environ))


def ways(engine: Engine, *options: str, image: str = IMAGE, exit_code: int) -> dict[str, Any]:
    done = selftest(engine, "--json", *options, image=image)
    assert done.returncode == exit_code, done.stdout[-3000:] + done.stderr
    document = json.loads(done.stdout)
    assert document["verdict"] == ("pass" if exit_code == 0 else "fail")
    assert document["image_id"].startswith("sha256:")
    return {one["way"]: one for one in document["ways"]}


def told(way: dict[str, Any]) -> tuple[str, str, str]:
    return way["verdict"], way["layer"], way["code"]


def variant(engine: Engine, name: str, *lines: str) -> str:
    """Build an image on the self-test's, as the builder's cache has it from the last run."""
    tag = f"acme/selftest-{name}:1"
    text = "\n".join((f"FROM {IMAGE}", "USER 0", *lines, "USER 65534:65534"))
    engine.docker("build", "--network=none", "--force-rm", f"--tag={tag}", "-", stdin=text.encode())
    return tag


def saying(engine: Engine, name: str, command: str) -> str:
    """Build an image that runs `command` in the self-test's place."""
    return variant(engine, name, f"ENTRYPOINT {json.dumps(['/bin/sh', '-c', command])}")


@pytest.fixture
def passing(selftest_engine: Engine) -> str:
    """An image that says at once what the self-test says after a while."""
    return saying(selftest_engine, "passing", f"echo '{raw_report().decode()}'")


def test_processors_are_proved_and_every_way_to_a_gpu_is_told(selftest_engine: Engine) -> None:
    found = ways(selftest_engine, exit_code=ExitCode.DONE)
    none = found["none"]
    assert (none["verdict"], none["gpus_granted"], none["gpus_seen"]) == ("pass", 0, 0)
    tested = {one["device"]["backend"] for one in none["report"]["devices"]}
    assert tested >= {"numpy", "opencl"}
    assert none["report"]["host"]["container"] is True
    assert told(found["gpus"]) == ("unavailable", "runtime", "gpu-driver-unknown")
    assert "could not select device driver" in found["gpus"]["text"]
    assert "nvidia-ctk runtime configure" in found["gpus"]["remedy"]
    assert told(found["runtime"]) == ("unavailable", "runtime", "runtime-unknown")
    assert told(found["cdi"]) == ("unavailable", "runtime", "cdi-off")
    assert not selftest_engine.docker("ps", "--all", "--quiet")


def test_it_fails_where_a_gpu_is_expected(selftest_engine: Engine, passing: str) -> None:
    done = selftest(selftest_engine, "--expect-gpu=1", image=passing)
    assert done.returncode == ExitCode.SELFTEST_FAILED
    assert "could not select device driver" in done.stdout
    assert "no way gives a container a GPU" in done.stdout
    done = selftest(selftest_engine, "--gpu=0,1", image=passing)
    assert (done.returncode, "FAIL: 2 wanted" in done.stdout) == (ExitCode.SELFTEST_FAILED, True)
    done = selftest(selftest_engine, "--expect-gpu=0", image=passing)
    assert (done.returncode, "--gpus" in done.stdout) == (ExitCode.DONE, False)


@pytest.mark.parametrize(
    ("name", "line", "layer", "code"),
    [
        ("no-icd", "RUN rm /etc/OpenCL/vendors/*", "icd", "opencl-no-platform"),
        (
            "no-binding",
            "RUN rm -r /usr/lib/python3/dist-packages/pyopencl*",
            "binding",
            "opencl-no-binding",
        ),
    ],
)
def test_what_is_broken_in_the_image_is_named(
    selftest_engine: Engine, name: str, line: str, layer: str, code: str
) -> None:
    image = variant(selftest_engine, name, line)
    found = ways(selftest_engine, "--expect-gpu=0", image=image, exit_code=13)["none"]
    assert told(found) == ("fail", layer, code)
    assert found["remedy"]


def test_inside_it_may_do_nothing_but_compute(selftest_engine: Engine) -> None:
    script = base64.b64encode(INSIDE.encode()).decode()
    image = saying(selftest_engine, "inside", f"echo {script} | base64 -d | python3 -")
    found = ways(selftest_engine, "--expect-gpu=0", image=image, exit_code=13)["none"]
    facts = json.loads(found["report"]["findings"][0]["evidence"][0])
    assert facts["user"] == 65534
    assert int(facts["capabilities"], 16) == 0
    assert facts["no_new_privileges"] == "1"
    assert facts["interfaces"] == ["lo"]
    assert facts["writable"] == ["/tmp"]
    assert int(facts["memory"]) == 4 * 1024**3


@pytest.mark.parametrize(
    ("name", "command", "code"),
    [
        ("hanging", "sleep 600", "container-timeout"),
        ("talking", "yes", "container-output"),
        ("silent", "echo gone wrong >&2; exit 3", "container-ended"),
        ("odd", "echo hello", "selftest-report"),
    ],
)
def test_a_container_that_says_nothing_useful_is_ended(
    selftest_engine: Engine, name: str, command: str, code: str
) -> None:
    image = saying(selftest_engine, name, command)
    found = ways(selftest_engine, "--expect-gpu=0", "--deadline=1", image=image, exit_code=13)
    assert found["none"]["code"] == code
    assert found["none"]["evidence"] == (["gone wrong"] if name == "silent" else [])
    assert not selftest_engine.docker("ps", "--all", "--quiet")


def test_what_a_killed_run_left_is_removed_by_the_next(
    selftest_engine: Engine, passing: str
) -> None:
    hanging = saying(selftest_engine, "hanging", "sleep 600")
    foreign = selftest_engine.docker("run", "--detach", "--network=none", hanging).strip()
    argv = [sys.executable, "-m", "installer", "selftest", "--in-container"]
    argv += [f"--engine=docker:{selftest_engine.url}", f"--image={hanging}"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        await_containers(selftest_engine, 2)
        process.kill()
    await_containers(selftest_engine, 2)
    assert selftest(selftest_engine, image=passing).returncode == ExitCode.DONE
    left = selftest_engine.docker("ps", "--quiet", "--no-trunc").split()
    assert left == [foreign]


def test_interrupted_it_leaves_nothing(selftest_engine: Engine) -> None:
    hanging = saying(selftest_engine, "hanging", "sleep 600")
    argv = [sys.executable, "-m", "installer", "selftest", "--in-container"]
    argv += [f"--engine=docker:{selftest_engine.url}", f"--image={hanging}"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(argv, cwd=ROOT, stdout=quiet, stderr=quiet) as process:
        await_containers(selftest_engine, 1)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == ExitCode.INTERRUPTED
    assert not selftest_engine.docker("ps", "--all", "--quiet")


def await_containers(engine: Engine, count: int) -> None:
    end = time.monotonic() + 30
    while len(engine.docker("ps", "--quiet").split()) != count:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_an_image_that_is_not_there_or_another_is_refused(selftest_engine: Engine) -> None:
    done = selftest(selftest_engine, image="acme/gone:1")
    assert done.returncode == ExitCode.NOT_INSTALLABLE
    assert "selftest-image-missing" in done.stderr
    done = selftest(selftest_engine, image=BASE)
    assert done.returncode == ExitCode.NOT_INSTALLABLE
    assert "selftest-image-foreign" in done.stderr


@pytest.fixture
def specs() -> Iterator[Path]:
    """The folder of Docker 26's CDI specifications, empty."""
    folder = cdi_folder()
    yield folder
    for path in folder.iterdir():
        path.unlink()


def specify(folder: Path, node: str) -> None:
    """Write a CDI specification that gives a container one device node as its GPU."""
    edits = {"deviceNodes": [{"path": "/dev/nvidia0", "hostPath": node}]}
    document = {
        "cdiVersion": "0.5.0",
        "kind": "nvidia.com/gpu",
        "devices": [{"name": "all", "containerEdits": edits}],
    }
    partial = folder / "nvidia.tmp"
    partial.write_text(json.dumps(document))
    partial.rename(folder / "nvidia.json")


def cdi_way(engine: Engine, code: str) -> dict[str, Any]:
    """Return what came of CDI, once the engine has seen its folder change."""
    image = saying(engine, "passing", f"echo '{raw_report().decode()}'")
    found: dict[str, Any] = {}
    for _ in range(20):
        done = selftest(engine, "--json", image=image)
        found = next(one for one in json.loads(done.stdout)["ways"] if one["way"] == "cdi")
        if found["code"] == code:
            break
        time.sleep(0.2)
    return found


@pytest.mark.long
def test_docker_26_proves_processors(new_selftest_engine: Engine) -> None:
    ways(new_selftest_engine, "--expect-gpu=0", exit_code=ExitCode.DONE)


def test_docker_26_counts_what_a_runtime_gives(new_selftest_engine: Engine) -> None:
    """The runtime starts the container and gives no GPU: that is for the count to find."""
    image = saying(new_selftest_engine, "passing", f"echo '{raw_report().decode()}'")
    found = ways(new_selftest_engine, image=image, exit_code=ExitCode.SELFTEST_FAILED)
    assert found["gpus"]["code"] == "gpu-driver-unknown"
    assert told(found["runtime"]) == ("fail", "driver", "gpus-missing")
    assert (found["runtime"]["gpus_granted"], found["runtime"]["gpus_seen"]) == (None, 0)
    assert told(found["cdi"]) == ("unavailable", "runtime", "cdi-unresolvable")


def test_a_cdi_specification_that_names_a_missing_node(
    new_selftest_engine: Engine, specs: Path
) -> None:
    specify(specs, "/dev/nvidia-gone")
    found = cdi_way(new_selftest_engine, "cdi-stale")
    assert told(found) == ("unavailable", "runtime", "cdi-stale")
    assert "/dev/nvidia-gone" in found["text"]


def test_a_gpu_that_is_given_and_not_seen(new_selftest_engine: Engine, specs: Path) -> None:
    specify(specs, "/dev/null")
    found = cdi_way(new_selftest_engine, "gpus-missing")
    assert (found["verdict"], found["code"]) == ("fail", "gpus-missing")


@pytest.mark.parametrize(
    "store", ["docker_engine", pytest.param("containerd_store_engine", marks=pytest.mark.long)]
)
def test_without_a_name_it_is_the_image_of_the_installed_bundle(
    store: str, request: pytest.FixtureRequest, host: Host
) -> None:
    """By what was signed: neither a name that moved nor another image is run."""
    engine = request.getfixturevalue(store)
    layers = (busybox_layer().stored_as("zstd"),)
    said = ("/bin/sh", "-c", f"echo '{raw_report().decode()}'")
    spec = ImageSpec(layers, entrypoint=said, labels={"io.moonlift.selftest": "1"})
    names = ("docker.io/acme/proof:1", "docker.io/acme/other:1")
    at = (f"--state-dir={host.root / 'state'}", f"--engine=docker:{engine.url}")
    words = (at[0], "selftest", "--in-container", at[1])
    bare = run_installer(words, Where(os.environ))
    assert bare.returncode == ExitCode.NOT_INSTALLABLE
    assert "--image NAME" in bare.stderr
    images = {names[0]: spec, names[1]: ImageSpec(layers, cmd=("true",))}
    bundle = host.bundle(images, Facts(selftest=names[0]))
    assert host.install(bundle.path, f"docker:{engine.url}").exit_code == 0
    engine.docker("tag", "acme/other:1", "acme/proof:1")
    done = run_installer(words, Where(os.environ))
    assert done.returncode == ExitCode.DONE, done.stdout + done.stderr
    image = bundle.release.images[0]
    identity = image.target if engine.containerd_store else image.image_id
    assert f"{names[0]} (sha256:{identity.short})" in done.stdout
