"""What a child process measured on a device, as it stands in the JSON report.

Pure data; units are in the names. A number that is not known is null, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """What was found, from best to worst."""

    PASS = "pass"  # noqa: S105 - not a password
    SKIP = "skip"
    WARN = "warn"
    FAIL = "fail"


class DeviceKind(StrEnum):
    """What computes; custom devices and FPGAs count as accelerators."""

    CPU = "cpu"
    GPU = "gpu"
    ACCELERATOR = "accelerator"


@dataclass(frozen=True, slots=True)
class Device:
    """Something that computes.

    Attributes:
        backend: `numpy`, `opencl` or `cuda`.
        index: its number among the backend's devices; with the backend its address.
        kind: what it is.
        name: as its driver gives it.
        platform: OpenCL's platform, or the library that computes.
        driver: version of the driver.
        binding: the Python package in between, with version.
        uuid: the hardware's, where the driver tells it.
        memory_bytes: the device's own, or the host's.
        compute_units: cores or multiprocessors that the driver tells.
        clock_mhz: highest clock that the driver tells.
    """

    backend: str
    index: int
    kind: DeviceKind
    name: str
    platform: str
    driver: str
    binding: str
    uuid: str | None = None
    memory_bytes: int | None = None
    compute_units: int | None = None
    clock_mhz: int | None = None

    @property
    def address(self) -> str:
        """How a person names it on the command line: `opencl:0`."""
        return f"{self.backend}:{self.index}"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a backend's devices that does not keep them from being tested.

    Attributes:
        verdict: `pass` for a mere note.
        code: stable and documented.
        text: what was found.
        evidence: lines quoted.
    """

    verdict: Verdict
    code: str
    text: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """How the kernels came to be.

    Attributes:
        compile_ms: until all kernels of the device were ready to be launched for the first time.
        source_sha256: of the kernels' source; null where nothing is compiled.
        log: what the compiler said.
        load_path: `source`, `ptx-jit` or `cubin`; null where nothing is compiled.
        artefact_sha256: of what was compiled ahead; null where nothing was.
    """

    compile_ms: float
    source_sha256: str | None = None
    log: str = ""
    load_path: str | None = None
    artefact_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a wrong result differs from the right one.

    Attributes:
        wrong: values that differ.
        total: values there are.
        not_numbers: values among the wrong that are NaN or infinite.
        at_border: whether every wrong value lies within the kernel's radius of the edge.
        one_bit: whether a single bit of a single value differs.
        first: row, column and channel of the first.
        expected: its right value.
        found: what stood there; null for NaN and infinities.
    """

    wrong: int
    total: int
    not_numbers: int
    at_border: bool
    one_bit: bool
    first: tuple[int, ...]
    expected: float
    found: float | None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case on one device.

    Attributes:
        case: its name.
        digests: SHA-256 of each repetition's result (exact cases).
        expected: the digest that is shipped; null for float cases and timed ones that have none.
        max_abs_err: largest error against float64 (float and timed cases).
        tolerance: what that may be.
        difference: where it differs, when it does.
        verdict: pass or fail.
        code: of the failure.
        text: the failure in words.
    """

    case: str
    digests: tuple[str, ...] = ()
    expected: str | None = None
    max_abs_err: float | None = None
    tolerance: float | None = None
    difference: Difference | None = None
    verdict: Verdict = Verdict.PASS
    code: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one case took on one device.

    Attributes:
        case: its name.
        n: launches that were timed.
        first_launch_ms: the launch before those.
        kernel_ms_min: on the device's own clock; the least of n.
        kernel_ms_median: likewise.
        kernel_ms_mad: median absolute deviation.
        upload_ms: input to the device.
        download_ms: result from the device.
        end_to_end_ms: upload, launch and download; the least of what was tried.
        gflops: at kernel_ms_min, by the plain formula.
        effort: operations really done as a share of that formula's: some kernels save arithmetic.
        gbps: bytes that must be moved at least, per second, at kernel_ms_min.
        fraction_of_copy: gbps over the measured copy.
        fraction_of_peak: operations really done per second over the measured peak.
    """

    case: str
    n: int
    first_launch_ms: float
    kernel_ms_min: float
    kernel_ms_median: float
    kernel_ms_mad: float
    upload_ms: float
    download_ms: float
    end_to_end_ms: float
    gflops: float
    effort: float
    gbps: float
    fraction_of_copy: float | None = None
    fraction_of_peak: float | None = None


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """The device's own limits, measured in the same run.

    Attributes:
        copy_gbps_before: bytes read and written per second by a copy, before the timings.
        copy_gbps_after: after them.
        peak_gflops: fused multiply-adds that depend on nothing, counted as two.
    """

    copy_gbps_before: float | None = None
    copy_gbps_after: float | None = None
    peak_gflops: float | None = None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Who else used a graphics processor just before it was tested.

    Attributes:
        busy_pct: time in which kernels ran on it; null where the driver does not tell.
        processes: that had opened it to compute; null likewise.
    """

    busy_pct: int | None
    processes: int | None


UNMEASURED: Final = Yardsticks()
