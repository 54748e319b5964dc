"""Builds a bundle of layers that are large only while they pass by; prints the memory it took.

python -m tests.bundler.heavy FOLDER KEY KIND CORES
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from unittest.mock import patch

import zstandard

from bundler.sources import Document
from bundler.sources.choose import Sources
from manifests.errors import AppManifestError
from manifests.oci import Descriptor
from manifests.reference import Reference
from tests.bundler.builds import Workplace
from tests.support.images import CONFIG, LAYER, MANIFEST, Blob
from tests.support.layers import Compression

MIB = 2**20
Pieces = Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Heavy:
    """A layer that is made each time that it is read."""

    compression: Compression
    stored: Pieces
    tar: Pieces = lambda: iter(())
    known: str = ""

    def descriptor(self) -> dict[str, object]:
        whole, size = hashlib.sha256(), 0
        for piece in self.stored():
            whole.update(piece)
            size += len(piece)
        media_type = LAYER["oci", self.compression]
        return {"mediaType": media_type, "digest": f"sha256:{whole.hexdigest()}", "size": size}

    def diff_id(self, digest: str) -> str:
        """Return the digest of what is in it; `digest` is that of what is stored."""
        if self.known or self.compression == "none":
            return self.known or digest
        whole = hashlib.sha256()
        for piece in self.tar():
            whole.update(piece)
        return f"sha256:{whole.hexdigest()}"


ZEROS = "sha256:305b66a59d15b252092fbda9d09711230c429f351897cbd430e7b55a35fd3b97"
"""Digest of 3 GiB of zeros."""


def zeros(compression: Compression) -> Heavy:
    """Return 3 GiB of zeros in a few members or frames, as small as they get."""
    block = bytes(64 * MIB)
    if compression == "gzip":
        packed = zlib.compress(block, 9, wbits=31)
    else:
        packed = zstandard.ZstdCompressor(level=19).compress(block)
    return Heavy(compression, lambda: iter([packed] * 48), known=ZEROS)


def ordinary(seed: int, mebibytes: int) -> Heavy:
    """Return data of which half can be compressed."""

    def made() -> Iterator[bytes]:
        for number in range(mebibytes):
            yield random.Random(seed * 10_000 + number).randbytes(MIB // 2) * 2

    return Heavy("none", made, made)


def wide(mebibytes: int) -> Heavy:
    """Return zstd whose window is as wide as we take: 128 MiB."""
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
    for piece in ordinary(1, mebibytes).tar():
        kept.write(packer.compress(piece))
    kept.write(packer.flush())
    kept.flush()

    def made() -> Iterator[bytes]:
        offset = 0
        while piece := os.pread(kept.fileno(), MIB, offset):
            offset += len(piece)
            yield piece

    return Heavy("zstd", made, ordinary(1, mebibytes).tar)


KINDS: Mapping[str, Callable[[], list[Heavy]]] = {
    "gzip-zeros": lambda: [zeros("gzip")],
    "zstd-zeros": lambda: [zeros("zstd")],
    "wide-window": lambda: [wide(160)],
    "large": lambda: [ordinary(number, 80) for number in range(4)],
    "parity": lambda: [ordinary(number, 80) for number in range(3)],
}


class HeavyBlob:
    """A layer on its way, a piece at a time."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        self._rest = self._rest or next(self._pieces, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        pass


class HeavySource:
    """One image of heavy layers."""

    origin = "registry"

    def __init__(self, layers: list[Heavy]) -> None:
        descriptors = [layer.descriptor() for layer in layers]
        digests = [str(one["digest"]) for one in descriptors]
        self._layers = dict(zip(digests, layers, strict=True))
        diff_ids = [layer.diff_id(one) for one, layer in self._layers.items()]
        rootfs = {"type": "layers", "diff_ids": diff_ids}
        config = {"os": "linux", "architecture": "amd64", "rootfs": rootfs}
        self._config = Blob(json.dumps(config).encode(), CONFIG["oci"])
        manifest = {
            "schemaVersion": 2,
            "config": self._config.descriptor(),
            "layers": descriptors,
        }
        self._manifest = Blob(json.dumps(manifest).encode(), MANIFEST["oci"])

    def resolve(self, reference: Reference) -> Document:
        if reference.repository != "heavy":
            raise AppManifestError("image-not-found", f"there is no {reference}")
        return Document(self._manifest.data, self._manifest.media_type)

    def document(self, reference: Reference, descriptor: Descriptor) -> Document:  # noqa: ARG002
        return Document(self._config.data, descriptor.media_type)

    def open_blob(
        self,
        reference: Reference,  # noqa: ARG002
        descriptor: Descriptor,
        offset: int = 0,  # noqa: ARG002
    ) -> HeavyBlob:
        return HeavyBlob(self._layers[str(descriptor.digest)].stored())


def peak() -> int:
    """Return the most memory that this process had, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith("VmHWM"))
    return int(found.split()[1]) * 1024


def main(folder: str, key: str, kind: str, cores: str) -> None:
    source = HeavySource(KINDS[kind]())
    place = Workplace(Path(folder), Path(key))
    place.write_app("registry.test/heavy:1")
    Path("/proc/self/clear_refs").write_text("5")  # forget what making the source took
    with (
        patch.object(Sources, "_registry", lambda _: source),
        patch.object(os, "cpu_count", return_value=int(cores)),
    ):
        report = place.build("out", parity=10 if kind == "parity" else 0)
    print(json.dumps({"peak": peak(), "size": report.size}))


if __name__ == "__main__":
    main(*sys.argv[1:])
