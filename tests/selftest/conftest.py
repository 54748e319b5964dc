"""Real OpenCL for the self-test: PoCL; and drivers with faults, built on the spot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from tests.selftest.fakecuda import NoCompiler, build_fake_cuda
from tests.support.pycuda import NoPycuda, pycuda_folder

PROBE = "import pyopencl as cl; print([p.name for p in cl.get_platforms()])"
FAKE_NVML = Path(__file__).parents[1] / "installer/checks/fake_nvml.c"
FAKE_ICD = Path(__file__).with_name("fakeicd.c")


@pytest.fixture(scope="session")
def pocl() -> None:
    """PoCL and pyopencl; skipped, on CI failed, where they are missing."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=False, timeout=120
    )
    if "Portable Computing Language" not in done.stdout:
        _give_up(f"no PoCL: {(done.stderr or done.stdout)[-300:]}")


@pytest.fixture(scope="session")
def binding() -> None:
    """pyopencl with its ICD loader, whatever drivers there are."""
    done = subprocess.run([sys.executable, "-c", "import pyopencl"], check=False, timeout=120)
    if done.returncode:
        _give_up("pyopencl is not installed")


@pytest.fixture(scope="session")
def fake_icd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of .icd files with one driver, which does what FAKE_ICD says."""
    request.getfixturevalue("binding")
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        _give_up("no C compiler")
    folder = tmp_path_factory.mktemp("icd")
    library = folder / "libfakeicd.so"
    argv = [str(compiler), "-shared", "-fPIC", "-O1", "-o", str(library), str(FAKE_ICD)]
    subprocess.run(argv, check=True)
    (folder / "fake.icd").write_text(f"{library}\n")
    return folder


@pytest.fixture(scope="session")
def fake_nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a libnvidia-ml that says what FAKE_BUSY and FAKE_PROCESSES tell it to."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        _give_up("no C compiler")
    folder = tmp_path_factory.mktemp("nvml")
    library = str(folder / "libnvidia-ml.so.1")
    subprocess.run([str(compiler), "-shared", "-fPIC", "-o", library, str(FAKE_NVML)], check=True)
    return folder


@pytest.fixture(scope="session")
def fake_cuda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a libcuda.so.1 that computes on the processor and does what FAKE_CUDA says."""
    folder = tmp_path_factory.mktemp("cuda")
    try:
        build_fake_cuda(folder)
    except NoCompiler as error:
        _give_up(str(error))
    return folder


@pytest.fixture(scope="session")
def pycuda() -> Path:
    """The folder of a real pycuda, built by `tools.cuda.wheel`; minutes the first time."""
    try:
        return pycuda_folder()
    except (NoPycuda, OSError) as error:
        _give_up(f"no pycuda: {error}")


def _give_up(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        raise RuntimeError(reason)
    pytest.skip(reason)
