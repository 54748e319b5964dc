"""The driver's library: asked for real, through one that a compiler makes, whatever it does."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from installer.checks import nvmlprobe
from installer.checks.children import Ended
from installer.checks.libraryasking import load_library
from installer.checks.nvml import Nvml, Question, Trouble
from installer.checks.nvmlasking import ask_nvml, read_answer

SOURCE = Path(__file__).parent / "fake_nvml.c"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a libnvidia-ml.so.1."""
    compiler = shutil.which("cc")
    if compiler is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no C compiler")
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("nvml")
    target = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", target, SOURCE], check=True)
    return folder


def asked(library: Path, seconds: float = 20, **environment: str) -> Nvml:
    found = {**os.environ, "LD_LIBRARY_PATH": str(library), **environment}
    return ask_nvml(found, seconds)


def test_everything_that_a_driver_tells(library: Path) -> None:
    found = asked(library)
    assert (found.code, found.driver) == (0, "550.54.14")
    (gpu,) = found.gpus
    assert str(gpu) == "GPU 0 NVIDIA Fake 00000000:41:00.0"
    assert gpu.answers == {
        Question.CAPABILITY: (9, 0),
        Question.PERSISTENCE: (1,),
        Question.MIG_MODE: (1, 1),
        Question.MIG_DEVICES: (2,),
        Question.ECC_VOLATILE: (0,),
        Question.ECC_AGGREGATE: (5_000_000_000,),
        Question.REMAPPED_ROWS: (1, 2, 0, 0),
        Question.MEMORY: (10, 100),
        Question.PROCESSES: (3,),
        Question.UTILIZATION: (7,),
        Question.FABRIC: (3, 0),
        Question.TEMPERATURE: (40,),
    }


def test_what_a_driver_lacks_or_refuses_is_none(library: Path) -> None:
    (gpu,) = asked(library).gpus
    assert gpu.value(Question.SLOWDOWN_AT) is None
    assert gpu.value(Question.LINK_REPLAYS) is None
    assert gpu.values(Question.CAPABILITY, 3) is None


@pytest.mark.parametrize("code", [4, 9, 18, 999])
def test_a_driver_that_refuses(library: Path, code: int) -> None:
    found = asked(library, FAKE_INIT=str(code))
    assert found.code == code
    assert found.text == ("Driver Not Loaded" if code == 9 else "Some Error")
    assert not found.answered


def test_a_gpu_that_is_lost(library: Path) -> None:
    (gpu,) = asked(library, FAKE_LOST="1").gpus
    assert (gpu.code, gpu.answers) == (Trouble.GPU_LOST, {})


def test_many_gpus_are_bounded(library: Path) -> None:
    assert len(asked(library, FAKE_GPUS="100000").gpus) == nvmlprobe.GPUS_LIMIT


def test_a_driver_that_prints(library: Path) -> None:
    assert asked(library, FAKE_PRINT="1").driver == "550.54.14"


def test_a_driver_that_crashes(library: Path) -> None:
    found = asked(library, FAKE_CRASH="1")
    assert found.code == Trouble.CRASHED
    assert "SIGSEGV" in found.text


def test_a_driver_that_hangs(library: Path) -> None:
    started = time.monotonic()
    found = asked(library, 0.5, FAKE_HANG="1")
    assert found.code == Trouble.HUNG
    assert time.monotonic() - started < 60


def test_no_driver(tmp_path: Path) -> None:
    found = asked(tmp_path)
    if found.code == Trouble.LIBRARY_NOT_FOUND:  # a machine with a GPU has one
        assert "libnvidia-ml.so.1" in found.text


def test_a_library_that_is_no_library(tmp_path: Path) -> None:
    (tmp_path / nvmlprobe.NAME).write_text("not an ELF file")
    assert asked(tmp_path).code == Trouble.LIBRARY_NOT_FOUND


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"code": null}',
        b'{"code": 0, "gpus": [{}]}',
        b'{"code": 0, "gpus": [{"answers": {"warp": [1]}}]}',
        b'{"code": 0, "gpus": 7}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_an_answer_that_can_not_be_read(output: bytes) -> None:
    assert read_answer(Ended(output, 0)).code == Trouble.GARBLED


def test_every_question_is_asked() -> None:
    assert {*nvmlprobe.PLAIN, *nvmlprobe.SPECIAL} == {str(one) for one in Question}


def test_the_probe_without_a_compiler() -> None:
    """The same calls on an object of Python's, where no library can be made."""

    def count(reference: Any) -> int:
        reference._obj.value = 2
        return 0

    def capability(_device: object, major: Any, minor: Any) -> int:
        major._obj.value, minor._obj.value = 8, 6
        return 0

    stand_in: Any = SimpleNamespace(
        nvmlDeviceGetCount_v2=count,
        nvmlDeviceGetHandleByIndex_v2=lambda _index, _device: 0,
        nvmlDeviceGetCudaComputeCapability=capability,
    )
    found = nvmlprobe.told(nvmlprobe.Library(stand_in))
    assert found["driver"] == ""
    gpus: Any = found["gpus"]
    assert [gpu["answers"] for gpu in gpus] == [{"capability": [8, 6]}] * 2


def test_structures_are_as_large_as_the_driver_s() -> None:
    sizes = [ctypes.sizeof(one) for one in (nvmlprobe.Memory, nvmlprobe.Fabric, nvmlprobe.Pci)]
    assert sizes == [24, 28, 68]


def test_loading_a_library() -> None:
    assert load_library("libc.so.6").trouble == ""
    assert "cannot open shared object" in load_library("libgone.so.7").trouble
    assert load_library("").trouble
    assert load_library("a\0b").trouble
    assert load_library(str(SOURCE)).trouble


def test_loading_a_library_that_crashes_or_hangs(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    for name, body in {"crash": "__builtin_trap();", "hang": "for (;;) pause();"}.items():
        code = f"#include <unistd.h>\n__attribute__((constructor)) static void go(void){{{body}}}"
        target = tmp_path / f"{name}.so"
        argv = [compiler, "-shared", "-fPIC", "-o", str(target), "-xc", "-"]
        subprocess.run(argv, check=True, input=code.encode())
    assert load_library(str(tmp_path / "crash.so")).crashed
    assert load_library(str(tmp_path / "hang.so"), seconds=0.5).hung
