"""How many GPUs, and which, the services of a bundle ask for, against those of the host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from installer.checks.bundleneeds import needs_of, with_needs
from installer.checks.catalogue import chosen_checks, run_checks
from installer.checks.finding import Finding, Severity
from installer.checks.gpuasks import GpuAsk, gpu_asks
from installer.checks.nvml import NvmlGpu
from installer.checks.sources import Wanted
from installer.planning.preflight import preflight, unfit
from installer.running.starting import Starting
from tests.installer.app.releases import release, run_spec, service
from tests.installer.checks.hosts import GPU, PLAIN, WITH_GPU, FakeHost
from tests.installer.conftest import NAMES, Host
from tests.support.bundles import Facts

UUID = "GPU-3af7c1d2-0000-0000-0000-000000000001"
HOME = Path("/etc/moonlift/apps")
INFORMATION = f"/proc/driver/nvidia/gpus/{GPU}/information"


def two() -> FakeHost:
    """A host with two GPUs."""
    gpus = (*WITH_GPU.nvml.gpus, NvmlGpu(1, "0000:42:00.0", "NVIDIA H100"))
    return WITH_GPU.having(nvml=replace(WITH_GPU.nvml, gpus=gpus))


def findings(host: FakeHost, root: Path, *asks: GpuAsk) -> tuple[Finding, ...]:
    asked = host.having(wanted=Wanted(gpu=True, gpu_asks=asks))
    (found,) = run_checks(asked.sources(root), chosen_checks(["gpu.count"]))
    return found.findings


def asked(**gpus: Any) -> tuple[GpuAsk, ...]:
    return gpu_asks(release(service("train", gpus=gpus), service("web")))


def test_what_a_release_asks_for_is_read_of_it() -> None:
    assert asked() == (GpuAsk("train"),)
    assert asked(count=2) == (GpuAsk("train", 2),)
    assert asked(devices=("1", UUID), driver="nvidia") == (GpuAsk("train", 0, ("1", UUID)),)
    (by_cdi,) = asked(devices=("nvidia.com/gpu=1", "acme.org/x=1"), driver="cdi")
    assert by_cdi.cdi_names == ("nvidia.com/gpu=1",)
    assert asked(count=1, driver="amd") == ()
    assert asked(devices=("amd.com/gpu=0",), driver="cdi") == ()
    assert gpu_asks(release(service("train", gpus={}, instances=0))) == ()


def test_services_share_gpus_so_that_each_is_judged_alone(tmp_path: Path) -> None:
    (well,) = findings(two(), tmp_path / "a", GpuAsk("train", 2), GpuAsk("infer", 2), GpuAsk("all"))
    assert (well.severity, well.evidence) == (
        Severity.OK,
        "2 GPUs here, enough for train, infer, all",
    )
    few = findings(two(), tmp_path / "b", GpuAsk("train", 3), GpuAsk("infer", 1), GpuAsk("big", 9))
    assert [one.evidence.split()[1] for one in few] == ["train", "big"]


def test_uuids_and_indices_are_looked_for(tmp_path: Path) -> None:
    text = f"Model: NVIDIA H100\nGPU UUID: \t {UUID}\nDevice Minor: \t 0\n"
    known = WITH_GPU.with_files({INFORMATION: text})
    for number, names in enumerate((("0",), (UUID,), ("0:1",), ("MIG-1-2-3",))):
        (found,) = findings(known, tmp_path / str(number), GpuAsk("train", devices=names))
        assert found.severity is Severity.OK, names
    (gone,) = findings(known, tmp_path / "gone", GpuAsk("train", devices=("GPU-ffff",)))
    assert (gone.cause, "GPU-ffff" in gone.evidence) == ("not-here", True)
    (hidden,) = findings(WITH_GPU, tmp_path / "hidden", GpuAsk("train", devices=("GPU-ffff",)))
    assert hidden.severity is Severity.OK, "a UUID that the driver does not tell is not missed"


def test_without_the_library_the_driver_is_counted(tmp_path: Path) -> None:
    silent = WITH_GPU.having(nvml=replace(WITH_GPU.nvml, gpus=()))
    (few,) = findings(silent, tmp_path / "few", GpuAsk("train", 2))
    assert few.evidence == "service train asks for 2 GPUs, this host has 1"
    (none,) = findings(PLAIN, tmp_path / "none", GpuAsk("train", 2))
    assert (none.severity, "gpu.pci" in none.evidence) == (Severity.NOTE, True)


def test_what_an_engine_lists_by_cdi_counts(tmp_path: Path) -> None:
    listing = two().with_engine(cdi_devices=("nvidia.com/gpu=0", "nvidia.com/gpu=all"))
    (well,) = findings(listing, tmp_path / "a", GpuAsk("train", 1), GpuAsk("all"))
    assert well.severity is Severity.OK
    (old,) = findings(listing, tmp_path / "b", GpuAsk("train", 2))
    assert (old.cause, "nvidia.com/gpu=1" in old.evidence) == ("not-in-cdi", True)
    nothing = two().with_engine(cdi_devices=())
    (named,) = findings(nothing, tmp_path / "c", GpuAsk("train", cdi=("nvidia.com/gpu=0",)))
    assert named.cause == "not-in-cdi"
    (usual,) = findings(nothing, tmp_path / "d", GpuAsk("train", 2))
    assert usual.severity is Severity.OK, "--gpus needs no CDI"


@pytest.mark.parametrize(
    ("given", "checks"),
    [
        (Starting(engine="docker", settings=HOME), {"gpu.count"}),
        (Starting(engine="docker", settings=HOME, gpus=False), set()),
        (Starting(engine="docker", settings=HOME, start=False), set()),
        (None, set()),
    ],
    ids=["asked", "no-gpu", "no-start", "nothing"],
)
def test_a_plan_is_kept_by_it_unless_no_gpu_will_be_asked_for(
    host: Host, tmp_path: Path, given: Starting | None, checks: set[str]
) -> None:
    train = {**service("train", gpus={"count": 2}), "image": NAMES[0]}
    facts = Facts(run=run_spec(train))
    verified = host.verify(host.bundle(facts=facts).path)

    def sources(_: str, wanted: Wanted) -> Any:
        return WITH_GPU.having(wanted=wanted).sources(tmp_path / "host")

    with patch("installer.planning.preflight.host_sources", sources):
        problems = list(unfit(preflight(verified, given, "docker", None)))
    assert {one.context["check"] for one in problems} == checks
    assert all("--no-gpu" in one.hint for one in problems)
    wanted = with_needs(Wanted(), needs_of(verified))
    assert (wanted.gpu, wanted.gpu_asks) == (True, (GpuAsk("train", 2),))
    assert with_needs(Wanted(gpu=False), needs_of(verified)).gpu_asks == ()
