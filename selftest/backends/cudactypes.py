"""The driver through ctypes alone: works with every Python and every driver since CUDA 4."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from selftest.backends.cudabinding import Shape
from selftest.backends.cudalibrary import CudaFailure, Library
from selftest.backends.cudanames import CTYPES
from selftest.cases import Floats
from selftest.plaintext import last_lines

_INFO_LOG, _INFO_ROOM, _ERROR_LOG, _ERROR_ROOM = 3, 4, 5, 6  # CUjit_option
_LOG_ROOM: Final = 32 * 1024


class CtypesBinding:
    """The way to the driver that needs no package."""

    label = CTYPES

    def __init__(self, library: Library) -> None:
        self._library = library

    def open(self, index: int) -> CtypesContext:
        """Open a device by its number."""
        return CtypesContext(self._library, index)


class CtypesContext:
    """An opened device; memory is its address."""

    def __init__(self, library: Library, index: int) -> None:
        self._call = library.call
        self._status = library.status
        self._words = library.words
        self._context = ctypes.c_void_p()
        self._module = ctypes.c_void_p()
        self._functions: dict[str, ctypes.c_void_p] = {}
        self._call("cuCtxCreate_v2", ctypes.byref(self._context), 0, library.device(index))
        self._events = (ctypes.c_void_p(), ctypes.c_void_p())
        for event in self._events:
            self._call("cuEventCreate", ctypes.byref(event), 0)

    def load(self, image: bytes) -> str:
        """Load kernels; return what the driver's compiler said."""
        said, wrong = (ctypes.create_string_buffer(_LOG_ROOM) for _ in range(2))
        options = (ctypes.c_int * 4)(_INFO_LOG, _INFO_ROOM, _ERROR_LOG, _ERROR_ROOM)
        values = (ctypes.c_void_p * 4)(
            ctypes.addressof(said), _LOG_ROOM, ctypes.addressof(wrong), _LOG_ROOM
        )
        module = ctypes.byref(self._module)
        status = self._status("cuModuleLoadDataEx", module, image, len(options), options, values)
        if status:
            text = f"cuModuleLoadDataEx failed: {self._words(status)}"
            raise CudaFailure(status, text, last_lines(wrong.value.decode(errors="replace"), 12))
        return said.value.decode(errors="replace")

    def constant(self, name: str) -> ctypes.c_uint64:
        """Return the constant memory of the loaded kernels that has a name."""
        address, size = ctypes.c_uint64(), ctypes.c_size_t()
        found = (ctypes.byref(address), ctypes.byref(size))
        self._call("cuModuleGetGlobal_v2", *found, self._module, name.encode())
        return address

    def allocate(self, size: int) -> ctypes.c_uint64:
        """Return memory of the device."""
        address = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
        return address

    def free(self, memory: ctypes.c_uint64) -> None:
        """Give memory back."""
        self._call("cuMemFree_v2", memory)

    def write(self, memory: ctypes.c_uint64, array: Floats) -> None:
        """Copy to the device."""
        source = array.ctypes.data_as(ctypes.c_void_p)
        self._call("cuMemcpyHtoD_v2", memory, source, ctypes.c_size_t(array.nbytes))

    def read(self, array: Floats, memory: ctypes.c_uint64) -> None:
        """Copy from the device."""
        target = array.ctypes.data_as(ctypes.c_void_p)
        self._call("cuMemcpyDtoH_v2", target, memory, ctypes.c_size_t(array.nbytes))

    def fill(self, memory: ctypes.c_uint64, word: int, count: int) -> None:
        """Set `count` words of 32 bits."""
        self._call("cuMemsetD32_v2", memory, ctypes.c_uint(word), ctypes.c_size_t(count))

    def launch(
        self, name: str, grid: Shape, block: Shape, shared: int, arguments: Sequence[Any]
    ) -> float:
        """Launch a kernel and wait for its end; return milliseconds by the device's clock."""
        values = [_value(one) for one in arguments]
        places = (ctypes.c_void_p * len(values))(*map(ctypes.addressof, values))
        sizes = (ctypes.c_uint(one) for one in (*grid, *block, shared))
        started, ended = self._events
        taken = ctypes.c_float()
        function = self._function(name)
        self._call("cuEventRecord", started, None)
        self._call("cuLaunchKernel", function, *sizes, None, places, None)
        self._call("cuEventRecord", ended, None)
        self._call("cuEventSynchronize", ended)
        self._call("cuEventElapsedTime", ctypes.byref(taken), started, ended)
        return taken.value

    def close(self) -> None:
        """Leave the device; does nothing the second time."""
        if self._context.value:
            context, self._context = self._context, ctypes.c_void_p()
            self._call("cuCtxDestroy_v2", context)

    def _function(self, name: str) -> ctypes.c_void_p:
        if name not in self._functions:
            function = ctypes.c_void_p()
            place = ctypes.byref(function)
            self._call("cuModuleGetFunction", place, self._module, name.encode())
            self._functions[name] = function
        return self._functions[name]


def _value(argument: Any) -> ctypes.c_uint64 | ctypes.c_int32:
    """Return an argument as the driver reads it: an address, or an integer of 32 bits."""
    return ctypes.c_int32(int(argument)) if isinstance(argument, np.int32) else argument
