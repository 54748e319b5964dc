"""Verdicts, counts and comparisons, on reports made by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from selftest.backends import BACKENDS
from selftest.columns import Page
from selftest.examine import compare_devices, overall
from selftest.host import Activity, describe_host, judge_noise
from selftest.isolation import judge_count
from selftest.judge import judge_device
from selftest.measured import Device, DeviceKind, Timing, Verdict, Yardsticks
from selftest.model import Finding, Noise
from selftest.plaintext import printable
from selftest.remedies import REMEDIES
from selftest.runner import ChildRun, Ending
from selftest.selection import Selection, UnknownDevice
from selftest.table import report_lines
from selftest.wire import Done, Message
from tests.selftest.making import CPU, GPU, make_device_report, make_report, make_timing

QUIET = Noise(0.1, 0.0, 0.0)
CUDA = dataclasses.replace(GPU, backend="cuda")
BUSY = Noise(9.0, 0.0, 0.0, ("load 9.0",))


def child(*messages: Message) -> ChildRun:
    return ChildRun((*messages, Done(1.0)), "closing", Ending(0, None, False, False), (), 1.0)


def at(gbps: float, yardsticks: Yardsticks) -> tuple[Timing, Yardsticks]:
    return dataclasses.replace(make_timing(), gbps=gbps), yardsticks


def test_a_slow_gpu_is_warned_of_and_a_busy_machine_is_not() -> None:
    slow = child(*at(50.0, Yardsticks(100.0, 100.0, 1000.0)))
    report = judge_device(GPU, slow, QUIET)
    assert (report.verdict, report.findings[0].code) == (Verdict.WARN, "slow")
    assert report.timings[0].fraction_of_copy == 0.5
    assert judge_device(GPU, slow, BUSY).verdict is Verdict.PASS
    fast = child(*at(85.0, Yardsticks(100.0, 100.0, 1000.0)))
    assert judge_device(GPU, fast, QUIET).verdict is Verdict.PASS


def test_a_copy_that_changes_within_the_run_is_noise() -> None:
    report = judge_device(GPU, child(*at(50.0, Yardsticks(100.0, 50.0, 1000.0))), QUIET)
    assert (report.verdict, report.findings[0].code) == (Verdict.PASS, "noisy-device")


def test_a_gpu_stands_beside_the_best_cpu_and_an_opencl_cpu_beside_numpy() -> None:
    pocl = dataclasses.replace(GPU, index=1, kind=DeviceKind.CPU)
    reports = [
        make_device_report(CPU, ms=100.0),
        make_device_report(pocl, ms=10.0),
        make_device_report(GPU, ms=1.0),
    ]
    on_pocl, on_gpu = compare_devices(reports)
    assert (on_pocl.device, on_pocl.reference, on_pocl.kernel) == ("opencl:1", "numpy:0", 10.0)
    assert (on_gpu.device, on_gpu.reference, on_gpu.kernel) == ("opencl:0", "opencl:1", 10.0)
    assert on_gpu.end_to_end == 4.0


def test_what_was_skipped_does_not_count() -> None:
    assert overall([Verdict.PASS, Verdict.SKIP]) is Verdict.PASS
    assert overall([Verdict.SKIP, Verdict.WARN]) is Verdict.WARN
    assert overall([Verdict.WARN, Verdict.FAIL, Verdict.PASS]) is Verdict.FAIL


@pytest.mark.parametrize(
    ("granted", "nodes", "devices", "texts"),
    [
        (0, [], (CPU,), []),
        (0, ["nvidia0", "nvidiactl"], (CPU,), ["expected 0 GPUs, found 1 by device nodes in /dev"]),
        (1, ["nvidia0", "nvidia-uvm"], (CPU, GPU, CUDA), []),
        (1, [], (CPU, GPU), []),
        (1, ["nvidia0"], (CPU, GPU), ["expected 1 GPU, found 0 by CUDA"]),
        (1, ["nvidia0"], (CPU, CUDA), ["expected 1 GPU, found 0 by OpenCL"]),
        (0, [], (GPU,), ["expected 0 GPUs, found 1 by OpenCL"]),
        (0, [], (CUDA,), ["expected 0 GPUs, found 1 by CUDA"]),
    ],
)
def test_gpus_are_counted_in_every_way(
    tmp_path: Path, granted: int, nodes: list[str], devices: tuple[Device, ...], texts: list[str]
) -> None:
    (tmp_path / "dev").mkdir()
    for node in nodes:
        (tmp_path / "dev" / node).touch()
    found = list(judge_count(granted, devices, tuple(BACKENDS), tmp_path))
    assert [one.text for one in found] == texts
    assert {one.code for one in found} <= {"gpus-missing" if granted else "gpus-extra"}


def test_a_way_that_was_not_asked_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia0").touch()
    assert list(judge_count(1, (GPU,), ("opencl",), tmp_path)) == []
    assert list(judge_count(1, (CUDA,), ("cuda",), tmp_path)) == []
    assert [one.code for one in judge_count(1, (), ("numpy",), tmp_path)] == ["gpus-missing"]
    seen = (dataclasses.replace(GPU, backend="nvml"), CUDA)
    assert list(judge_count(1, seen, ("cuda", "nvml"), tmp_path)) == []
    (less,) = judge_count(1, (CUDA,), ("cuda", "nvml"), tmp_path)
    assert less.text == "expected 1 GPU, found 0 by NVML"


def test_noise_has_reasons() -> None:
    before = Activity(5.0, 1000, 500, 10, 100.0)
    after = Activity(5.0, 2000, 1000, 110, 200.0)
    noise = judge_noise(before, after, 2)
    assert (noise.steal_pct, noise.others_pct) == (10.0, 40.0)
    assert len(noise.reasons) == 3
    quiet = judge_noise(Activity(0.1, 0, 0, 0, 0.0), Activity(0.1, 1000, 100, 0, 100.0), 2)
    assert quiet.reasons == ()


def test_a_host_that_tells_nothing_is_described(tmp_path: Path) -> None:
    host = describe_host(tmp_path, {})
    assert (host.memory_bytes, host.cpu_quota, host.container, host.slurm_job) == (
        None,
        None,
        False,
        None,
    )
    assert Activity.read(tmp_path).total is None


def test_a_container_and_its_quota_are_seen(tmp_path: Path) -> None:
    quota = tmp_path / "sys/fs/cgroup/cpu.max"
    quota.parent.mkdir(parents=True)
    quota.write_text("150000 100000\n")
    (tmp_path / ".dockerenv").touch()
    host = describe_host(tmp_path, {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0"})
    assert (host.cpu_quota, host.container, host.slurm_job) == (1.5, True, "7.0")


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("opencl", True),
        ("opencl:0", True),
        ("opencl:1", False),
        ("numpy", False),
        ("GPU-0a1b2c3d", True),
        ("0A1B2C3D-4E5F", True),
        ("ffffffff", False),
    ],
)
def test_devices_are_chosen_by_name_number_or_uuid(word: str, wanted: bool) -> None:
    assert Selection.parse([word], BACKENDS).wants(GPU) is wanted


@pytest.mark.parametrize("word", ["", "vulkan", "opencl:", "opencl:x", "opencl:-1", "abc"])
def test_words_that_name_no_device_are_refused(word: str) -> None:
    with pytest.raises(UnknownDevice, match="expected one of numpy, opencl"):
        Selection.parse([word], BACKENDS)


def test_every_code_has_a_remedy_and_is_documented() -> None:
    source = Path(__file__).parents[2] / "selftest"
    text = "".join(path.read_text() for path in source.rglob("*.py"))
    document = (Path(__file__).parents[2] / "docs/selftest.md").read_text()
    for code, words in REMEDIES.items():
        assert text.count(f'"{code}"') >= 2, f"nothing reports {code}"
        assert f"`{code}`" in document, f"docs/selftest.md misses {code}"
        assert words.endswith((".", "FILE", "nvidia.icd", "--list", "tail."))


def test_what_drivers_say_can_not_steer_the_terminal() -> None:
    assert printable("a\x1b[31mb\nc\u202e") == "a\\x1b[31mb c\\u202e"
    assert len(printable("x" * 100_000)) == 2000


def test_the_table_names_devices_limits_and_the_verdict() -> None:
    shown = "\n".join(report_lines(make_report(make_device_report(GPU)), Page()))
    assert "opencl:0  A GPU  PASS" in shown
    assert "20.0 GB/s" in shown
    assert "PASS: one device, every bit right; 3.0 s" in shown
    assert "\x1b[" in "\n".join(report_lines(make_report(), Page(colour=True)))


@pytest.mark.parametrize("width", [100, 80, 66])
def test_all_that_is_shown_fits_the_terminal(width: int) -> None:
    named = dataclasses.replace(GPU, name="Vendor's largest card for data centres, 2nd edition")
    device = dataclasses.replace(
        make_device_report(named),
        findings=(Finding(Verdict.WARN, "slow", "it is slow " * 20, ("driver: no " * 20,), "Go."),),
    )
    report = make_report(make_device_report(CPU), device)
    lines = list(report_lines(report, Page(width)))
    assert max(map(len, lines)) <= width
    (heads, cpu, gpu) = lines[lines.index("") + 1 :][:3]
    assert heads.split()[:3] == ["device", "name", "verdict"]
    assert cpu.startswith("numpy:0   A CPU ")
    assert gpu.startswith("opencl:0  Vendor's la")
    assert "PASS" in gpu
    case = next(line for line in lines if line.startswith("separable-r7-rgba-1024x1024  opencl"))
    assert "2.00 ms" in case
