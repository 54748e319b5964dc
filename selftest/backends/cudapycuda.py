"""The driver through pycuda: nothing of it but `pycuda.driver`, whose rest wants a compiler."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from selftest.backends.base import BackendError, Missing
from selftest.backends.cudabinding import Shape
from selftest.backends.cudalibrary import NAME, CudaFailure, Library, binding_symbols
from selftest.cases import Floats
from selftest.plaintext import last_lines, printable


class PycudaBinding:
    """The way to the driver that people use.

    Attributes:
        label: the package and its version.
    """

    def __init__(self, library: Library) -> None:
        """Import pycuda.

        Raises:
            Missing: `cuda-no-binding`: it is not installed.
            BackendError: `cuda-binding`, `cuda-symbols`: it can't be used.
        """
        self._library = library
        self._driver = _import(library)
        with self._words("cuda-binding"):
            self._driver.init()
        self.label = f"pycuda {importlib.import_module('pycuda').VERSION_TEXT}"

    def open(self, index: int) -> PycudaContext:
        """Open a device by its number."""
        return PycudaContext(self._driver, self._library, index)

    @contextmanager
    def _words(self, code: str) -> Iterator[None]:
        try:
            yield
        except self._driver.Error as error:
            raise BackendError(code, printable(str(error))) from error


class PycudaContext:
    """An opened device.

    pycuda ends its process when a context is still open at its end, so `close` must be called
    however things went.
    """

    def __init__(self, driver: Any, library: Library, index: int) -> None:
        self._driver = driver
        self._library = library
        with self._told():
            self._context = driver.Device(index).make_context()
            self._events = (driver.Event(), driver.Event())
        self._module: Any = None
        self._functions: dict[str, Any] = {}

    def load(self, image: bytes) -> str:
        """Load kernels; return what the driver's compiler said."""
        logs: list[str] = []

        def hear(_good: object, said: str, wrong: str) -> None:
            logs.extend((said, wrong))

        try:
            self._module = self._driver.module_from_buffer(image, message_handler=hear)
        except self._driver.Error as error:
            words, _, _ = str(error).partition(" - ")  # behind it is the log
            raise self._failure(words, logs[1] if logs else "") from error
        return logs[0] if logs else ""

    def constant(self, name: str) -> Any:
        """Return the constant memory of the loaded kernels that has a name."""
        with self._told():
            return self._module.get_global(name)[0]

    def allocate(self, size: int) -> Any:
        """Return memory of the device."""
        with self._told():
            return self._driver.mem_alloc(size)

    def free(self, memory: Any) -> None:
        """Give memory back."""
        with self._told():
            memory.free()

    def write(self, memory: Any, array: Floats) -> None:
        """Copy to the device."""
        with self._told():
            self._driver.memcpy_htod(memory, array)

    def read(self, array: Floats, memory: Any) -> None:
        """Copy from the device."""
        with self._told():
            self._driver.memcpy_dtoh(array, memory)

    def fill(self, memory: Any, word: int, count: int) -> None:
        """Set `count` words of 32 bits."""
        with self._told():
            self._driver.memset_d32(memory, word, count)

    def launch(
        self, name: str, grid: Shape, block: Shape, shared: int, arguments: Sequence[Any]
    ) -> float:
        """Launch a kernel and wait for its end; return milliseconds by the device's clock."""
        started, ended = self._events
        with self._told():
            if name not in self._functions:
                self._functions[name] = self._module.get_function(name)
            started.record()
            self._functions[name](*arguments, grid=grid, block=block, shared=shared)
            ended.record()
            ended.synchronize()
            return float(ended.time_since(started))

    def close(self) -> None:
        """Leave the device; does nothing the second time."""
        if self._context is not None:
            context, self._context = self._context, None
            with self._told():
                context.pop()
                context.detach()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn pycuda's errors into ours; it tells words and no number."""
        try:
            yield
        except self._driver.Error as error:
            raise self._failure(str(error)) from error

    def _failure(self, words: str, log: str = "") -> CudaFailure:
        message = printable(words, 500)
        return CudaFailure(self._library.recognise(message), message, last_lines(log, 12))


def _import(library: Library) -> Any:
    lacking = library.lacks(binding_symbols())
    try:
        return importlib.import_module("pycuda.driver")
    except ModuleNotFoundError as error:
        if error.name != "pycuda":
            raise BackendError("cuda-binding", printable(str(error))) from error
        raise Missing("cuda-no-binding", "pycuda is not installed") from error
    except (ImportError, OSError, SystemError) as error:
        if lacking and "undefined symbol" in str(error):
            text = f"{NAME} lacks what pycuda needs: {', '.join(lacking)}"
            raise BackendError("cuda-symbols", text, (printable(str(error)),)) from error
        raise BackendError("cuda-binding", printable(str(error))) from error
