"""OpenCL as a backend, through pyopencl: PoCL, Intel, NVIDIA, AMD and whatever else has an ICD.

Finds platforms and devices and opens them. How a case is laid out for a kind of device is the
business of `opencltiles` (processors) and `openclgroups` (graphics processors and the rest).
"""

from __future__ import annotations

import hashlib
import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, Final, Protocol

from selftest.backends.base import BackendError, Missing, Task, Yardstick
from selftest.backends.openclqueue import Queue
from selftest.cases import Convolution, Kind, Product, Work, make_work
from selftest.measured import Compiled, Device, DeviceKind, Remark
from selftest.plaintext import last_lines, printable

_NO_PLATFORM: Final = -1001
_NO_DEVICE: Final = -1


class Plan(Protocol):
    """How cases are laid out for one kind of device."""

    @property
    def source(self) -> str:
        """File of the kernels."""

    @property
    def options(self) -> Sequence[str]:
        """What the compiler is told."""

    @property
    def kernels(self) -> Sequence[str]:
        """Their names."""

    def task(self, work: Work) -> Task:
        """Return the task that computes a case's input."""

    def copying(self, size: int) -> Yardstick:
        """Return a copy of about `size` bytes."""

    def multiplying(self) -> Yardstick:
        """Return independent fused multiply-adds."""


class OpenclBackend:
    """All OpenCL devices of all platforms, numbered through."""

    def devices(self) -> Sequence[Device]:
        """Return the devices that the ICD loader finds."""
        cl = _binding()
        found = [_describe(cl, number, one) for number, one in enumerate(_list_devices(cl))]
        if not found:
            raise Missing("opencl-no-device", "there is a platform, but it has no device")
        return found

    def remarks(self) -> Sequence[Remark]:
        """Return nothing."""
        return ()

    def open(self, index: int) -> OpenclSession:
        """Open a device with a queue of its own."""
        cl = _binding()
        devices = _list_devices(cl)
        if index >= len(devices):
            raise BackendError("device-unknown", f"expected 0 to {len(devices) - 1}, found {index}")
        with reported(cl, "opencl-open"):
            return OpenclSession(cl, devices[index])


class OpenclSession:
    """An opened device: context, queue and, after `compile`, kernels."""

    def __init__(self, cl: Any, device: Any) -> None:
        self._cl = cl
        self._queue = Queue(cl, device)
        self._plan = _plan(self._queue, device)

    def compile(self) -> Compiled:
        """Build the kernels and launch each once, for many drivers finish them only then."""
        started = time.perf_counter()
        source = resources.files("selftest.kernels").joinpath(self._plan.source).read_text()
        try:
            log = self._queue.build(source, self._plan.options)
        except self._cl.Error as error:
            raise BackendError(
                "opencl-build", "the driver's compiler refused the kernels", _build_log(error)
            ) from error
        with reported(self._cl, "opencl-build"):
            self._queue.ready(self._plan.kernels)
            self._warm_up()
        elapsed = (time.perf_counter() - started) * 1e3
        return Compiled(elapsed, hashlib.sha256(source.encode()).hexdigest(), log, "source")

    def _warm_up(self) -> None:
        """Launch what the cases need, on the smallest work there is."""
        for case in (
            Convolution(Kind.DENSE, 1, 1, 1, 1),
            Convolution(Kind.DENSE, 3, 1, 1, 1),
            Convolution(Kind.DENSE, 15, 1, 1, 1),
            Convolution(Kind.SEPARABLE, 1, 1, 1, 1),
            Product(1, 1, 1),
        ):
            task = self._plan.task(make_work(case))
            task.upload()
            task.launch()
            task.release()

    def task(self, work: Work) -> Task:
        """Return the task that computes a case's input."""
        with reported(self._cl, "opencl-launch"):
            return ReportedTask(self._cl, self._plan.task(work))

    def copying(self, size: int) -> Yardstick:
        """Return a copy of about `size` bytes."""
        with reported(self._cl, "opencl-launch"):
            return self._plan.copying(size)

    def multiplying(self) -> Yardstick:
        """Return independent fused multiply-adds."""
        with reported(self._cl, "opencl-launch"):
            return self._plan.multiplying()

    def close(self) -> None:
        """Wait until the queue is empty; the end of the process takes the driver apart."""
        with reported(self._cl, "opencl-launch"):
            self._queue.finish()


class ReportedTask:
    """A task whose OpenCL errors become ours.

    Attributes:
        effort: the task's.
    """

    def __init__(self, cl: Any, task: Task) -> None:
        self._cl = cl
        self._task = task
        self.effort = task.effort

    def upload(self) -> None:
        """Bring the input to the device."""
        with reported(self._cl, "opencl-transfer"):
            self._task.upload()

    def poison(self) -> None:
        """Fill the output with NaN."""
        with reported(self._cl, "opencl-transfer"):
            self._task.poison()

    def launch(self) -> int:
        """Compute; return nanoseconds by the device's clock."""
        with reported(self._cl, "opencl-launch"):
            return self._task.launch()

    def download(self) -> Any:
        """Return the result."""
        with reported(self._cl, "opencl-transfer"):
            return self._task.download()

    def release(self) -> None:
        """Give the buffers back."""
        with reported(self._cl, "opencl-transfer"):
            self._task.release()


@contextmanager
def reported(cl: Any, code: str) -> Iterator[None]:
    """Turn an OpenCL error within the block into a BackendError."""
    try:
        yield
    except cl.Error as error:
        raise BackendError(code, printable(str(error), 500)) from error


def _binding() -> Any:
    try:
        return importlib.import_module("pyopencl")
    except ModuleNotFoundError as error:
        if error.name != "pyopencl":
            raise BackendError("opencl-binding", printable(str(error))) from error
        raise Missing("opencl-no-binding", "pyopencl is not installed") from error
    except (ImportError, OSError) as error:
        raise BackendError("opencl-binding", printable(str(error))) from error


def _list_devices(cl: Any) -> list[Any]:
    try:
        platforms = cl.get_platforms()
    except cl.Error as error:
        if error.code != _NO_PLATFORM:
            raise BackendError("opencl-platforms", printable(str(error), 500)) from error
        platforms = []
    if not platforms:
        raise Missing("opencl-no-platform", "the ICD loader found no OpenCL platform")
    return [device for platform in platforms for device in _devices_of(cl, platform)]


def _devices_of(cl: Any, platform: Any) -> list[Any]:
    try:
        return list(platform.get_devices())
    except cl.Error as error:
        if error.code == _NO_DEVICE:
            return []
        raise BackendError("opencl-devices", printable(str(error), 500)) from error


def _describe(cl: Any, number: int, device: Any) -> Device:
    return Device(
        backend="opencl",
        index=number,
        kind=_kind(cl, device),
        name=printable(device.name, 200),
        platform=printable(f"{device.platform.name}, {device.platform.version}", 300),
        driver=printable(device.driver_version, 200),
        binding=f"pyopencl {cl.VERSION_TEXT}",
        uuid=_optional(cl, lambda: bytes(device.uuid_khr).hex()),
        memory_bytes=device.global_mem_size,
        compute_units=device.max_compute_units,
        clock_mhz=device.max_clock_frequency or None,
    )


def _kind(cl: Any, device: Any) -> DeviceKind:
    if device.type & cl.device_type.GPU:
        return DeviceKind.GPU
    return DeviceKind.CPU if device.type & cl.device_type.CPU else DeviceKind.ACCELERATOR


def _optional(cl: Any, ask: Callable[[], str]) -> str | None:
    """Return an answer that not every driver has."""
    try:
        return ask()
    except (cl.Error, AttributeError, TypeError, ValueError):
        return None


def _plan(queue: Queue, device: Any) -> Plan:
    from selftest.backends.openclgroups import GroupPlan  # noqa: PLC0415 - one of the two is used
    from selftest.backends.opencltiles import TilePlan  # noqa: PLC0415

    if _kind(queue.cl, device) is DeviceKind.CPU:
        return TilePlan(queue, device)
    return GroupPlan(queue, device)


def _build_log(error: Exception) -> tuple[str, ...]:
    return last_lines(str(error), 12)
