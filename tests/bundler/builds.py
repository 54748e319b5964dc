"""A folder to build bundles in, a source that misbehaves on purpose, the command line at hand."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

import pytest

from bundler import cli
from bundler.build import BuildOptions, BuildReport, build
from bundler.cache import Cache
from bundler.progress import Progress, Silent
from bundler.sign import Signer, open_signer
from bundler.sources import Document
from bundler.sources.choose import SourceOptions, Sources
from bundler.writing.place import Output
from manifests.errors import AppManifestError, SourceFailed
from manifests.oci import Descriptor
from manifests.reference import Reference
from tests.support.commandline import built_once
from tests.support.images import Blob, BuiltImage, BuiltIndex, Spec
from tests.support.publish import top_of
from tests.support.tamper import files_of

PIECE = 64 * 1024


class MemoryBlob:
    """One blob on its way out of a `MemorySource`."""

    def __init__(self, source: MemorySource, digest: str, data: bytes, offset: int) -> None:
        self._source = source
        self._digest = digest
        self._data = data
        self._offset = offset

    def read(self, size: int, /) -> bytes:
        cut = self._source.cuts.get(self._digest)
        if cut is not None and self._offset >= cut:
            del self._source.cuts[self._digest]
            raise SourceFailed("registry-unreachable", "the connection broke")
        time.sleep(self._source.pause_s)
        end = min(self._offset + min(size, PIECE), cut or len(self._data))
        piece = self._data[self._offset : end]
        self._offset = end
        return piece

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


@dataclass
class MemorySource:
    """Images in memory under their full names, served as a registry would.

    Attributes:
        images: what is there, by reference with tag.
        lies: other bytes than the digest says.
        cuts: a blob breaks off after so many bytes, once.
        pause_s: before each piece.
        opened: digest and offset of every layer that was asked for.
    """

    images: Mapping[str, BuiltImage | BuiltIndex]
    lies: dict[str, bytes] = field(default_factory=dict)
    cuts: dict[str, int] = field(default_factory=dict)
    pause_s: float = 0.0
    opened: list[tuple[str, int]] = field(default_factory=list)
    origin: str = "registry"

    def resolve(self, reference: Reference) -> Document:
        for name, image in self.images.items():
            named = Reference.parse(name)
            top = top_of(image)
            wanted = str(reference.digest) == top.digest if reference.digest else named == reference
            if wanted and named.name == reference.name:
                return Document(top.data, top.media_type)
        raise AppManifestError("image-not-found", f"there is no {reference}")

    def document(self, reference: Reference, descriptor: Descriptor) -> Document:  # noqa: ARG002
        return Document(self._bytes(descriptor), descriptor.media_type)

    def open_blob(
        self,
        reference: Reference,  # noqa: ARG002
        descriptor: Descriptor,
        offset: int = 0,
    ) -> MemoryBlob:
        self.opened.append((str(descriptor.digest), offset))
        return MemoryBlob(self, str(descriptor.digest), self._bytes(descriptor), offset)

    def _bytes(self, descriptor: Descriptor) -> bytes:
        digest = str(descriptor.digest)
        if digest in self.lies:
            return self.lies[digest]
        for image in self.images.values():
            for blob in image.blobs:
                if blob.digest == digest:
                    return blob.data
        raise SourceFailed("registry-error", f"there is no {digest}")


@dataclass(frozen=True)
class Workplace:
    """A folder with an app manifest, a key and a cache.

    Attributes:
        root: the folder.
        key: private key.
        defaults: of the options of a build.
    """

    root: Path
    key: Path
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def app(self) -> Path:
        return self.root / "app.yaml"

    @property
    def lock(self) -> Path:
        return self.root / "app.lock.json"

    @property
    def cache(self) -> Cache:
        return Cache(self.root / "cache")

    @property
    def public_key(self) -> Path:
        return self.key.with_name(f"{self.key.name}.pub")

    def write_app(self, *images: str, version: str = "1.0.0", more: str = "") -> None:
        """Write app.yaml; an image is a YAML flow value, `more` goes to its end."""
        listed = "".join(f"  - {image}\n" for image in images)
        head = f'schema: 1\nname: viz\nversion: "{version}"\nplatforms: [linux/amd64]\n'
        self.app.write_text(f"{head}images:\n{listed}{more}")

    def options(self, out: str | None = "out", **changes: Any) -> BuildOptions:
        part_size = changes.pop("part_size", None)
        options = BuildOptions(
            output=None if out is None else Output(self.root / out, part_size),
            cache=self.cache,
            sources=SourceOptions(self.root),
            signers=(self.signer(),),
        )
        return replace(options, **{**self.defaults, **changes})

    def signer(self) -> Signer:
        return open_signer(self.key)

    def build(
        self, out: str | None = "out", progress: Progress | None = None, **changes: Any
    ) -> BuildReport:
        return build(self.app, self.options(out, **changes), progress or Silent())

    def tidy(self) -> None:
        """Assert that no temporary file is left anywhere."""
        assert not [path.name for path in self.root.iterdir() if path.name.startswith(".")]
        if self.cache.root.exists():
            assert not files_of(self.cache.root / "tmp")


@contextmanager
def served_by(source: MemorySource) -> Iterator[MemorySource]:
    """Let `source` stand for every registry; there is no local engine."""
    with (
        patch.object(Sources, "_registry", lambda _: source),
        patch.object(Sources, "_docker", side_effect=SourceFailed("engine-unreachable", "none")),
    ):
        yield source


def memory(**specs: Spec) -> MemorySource:
    """Return a source with `registry.test/NAME:1` for each spec."""
    return MemorySource({f"registry.test/{name}:1": spec.build() for name, spec in specs.items()})


def content_of(folder: Path) -> dict[str, bytes]:
    """Return every file of a bundle directory."""
    return {name: (folder / name).read_bytes() for name in files_of(folder)}


def layer_blobs(source: MemorySource) -> list[Blob]:
    """Return every distinct layer of a source."""
    every = [image for built in source.images.values() for image in _members(built)]
    return list({blob.digest: blob for image in every for blob in image.layers}.values())


def _members(built: BuiltImage | BuiltIndex) -> tuple[BuiltImage, ...]:
    return built.images + built.attestations if isinstance(built, BuiltIndex) else (built,)


class _Ended(BaseException):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _end(code: int) -> None:
    raise _Ended(code)


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str


Cli = Callable[..., Said]


def command_line(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Return a function that runs `bundle ARGUMENTS` in this process."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        before = signal.getsignal(signal.SIGTERM)
        try:
            with (
                patch.object(sys, "argv", ["bundle", *map(str, arguments)]),
                patch.object(os, "_exit", _end),
                built_once(),
                pytest.raises(_Ended) as ended,
            ):
                cli.main()
        finally:
            signal.signal(signal.SIGTERM, before)
        captured = capsys.readouterr()
        return Said(int(ended.value.code), captured.out, captured.err)

    return run
