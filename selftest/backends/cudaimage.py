"""The kernels as they are carried: compiled ahead, packed, and listed in kernels/MANIFEST.json.

PTX is text that the driver compiles for its device. A cubin is machine code for one kind of device;
none is shipped, one that is listed is taken where it fits exactly.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from selftest.backends.base import BackendError
from selftest.jsonform import MalformedRecord, from_json

MANIFEST: Final = "MANIFEST.json"
PTX: Final = "ptx"
CUBIN: Final = "cubin"

_MOST_BYTES: Final = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Artefact:
    """Kernels for some devices.

    Attributes:
        file: its name, packed with xz.
        kind: `ptx` or `cubin`.
        target: `sm_NN`: the least device, or with a cubin the only one.
        isa: version of PTX; null with a cubin.
        sha256: of what is in the file, unpacked.
        source: name of the source.
        source_sha256: of the source.
        compiler: name and version.
        options: what the compiler was told.
    """

    file: str
    kind: str
    target: str
    isa: str | None
    sha256: str
    source: str
    source_sha256: str
    compiler: str
    options: tuple[str, ...]

    @property
    def words(self) -> str:
        """The artefact in words."""
        return f"PTX {self.isa} for {self.target}" if self.kind == PTX else f"{self.target} cubin"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is carried.

    Attributes:
        schema: version of the format.
        artefacts: all of them.
    """

    schema: int
    artefacts: tuple[Artefact, ...]


def read_manifest(folder: Traversable | None = None) -> Manifest:
    """Return the list of what is carried.

    Raises:
        BackendError: `cuda-kernels`: it is missing or damaged.
    """
    path = (folder or resources.files("selftest.kernels")) / MANIFEST
    try:
        return from_json(Manifest, json.loads(path.read_text()))
    except (OSError, ValueError, MalformedRecord) as error:
        raise BackendError("cuda-kernels", f"{MANIFEST} can't be read: {error}") from error


def choose(artefacts: Sequence[Artefact], capability: tuple[int, int]) -> Artefact:
    """Return the cubin for exactly this device, or else the PTX with the highest target for it.

    Raises:
        BackendError: `cuda-no-image`: the device is older than all that is carried.
    """
    device = f"sm_{capability[0]}{capability[1]}"
    for one in artefacts:
        if one.kind == CUBIN and one.target == device:
            return one
    texts = [one for one in artefacts if one.kind == PTX and _capability(one) <= capability]
    if not texts:
        carried = ", ".join(one.words for one in artefacts)
        raise BackendError("cuda-no-image", f"there are no kernels for {device}, only {carried}")
    return max(texts, key=_capability)


def load_image(artefact: Artefact, folder: Traversable | None = None) -> bytes:
    """Return the kernels, unpacked and proved; PTX ends with a zero, as the driver wants it.

    Raises:
        BackendError: `cuda-kernels`: the file is missing, damaged or another.
    """
    path = (folder or resources.files("selftest.kernels")) / artefact.file
    try:
        image = lzma.LZMADecompressor().decompress(path.read_bytes(), _MOST_BYTES)
    except (OSError, lzma.LZMAError) as error:
        raise BackendError("cuda-kernels", f"{artefact.file} can't be read: {error}") from error
    found = hashlib.sha256(image).hexdigest()
    if found != artefact.sha256:
        text = f"{artefact.file}: expected SHA-256 {artefact.sha256}, found {found}"
        raise BackendError("cuda-kernels", text)
    return image + b"\0" if artefact.kind == PTX else image


def _capability(artefact: Artefact) -> tuple[int, int]:
    digits = artefact.target.removeprefix("sm_")
    return int(digits[:-1]), int(digits[-1])
