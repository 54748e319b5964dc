"""The picture before and after blur and edge detection, as the device under test computed it.

For people only: no verdict depends on it. Needs Pillow, which is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from selftest.cases import Floats
from selftest.redpanda import draw_red_panda

NAMES: Final = ("original", "blur", "edges")
_SIGMA_SHARE: Final = 0.4  # of the radius: a Gaussian that has nearly faded at the kernel's edge
_EDGE_GAIN: Final = 1.6


class NoPicture(Exception):
    """The device left no usable picture."""


@dataclass(frozen=True, slots=True)
class Studio:
    """A folder where the picture waits and each device leaves what it made of it.

    Attributes:
        folder: with `picture.npy` and a `NAME.taps.npy` for each filter; results of a device lie
            in a folder of its own.
        side: pixels of the picture.
    """

    folder: Path
    side: int

    def prepare(self) -> None:
        """Draw the picture and write the filters' weights."""
        self.folder.mkdir(parents=True, exist_ok=True)
        image = np.asarray(draw_red_panda(self.side), np.float32) / np.float32(255)
        np.save(self.folder / "picture.npy", image)
        np.save(self.folder / "blur.taps.npy", blur_taps(max(1, min(15, self.side // 34))))
        np.save(self.folder / "edges.taps.npy", edge_taps(max(1, min(4, self.side // 128))))

    def results(self, address: str) -> Iterator[tuple[str, Image.Image]]:
        """Yield the picture before and after, as a device made it.

        Raises:
            NoPicture: it did not.
        """
        yield NAMES[0], draw_red_panda(self.side)
        for name in NAMES[1:]:
            pixels = self._load(self.folder / address.replace(":", "-") / f"{name}.npy")
            if name == "edges":
                pixels = np.abs(pixels) * np.float32(_EDGE_GAIN)
            pixels[:, :, 3] = 1
            levels = np.clip(np.nan_to_num(pixels), 0, 1) * 255
            yield name, Image.fromarray(levels.round().astype(np.uint8), "RGBA")

    def _load(self, path: Path) -> Floats:
        try:
            pixels: Floats = np.asarray(np.load(path, allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise NoPicture(f"expected {path.name}, found none") from error
        if pixels.shape != (self.side, self.side, 4) or pixels.dtype != np.float32:
            raise NoPicture(f"expected a picture of {self.side} pixels, found {pixels.shape}")
        return np.array(pixels, np.float32)


def blur_taps(radius: int) -> Floats:
    """Return a Gaussian's weights for the row and the column pass."""
    at = np.arange(-radius, radius + 1)
    weights = np.exp(-(at**2) / (2 * (radius * _SIGMA_SHARE) ** 2))
    both: Floats = np.stack([weights / weights.sum()] * 2).astype(np.float32)
    return both


def edge_taps(radius: int) -> Floats:
    """Return a Laplacian of a Gaussian: nothing on even ground, much where brightness jumps."""
    at = np.arange(-radius, radius + 1)
    sigma = max(0.5, radius * _SIGMA_SHARE)
    square = (at[:, None] ** 2 + at**2) / (2 * sigma**2)
    weights = (1 - square) * np.exp(-square)
    weights -= weights.mean()
    taps: Floats = (weights / np.abs(weights).sum() * 4).astype(np.float32)
    return taps


def write_pngs(studio: Studio, address: str, folder: Path) -> tuple[str, ...]:
    """Write the three pictures; return their paths.

    Raises:
        NoPicture: the device left none.
        OSError: they can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, image in studio.results(address):
        path = folder / f"red-panda-{name}.png"
        image.convert("RGB").save(path)
        written.append(str(path))
    return tuple(written)


def show_small(studio: Studio, address: str) -> list[Image.Image]:
    """Return the three pictures for a terminal: lines thick enough to be seen when shrunk.

    Raises:
        NoPicture: the device left none.
    """
    thick = max(1, studio.side // 64) | 1
    return [
        image.convert("RGB").filter(ImageFilter.MaxFilter(thick)) if name == "edges" else image
        for name, image in studio.results(address)
    ]
