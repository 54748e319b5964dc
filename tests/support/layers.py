"""Layers made in memory: named files in, one deterministic compressed tar out."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import zstandard

Compression = Literal["gzip", "zstd", "none"]

_WORDS = 2048
_LARGE = 1_000_000


def digest_of(data: bytes) -> str:
    """Return `sha256:<hex>`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def noise(seed: int, size: int) -> bytes:
    """Return `size` bytes that no compressor can shrink."""
    return random.Random(seed).randbytes(size)


def prose(seed: int, size: int) -> bytes:
    """Return `size` bytes that shrink as text does, to about a third."""
    source = random.Random(seed)
    words = [source.randbytes(source.randint(1, 5)).hex().encode() for _ in range(_WORDS)]
    made = b" ".join(source.choices(words, k=size // 7 + 16))
    while len(made) < size:
        made += made
    return made[:size]


@dataclass(frozen=True)
class File:
    """One entry of a layer.

    Attributes:
        data: the content of a regular file.
        mode: permission bits.
        link: the target, when the entry is a symbolic link.
        folder: the entry is a folder.
    """

    data: bytes = b""
    mode: int = 0o644
    link: str = ""
    folder: bool = False

    def header(self, name: str) -> tarfile.TarInfo:
        """Return the tar header of this entry, with root as owner and time 0."""
        info = tarfile.TarInfo(name)
        info.mode = self.mode
        if self.folder:
            info.type, info.mode = tarfile.DIRTYPE, self.mode | 0o111
        elif self.link:
            info.type, info.linkname = tarfile.SYMTYPE, self.link
        else:
            info.size = len(self.data)
        return info


class MadeWhenRead(Mapping[str, bytes]):
    """One file whose bytes are made each time that they are asked for: none are kept."""

    def __init__(self, name: str, make: Callable[[], bytes]) -> None:
        self._name = name
        self._make = make

    def __getitem__(self, name: str) -> bytes:
        if name != self._name:
            raise KeyError(name)
        return self._make()

    def __iter__(self) -> Iterator[str]:
        return iter((self._name,))

    def __len__(self) -> int:
        return 1


@dataclass(frozen=True)
class LayerSpec:
    """What a layer holds and how it is stored.

    Attributes:
        files: entries by path; plain bytes stand for a regular file of mode 0644. A path
            `dir/.wh.name` is a whiteout.
        compression: as in the media type.
        level: the compressor's.
    """

    files: Mapping[str, bytes | File] = field(default_factory=dict)
    compression: Compression = "gzip"
    level: int = 6

    @classmethod
    def random(cls, seed: int, size: int, *, compressible: bool = False) -> LayerSpec:
        """Return a layer with one file of `size` bytes; same seed, same bytes."""
        made = prose if compressible else noise
        level = 6 if compressible or size < _LARGE else 0  # noise is kept as it is all the same
        return cls(MadeWhenRead(f"data/{seed}.bin", lambda: made(seed, size)), level=level)

    def stored_as(self, compression: Compression, level: int = 6) -> LayerSpec:
        """Return the same content under another compression: same diff ID, other digest."""
        return replace(self, compression=compression, level=level)

    def tar(self) -> bytes:
        """Return the uncompressed layer, whose digest is the diff ID."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, entry in self.files.items():
                file = entry if isinstance(entry, File) else File(entry)
                archive.addfile(file.header(name), io.BytesIO(file.data))
        return out.getvalue()

    def compressed(self, tar: bytes) -> bytes:
        """Return `tar` as it is stored."""
        match self.compression:
            case "gzip":
                packer = zlib.compressobj(self.level, zlib.DEFLATED, 31)
                return packer.compress(tar) + packer.flush()
            case "zstd":
                return zstandard.ZstdCompressor(level=self.level).compress(tar)
            case "none":
                return tar


def busybox_layer() -> LayerSpec:
    """Return a layer with the machine's static busybox, its shell and an empty /tmp.

    Raises:
        FileNotFoundError: the package busybox-static is not installed.
    """
    program = File(Path("/bin/busybox").read_bytes(), 0o755)
    names = ("sh", "cat", "echo", "httpd", "ls", "nc", "sha256sum", "sleep", "true", "wget")
    folders = {f"{name}/": File(folder=True, mode=0o755) for name in ("bin", "etc", "proc", "sys")}
    links = {f"bin/{name}": File(link="/bin/busybox", mode=0o777) for name in names}
    temporary = {"tmp/": File(folder=True, mode=0o1777)}
    return LayerSpec({**folders, "bin/busybox": program, **links, **temporary})
