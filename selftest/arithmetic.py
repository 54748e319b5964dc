"""The computations on a plain CPU with numpy, in whatever precision is asked for.

In float32 it is the device that is always there; in float64, where every exact case stays below
2^53, it tells what is right. Convolutions are products with band matrices, block by block, so that
BLAS does the work, in strips that the cores share. BLAS itself should be held to one thread: its
own threads wait for each other at every small product, which takes seconds on a busy machine.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from selftest.cases import Factors, Picture, Work
from selftest.host import usable_cores

Array: TypeAlias = NDArray[np.floating]

_STRIP: Final = 128
_LEAST_STRIP: Final = 32
"""Rows that a core computes at a time: the fewer, the more are read by two."""

_BLOCK: Final = 32
"""Outputs that one band matrix computes: more wastes work on zeros, fewer starves BLAS."""


def compute(work: Work, dtype: DTypeLike = np.float32) -> Array:
    """Return the result of a case's input, computed in `dtype`."""
    if isinstance(work, Factors):
        return multiply(work.left.astype(dtype, copy=False), work.right.astype(dtype, copy=False))
    return convolve(work, dtype)


def multiply(left: Array, right: Array) -> Array:
    """Return a matrix product."""
    out = np.empty((left.shape[0], right.shape[1]), left.dtype)
    _share_rows(len(left), lambda rows: np.matmul(left[rows], right, out=out[rows]))
    return out


def convolve(picture: Picture, dtype: DTypeLike = np.float32) -> Array:
    """Return the convolved picture, clamped to its edge, as height x width x channels."""
    height, width, _ = picture.image.shape
    out = np.empty(picture.image.shape, dtype)

    def strip(rows: slice) -> None:
        out[rows] = convolve_window(picture, (rows, slice(0, width)), dtype)

    _share_rows(height, strip)
    return out


def convolve_window(
    picture: Picture, window: tuple[slice, slice], dtype: DTypeLike = np.float32
) -> Array:
    """Return a window (rows, columns) of the convolved picture."""
    planes = _surroundings(picture, window).astype(dtype, copy=False)
    taps = picture.taps.astype(dtype, copy=False)
    dense = taps.shape[0] == taps.shape[1]
    result = _dense(planes, taps) if dense else _columns(_rows(planes, taps[0]), taps[1])
    return np.moveaxis(result, 0, 2)


def _surroundings(picture: Picture, window: tuple[slice, slice]) -> Array:
    """Return what a window is computed from, as channels x height x width."""
    radius = picture.taps.shape[1] // 2
    near, beyond = [slice(None)], [(0, 0)]
    for part, size in zip(window, picture.image.shape[:2], strict=True):
        start, stop = part.start - radius, part.stop + radius
        near.append(slice(max(start, 0), min(stop, size)))
        beyond.append((max(-start, 0), max(stop - size, 0)))
    planes = np.moveaxis(picture.image, 2, 0)[tuple(near)]
    return np.pad(planes, beyond, mode="edge")


def _dense(planes: Array, taps: Array) -> Array:
    side = len(taps)
    channels, height, width = planes.shape
    height, width = height - side + 1, width - side + 1
    bands = [_band(row) for row in taps]
    out = np.zeros((channels, height, width), planes.dtype)
    for x in range(0, width, _BLOCK):
        block = min(_BLOCK, width - x)
        for y, band in enumerate(bands):
            part = planes[:, y : y + height, x : x + block + side - 1]
            out[:, :, x : x + block] += part @ band[: block + side - 1, :block]
    return out


def _rows(planes: Array, taps: Array) -> Array:
    side = len(taps)
    channels, height, width = planes.shape
    out = np.empty((channels, height, width - side + 1), planes.dtype)
    band = _band(taps)
    for x in range(0, out.shape[2], _BLOCK):
        block = min(_BLOCK, out.shape[2] - x)
        part = planes[:, :, x : x + block + side - 1]
        out[:, :, x : x + block] = part @ band[: block + side - 1, :block]
    return out


def _columns(planes: Array, taps: Array) -> Array:
    side = len(taps)
    channels, height, width = planes.shape
    out = np.empty((channels, height - side + 1, width), planes.dtype)
    band = np.ascontiguousarray(_band(taps).T)
    for y in range(0, out.shape[1], _BLOCK):
        block = min(_BLOCK, out.shape[1] - y)
        part = planes[:, y : y + block + side - 1]
        out[:, y : y + block] = band[:block, : block + side - 1] @ part
    return out


def _band(taps: Array) -> Array:
    """Return the matrix that turns `_BLOCK` + side - 1 inputs into `_BLOCK` outputs."""
    side = len(taps)
    band = np.zeros((_BLOCK + side - 1, _BLOCK), taps.dtype)
    for output in range(_BLOCK):
        band[output : output + side, output] = taps
    return band


def _share_rows(count: int, step: Callable[[slice], object]) -> None:
    """Run `step` over strips of rows, on all cores when there is more than one strip."""
    cores = usable_cores()
    tall = min(_STRIP, max(_LEAST_STRIP, -(-count // cores)))
    strips = [slice(start, min(start + tall, count)) for start in range(0, count, tall)]
    if len(strips) == 1:
        step(strips[0])
        return
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(step, strips))
