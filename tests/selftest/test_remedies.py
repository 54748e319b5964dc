"""Every remedy is reached by a test; here are those that nothing else of the tests reaches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from selftest import examine
from selftest.backends.base import BackendError
from selftest.backends.opencl import OpenclBackend, ReportedTask, reported
from selftest.cli import main
from selftest.model import Noise
from selftest.remedies import REMEDIES


class ClError(Exception):
    """As pyopencl's."""

    code = -5


class Refusing:
    """A task that the driver refuses everything."""

    effort = 1.0

    def upload(self) -> None:
        raise ClError("clEnqueueWriteBuffer failed: OUT_OF_RESOURCES \x1b[31m")

    poison = launch = download = release = upload


CL = SimpleNamespace(Error=ClError)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (ReportedTask.upload, "opencl-transfer"),
        (ReportedTask.poison, "opencl-transfer"),
        (ReportedTask.launch, "opencl-launch"),
        (ReportedTask.download, "opencl-transfer"),
        (ReportedTask.release, "opencl-transfer"),
    ],
)
def test_what_a_driver_refuses_is_named_by_what_was_asked(
    call: Callable[[ReportedTask], object], code: str
) -> None:
    with pytest.raises(BackendError, match="OUT_OF_RESOURCES") as caught:
        call(ReportedTask(CL, cast("Any", Refusing())))
    assert caught.value.code == code
    assert "\x1b" not in str(caught.value)
    assert REMEDIES[code]


def test_a_device_that_can_not_be_opened_is_named() -> None:
    with pytest.raises(BackendError) as caught, reported(CL, "opencl-open"):
        raise ClError("clCreateContext failed: DEVICE_NOT_AVAILABLE")
    assert caught.value.code == "opencl-open"


def test_a_loader_that_fails_otherwise_than_for_lack_of_drivers_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise ClError("clGetPlatformIDs failed: OUT_OF_HOST_MEMORY")

    fake = SimpleNamespace(Error=ClError, get_platforms=refuse)
    monkeypatch.setattr("selftest.backends.opencl._binding", lambda: fake)
    with pytest.raises(BackendError, match="OUT_OF_HOST_MEMORY") as caught:
        OpenclBackend().devices()
    assert caught.value.code == "opencl-platforms"


def test_a_binding_that_is_there_and_can_not_be_loaded_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: str) -> None:
        raise ImportError("libOpenCL.so.1: cannot open shared object file")

    monkeypatch.setattr("selftest.backends.opencl.importlib.import_module", broken)
    with pytest.raises(BackendError, match=r"libOpenCL\.so\.1") as caught:
        OpenclBackend().devices()
    assert caught.value.code == "opencl-binding"


def test_a_busy_machine_is_told_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = Noise(9.0, 0.0, 0.0, ("load 9.0 before the run, on 2 cores",))
    monkeypatch.setattr(examine, "judge_noise", lambda *_: noise)
    assert main(["--device", "numpy", "--json"]) == 0
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["code"], finding["verdict"]) == ("noisy", "pass")
    assert "load 9.0" in finding["text"]
    assert finding["remedy"] == REMEDIES["noisy"]


@pytest.mark.parametrize("code", REMEDIES)
def test_every_code_is_looked_for_by_a_test(code: str) -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert f'"{code}"' in tests
