"""What is computed: pictures, weights and the list of cases.

Exact cases hold integers in float32, bounded so that no partial sum in any order, fused or not,
leaves the integers below 2^24: every correct implementation gives the same bits. Float cases are
compared with a float64 reference within `tolerance`. All inputs are made by integer arithmetic from
the case's name alone, so that they are the same on every machine and with every numpy.

Owns no judgement and no device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]

RADII: Final = range(1, 16)
EXACT_LIMIT: Final = 2**24
"""Integers up to here, and all sums that stay below, are exact in float32."""

_PIXEL_VALUES: Final = 256
_LARGE: Final = 1 << 20  # values of a picture beyond which making each by itself takes too long
_DENSE_WEIGHTS: Final = 65  # -32 to 32: 255 * 31 * 31 * 32 < 2^24
_SEPARABLE_WEIGHTS: Final = 17  # -8 to 8: 255 * (31 * 8)^2 < 2^24
_CELL_VALUES: Final = 16  # 15 * 15 * 1024 < 2^24


class Kind(StrEnum):
    """What is done with the picture."""

    SEPARABLE = "separable"
    DENSE = "dense"


class Mode(StrEnum):
    """How a result is judged: bit by bit, or within a tolerance."""

    EXACT = "exact"
    FLOAT = "float"


@dataclass(frozen=True, slots=True)
class Convolution:
    """A picture under a square kernel of side 2 * radius + 1, clamped to its edge.

    Attributes:
        kind: one two-dimensional pass, or a pass by rows and one by columns.
        radius: 1 to 15.
        channels: 4 (RGBA) or 1.
        width: pixels.
        height: pixels.
        mode: how the result is judged.
    """

    kind: Kind
    radius: int
    channels: int
    width: int
    height: int
    mode: Mode = Mode.EXACT

    @property
    def name(self) -> str:
        """Its stable name: what the digests are listed under."""
        colours = "rgba" if self.channels == 4 else "gray"
        stem = f"{self.kind}-r{self.radius}-{colours}-{self.width}x{self.height}"
        return stem if self.mode is Mode.EXACT else f"{stem}-{self.mode}"

    @property
    def flop(self) -> int:
        """Floating-point operations of the result, a fused multiply-add counted as two."""
        side = 2 * self.radius + 1
        weights = side * side if self.kind is Kind.DENSE else 2 * side
        return 2 * weights * self.width * self.height * self.channels

    @property
    def ideal_bytes(self) -> int:
        """Bytes that must be moved at least: the picture read once and written once."""
        return 2 * 4 * self.width * self.height * self.channels


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product of integers from 0 to 15: height x depth times depth x width."""

    height: int
    depth: int
    width: int

    @property
    def name(self) -> str:
        """Its stable name: what the digests are listed under."""
        return f"product-{self.height}x{self.depth}x{self.width}"

    @property
    def flop(self) -> int:
        """Floating-point operations, a fused multiply-add counted as two."""
        return 2 * self.height * self.depth * self.width

    @property
    def ideal_bytes(self) -> int:
        """Bytes that must be moved at least."""
        return 4 * (self.height * self.depth + self.depth * self.width + self.height * self.width)


Case: TypeAlias = Convolution | Product


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A convolution's input.

    Attributes:
        image: height x width x channels.
        taps: side x side for a dense kernel; for a separable one 2 x side, the row's first.
    """

    image: Floats
    taps: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """A matrix product's input."""

    left: Floats
    right: Floats


Work: TypeAlias = Picture | Factors


def exact_cases() -> Iterator[Case]:
    """Yield every case whose digest is shipped: all radii, odd sizes, tiny pictures."""
    for kind in Kind:
        for radius in RADII:
            yield Convolution(kind, radius, 4, 61, 47)
            yield Convolution(kind, radius, 1, 83, 41)
        for radius in (1, 15):
            yield Convolution(kind, radius, 4, 1, 1)
            yield Convolution(kind, radius, 1, 1, 1)
            yield Convolution(kind, radius, 4, 5, 3)
            yield Convolution(kind, radius, 1, 3, 200)
        yield Convolution(kind, 3, 4, 1021, 769)
        yield Convolution(kind, 7, 1, 1021, 769)
        yield Convolution(kind, 15, 1, 256, 256)
    yield from (Product(1, 1, 1), Product(127, 257, 65), Product(256, 256, 256))


def float_cases() -> Iterator[Convolution]:
    """Yield the cases that are compared with a float64 reference."""
    for kind in Kind:
        for radius in (3, 15):
            yield Convolution(kind, radius, 4, 256, 256, Mode.FLOAT)


def timed_cases(side: int, radii: tuple[int, ...]) -> Iterator[Convolution]:
    """Yield the cases that are timed: RGBA pictures of `side` pixels each way."""
    for radius in radii:
        for kind in Kind:
            yield Convolution(kind, radius, 4, side, side)


def make_work(case: Case) -> Work:
    """Return the input of a case."""
    if isinstance(case, Product):
        left = _integers(f"{case.name} left", case.height * case.depth, _CELL_VALUES)
        right = _integers(f"{case.name} right", case.depth * case.width, _CELL_VALUES)
        return Factors(
            left.reshape(case.height, case.depth).astype(np.float32),
            right.reshape(case.depth, case.width).astype(np.float32),
        )
    image = _pixels(case).astype(np.float32)
    if case.mode is Mode.EXACT:
        return Picture(image, _weights(case).astype(np.float32))
    taps = np.abs(_weights(case)) + 1.0
    gain = taps.sum(axis=None if case.kind is Kind.DENSE else 1, keepdims=True)
    return Picture(image / np.float32(255), (taps / gain).astype(np.float32))


def digest(result: Floats) -> str:
    """Return the SHA-256 of a result as little-endian float32 in C order; -0 counts as +0."""
    plain = np.ascontiguousarray(result + np.float32(0), dtype="<f4")
    return hashlib.sha256(plain.data).hexdigest()


def tolerance(picture: Picture) -> float:
    """Return the largest error that a correct float32 implementation may show.

    4 * 2^-24 * sqrt(n) * S for n weights with S the sum of their absolute values times the largest
    pixel: five to seven times what correct implementations showed.
    """
    taps = np.abs(picture.taps.astype(np.float64))
    dense = taps.shape[0] == taps.shape[1]
    gain = taps.sum() if dense else taps[0].sum() * taps[1].sum()
    return float(4 * 2**-24 * np.sqrt(taps.size) * gain * np.abs(picture.image).max())


def _pixels(case: Convolution) -> NDArray[np.integer]:
    """Return integers from 0 to 255; in large pictures each is the exclusive or of two."""
    height, row = case.height, case.width * case.channels
    shape = (height, case.width, case.channels)
    if height * row <= _LARGE:
        return _integers(f"{case.name} image", height * row, _PIXEL_VALUES).reshape(shape)
    down = _integers(f"{case.name} rows", height, _PIXEL_VALUES).astype(np.uint8)
    across = _integers(f"{case.name} columns", row, _PIXEL_VALUES).astype(np.uint8)
    return (down[:, None] ^ across).reshape(shape)


def _weights(case: Convolution) -> Integers:
    side = 2 * case.radius + 1
    if case.kind is Kind.DENSE:
        values = _integers(f"{case.name} taps", side * side, _DENSE_WEIGHTS)
        return values.reshape(side, side) - _DENSE_WEIGHTS // 2
    values = _integers(f"{case.name} taps", 2 * side, _SEPARABLE_WEIGHTS)
    return values.reshape(2, side) - _SEPARABLE_WEIGHTS // 2


def _integers(seed: str, count: int, values: int) -> Integers:
    """Return `count` integers from 0 to `values` - 1 by splitmix64 over a counter."""
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little")
    with np.errstate(over="ignore"):
        state = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        state += np.uint64(start)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return ((state >> np.uint64(32)) % np.uint64(values)).astype(np.int64)
