"""CUDA on a libcuda.so.1 without a GPU: exact by both bindings, and every failure named."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from selftest.cases import exact_cases, float_cases
from selftest.cli import main
from tests.selftest.fakecuda import NAME, build_fake_cuda

CHILD = (sys.executable, "-P", "-X", "faulthandler", "-m", "tests.selftest.cudachild")
FIRST = "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"
SECOND = "GPU-10111213-1415-1617-1819-1a1b1c1d1e1f"
NOT_LOADED = "int nvmlInit_v2(void) { return 9; } int nvmlDeviceGetCount_v2(void) { return 1; }"
Report: TypeAlias = dict[str, Any]
Run: TypeAlias = Callable[..., tuple[int, Report]]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fake_cuda: Path
) -> Run:
    """Run the self-test on the fake, with variables for it; return exit status and report."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(fake_cuda))
    monkeypatch.setenv("OCL_ICD_VENDORS", str(fake_cuda))  # no OpenCL: it is tested elsewhere

    def start(*arguments: str, **environ: str) -> tuple[int, Report]:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        status = main(["--json", *(arguments or ("--device", "cuda"))], CHILD)
        return status, json.loads(capsys.readouterr().out)

    return start


def is_right(device: Report) -> bool:
    """Tell whether nothing is wrong; on a quiet machine the fake is called slow for a GPU."""
    found = {one["code"] for one in device["findings"] if one["verdict"] in ("warn", "fail")}
    return device["verdict"] in ("pass", "warn") and found <= {"slow"}


@pytest.fixture
def real_pycuda(monkeypatch: pytest.MonkeyPatch, pycuda: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pycuda))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Put a module in pycuda's place that does something while it is imported."""

    def write(body: str) -> None:
        (tmp_path / "pycuda").mkdir()
        (tmp_path / "pycuda/__init__.py").touch()
        (tmp_path / "pycuda/driver.py").write_text(body)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return write


@pytest.fixture
def no_pycuda(stand_in: Callable[[str], None]) -> None:
    stand_in("raise ModuleNotFoundError(name='pycuda')")


@pytest.fixture(params=["real_pycuda", "no_pycuda"])
def binding(request: pytest.FixtureRequest) -> str:
    """Each of the two bindings in turn; what the report calls it."""
    request.getfixturevalue(request.param)
    return "pycuda 2026.1" if request.param == "real_pycuda" else "ctypes"


def test_every_case_is_exact_by_both_bindings(run: Run, binding: str) -> None:
    status, report = run("--device", "cuda", CASES="all")
    (device,) = report["devices"]
    assert [one["text"] for one in device["cases"] if one["verdict"] != "pass"] == []
    assert status == 0
    assert is_right(device)
    judged = {one["case"]: one for one in device["cases"]}
    assert {case.name for case in (*exact_cases(), *float_cases())} <= set(judged)
    assert device["device"]["binding"] == binding
    assert device["device"]["driver"].startswith("CUDA 12.4")
    assert (device["device"]["kind"], device["device"]["uuid"]) == ("gpu", FIRST)
    assert device["device"]["name"] == "Fake GPU 0 \\x1b[31m"
    assert device["compiled"]["load_path"] == "ptx-jit"
    assert len(device["compiled"]["artefact_sha256"]) == 64
    assert len(device["timings"]) == 2
    noted = [one["code"] for one in report["findings"] if one["code"].startswith("cuda")]
    assert noted == ([] if binding.startswith("pycuda") else ["cuda-no-binding"])


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("bit", "flipped-bit", "one bit of one value is wrong: at row 20, column 30, channel 0"),
        ("border", "wrong-border", "all of them near the border: at row 0, column 0"),
        ("nan", "not-a-number", "1 values are no numbers: at row 5, column 6"),
        ("flaky", "not-deterministic", "the same work gave different results: at row 7, column 8"),
    ],
)
@pytest.mark.usefixtures("real_pycuda")
def test_wrong_pixels_are_named(run: Run, fault: str, code: str, words: str) -> None:
    status, report = run(FAKE_CUDA=fault)
    assert status == 13
    faults = [case for case in report["devices"][0]["cases"] if case["verdict"] == "fail"]
    assert any(words in case["text"] for case in faults if case["code"] == code)


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("open=101", "cuda-open", "while opening the device"),
        ("load=218", "cuda-build", "JIT compilation failed"),
        ("load=209", "cuda-no-image", "no kernel image is available"),
        ("load=221", "cuda-no-jit", "JIT compiler library not found"),
        (
            "load=222",
            "cuda-ptx-version",
            "toolchain.: PTX 5.0 for sm_35 on compute capability 9.0, CUDA 12.4",
        ),
        ("memory", "out-of-memory", "out of memory"),
        ("transfer=700", "cuda-transfer", "illegal memory access"),
        ("launch=700", "cuda-launch", "illegal memory access"),
        ("launch=214", "cuda-ecc", "uncorrectable ECC error"),
        ("crash", "crashed", "crashed (SIGSEGV) while compiling kernels"),
        ("abort", "aborted", "aborted the process while compiling kernels"),
    ],
)
@pytest.mark.usefixtures("real_pycuda")
def test_a_broken_device_is_a_finding(run: Run, fault: str, code: str, words: str) -> None:
    status, report = run(FAKE_CUDA=fault)
    assert status == 13
    (device,) = report["devices"]
    (finding,) = device["findings"]
    assert finding["code"] == code
    assert words in finding["text"]
    assert finding["remedy"]


@pytest.mark.usefixtures("no_pycuda")
@pytest.mark.parametrize(
    ("fault", "code"),
    [("open=101", "cuda-open"), ("memory", "out-of-memory"), ("launch=700", "cuda-launch")],
)
def test_without_pycuda_the_same_is_found(run: Run, fault: str, code: str) -> None:
    _, report = run(FAKE_CUDA=fault)
    assert [one["code"] for one in report["devices"][0]["findings"]] == [code]


def test_the_drivers_compiler_is_quoted(run: Run, binding: str) -> None:
    _, report = run(FAKE_CUDA="load=218")
    (device,) = report["devices"]
    assert device["device"]["binding"] == binding
    assert any("line 8; error : fake refusal" in one for one in device["findings"][0]["evidence"])


@pytest.mark.usefixtures("real_pycuda")
def test_a_hang_ends_at_the_deadline(run: Run) -> None:
    status, report = run("--device", "cuda", "--deadline", "4", FAKE_CUDA="hang")
    assert status == 13
    (device,) = report["devices"]
    assert [one["code"] for one in device["findings"]] == ["timeout"]


@pytest.mark.usefixtures("no_pycuda")
def test_a_driver_older_than_the_kernels_is_named(run: Run) -> None:
    _, report = run(FAKE_ISA="43")
    assert report["devices"][0]["findings"][0]["code"] == "cuda-ptx-version"
    _, report = run(FAKE_CC="30")
    (finding,) = report["devices"][0]["findings"]
    assert finding["code"] == "cuda-no-image"
    assert "no kernels for sm_30, only PTX 5.0 for sm_35" in finding["text"]


@pytest.mark.parametrize(
    ("fault", "code", "verdict"),
    [
        ("init=100", "cuda-no-device", "skip"),
        ("init=34", "cuda-stub", "fail"),
        ("init=802", "cuda-not-ready", "fail"),
        ("init=803", "cuda-mismatch", "fail"),
        ("init=804", "cuda-compat", "fail"),
        ("init=999", "cuda-init", "fail"),
        ("init-crash", "crashed", "fail"),
    ],
)
def test_a_driver_that_does_not_start_is_named(
    run: Run, fault: str, code: str, verdict: str
) -> None:
    everything = ("--no-picture",) if verdict == "skip" else ()
    status, report = run(*everything, FAKE_CUDA=fault)
    found = {one["code"]: one for one in report["findings"]}
    assert found[code]["verdict"] == verdict
    assert found[code]["remedy"]
    assert status == (0 if verdict == "skip" else 13)
    assert "cuda" not in {one["device"]["backend"] for one in report["devices"]}


def test_no_device_is_a_failure_where_one_was_asked_for(run: Run) -> None:
    for environ in ({"FAKE_CUDA": "init=100"}, {"FAKE_CUDA": "", "FAKE_GPUS": "0"}):
        status, report = run(**environ)
        assert status == 13
        first = report["findings"][0]
        assert (first["code"], first["verdict"]) == ("cuda-no-device", "fail")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("raise ImportError('libboost_python.so: no such file')", "cuda-binding"),
        ("raise ModuleNotFoundError(name='mako')", "cuda-binding"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed"),
    ],
)
def test_a_broken_pycuda_fails_and_the_driver_is_tested_without_it(
    run: Run, stand_in: Callable[[str], None], body: str, code: str
) -> None:
    stand_in(body)
    status, report = run()
    assert (status, report["verdict"]) == (13, "fail")
    assert [one["code"] for one in report["findings"] if one["verdict"] == "fail"] == [code]
    (device,) = report["devices"]
    assert is_right(device)
    assert device["device"]["binding"] == "ctypes"


@pytest.mark.usefixtures("real_pycuda")
def test_a_symbol_that_pycuda_lacks_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    build_fake_cuda(tmp_path, without=("cuTexRefCreate", "cuFuncSetBlockShape"))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    status, report = run()
    assert status == 13
    finding = report["findings"][0]
    assert (finding["code"], finding["verdict"]) == ("cuda-symbols", "fail")
    assert "lacks what pycuda needs: cuFuncSetBlockShape, cuTexRefCreate" in finding["text"]
    (device,) = report["devices"]
    assert is_right(device)


def test_a_library_that_is_none_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    (tmp_path / NAME).write_bytes(b"not a library")
    status, report = run()
    assert (status, report["findings"][0]["code"]) == (13, "cuda-driver-unloadable")
    build_fake_cuda(tmp_path, without=("cuLaunchKernel",))
    status, report = run()
    assert (status, report["findings"][0]["code"]) == (13, "cuda-driver-incomplete")
    assert "lacks cuLaunchKernel" in report["findings"][0]["text"]


def test_no_driver_is_skipped_where_it_was_not_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH")
    try:
        ctypes.CDLL(NAME)
    except OSError:
        pass
    else:
        pytest.skip("this machine has NVIDIA's driver")
    status, report = run("--device", "numpy", "--device", "cuda")
    assert (status, report["findings"][0]["code"]) == (13, "cuda-no-driver")
    status, report = run("--no-picture")
    (finding,) = [one for one in report["findings"] if one["code"] == "cuda-no-driver"]
    assert (status, finding["verdict"]) == (0, "skip")
    assert "compute,utility" in finding["remedy"]


@pytest.mark.usefixtures("no_pycuda")
def test_devices_are_chosen_by_number_or_uuid(run: Run) -> None:
    for word in ("cuda:1", SECOND):
        status, report = run("--device", word, FAKE_GPUS="2")
        assert status == 0
        tested = [one["device"] for one in report["devices"] if one["device"]["backend"] == "cuda"]
        assert [(one["index"], one["uuid"]) for one in tested] == [(1, SECOND)]


@pytest.mark.usefixtures("no_pycuda")
def test_gpus_that_were_not_granted_are_counted(run: Run) -> None:
    status, report = run("--device", "cuda", "--expect-gpus", "0", FAKE_GPUS="2")
    assert status == 13
    texts = [one["text"] for one in report["findings"] if one["code"] == "gpus-extra"]
    assert texts == ["expected 0 GPUs, found 2 by CUDA", "expected 0 GPUs, found 3 by NVML"]


@pytest.mark.parametrize(
    ("source", "code", "verdict"),
    [
        ("int nothing;", "nvml-missing", "skip"),
        (NOT_LOADED, "nvml-failed", "fail"),
    ],
)
def test_nvml_that_can_not_count_is_named_where_there_are_gpus(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    source: str,
    code: str,
    verdict: str,
) -> None:
    (tmp_path / "nvml.c").write_text(source)
    library, read = str(tmp_path / "libnvidia-ml.so.1"), str(tmp_path / "nvml.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, read], check=True)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    _, quiet = run("--device", "numpy", "--expect-gpus", "0")
    assert "nvml" not in " ".join(one["code"] for one in quiet["findings"])
    monkeypatch.setattr("selftest.examine.nvidia_nodes", lambda: 1)
    _, report = run("--device", "numpy", "--expect-gpus", "0")
    (finding,) = [one for one in report["findings"] if one["code"].startswith("nvml")]
    assert (finding["code"], finding["verdict"]) == (code, verdict)
    assert finding["remedy"]
