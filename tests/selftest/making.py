"""Reports made by hand, for tests of what is done with them."""

from __future__ import annotations

from selftest.host import describe_host
from selftest.measured import CaseResult, Compiled, Device, DeviceKind, Timing, Verdict, Yardsticks
from selftest.model import DeviceReport, Noise, Report

CPU = Device("numpy", 0, DeviceKind.CPU, "A CPU", "numpy", "openblas", "numpy 2")
GPU = Device(
    "opencl",
    0,
    DeviceKind.GPU,
    "A GPU",
    "Vendor",
    "1.0",
    "pyopencl 1",
    "GPU-0a1b2c3d-4e5f",
    1 << 34,
)


def make_timing(case: str = "separable-r7-rgba-1024x1024", ms: float = 2.0) -> Timing:
    return Timing(case, 5, ms, ms, ms, 0.0, 1.0, 1.0, ms + 2, 100.0, 1.0, 10.0)


def make_device_report(device: Device, ms: float = 2.0) -> DeviceReport:
    return DeviceReport(
        device=device,
        verdict=Verdict.PASS,
        compiled=Compiled(500.0, "0" * 64),
        cases=(CaseResult("dense-r1-rgba-61x47", ("0" * 64,), "0" * 64),),
        timings=(make_timing(ms=ms),),
        yardsticks=Yardsticks(20.0, 20.0, 200.0),
        wall_s=1.0,
    )


def make_report(*devices: DeviceReport, reasons: tuple[str, ...] = ()) -> Report:
    return Report(
        schema=1,
        tool_version="1.0",
        run_id="run",
        started_utc="2026-11-22T20:00:00Z",
        wall_s=3.0,
        mode="quick",
        verdict=Verdict.PASS,
        host=describe_host(),
        noise=Noise(0.5, 0.0, 1.0, reasons),
        devices=devices or (make_device_report(CPU),),
    )
