"""Ten thousand random faults, of one byte and of one sector: each is found and named, none passes.

Each is judged by the file that it is in, since every file is judged by itself: layers and carried
files chunk by chunk, documents by all the steps that come before a layer is read. Some are judged
by the whole command and by what it left in a real target. Chunks are of 4 KiB here, in a bundle
that was made and signed so: the code is the same, the bytes are fewer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import pytest

from installer.running.source import BundleSource
from manifests.bundle import chunks
from manifests.bundle.chunks import chunked_file, verified_chunks
from manifests.digest import Digest
from manifests.errors import BundleRefused, ExitCode, MoonliftError
from manifests.release import LayerRecord
from manifests.seals.listing import Judge, trusted_signers
from manifests.seals.seal import SealedRelease, open_sealed
from tests.installer.conftest import NOW, Host
from tests.installer.test_cli import call, document
from tests.support.badmedium import MemoryMedium, impatient
from tests.support.bundles import Bundle, Facts, small_chunks
from tests.support.contents import check_contents
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import copy_of

CHUNK = 4096
SECTOR = 512
COUNT = 10_000
THREADED = 10
"""Of so many faults one is read by a thread of its own, as all are outside of tests."""
WHOLE = 12
"""Faults that the whole command has to find."""
DOCUMENTS = 0.05
"""Of all faults: each of these takes as long as twenty others."""
SHARED = LayerSpec.random(1, 20_000)
IMAGES = {
    f"docker.io/acme/i{n}:1": ImageSpec((SHARED, LayerSpec.random(10 + n, 4_000 * n + 500)))
    for n in range(4)
}


@dataclass(frozen=True)
class Spoiled:
    """A fault.

    Attributes:
        name: of the file.
        offset: of its first byte.
        data: the bytes that lie there instead.
    """

    name: str
    offset: int
    data: bytes


@pytest.fixture(autouse=True)
def _small_chunks() -> Iterator[None]:
    with impatient(), small_chunks(CHUNK):
        yield


@pytest.fixture
def bundle(host: Host) -> Bundle:
    return host.bundle(IMAGES, Facts(files={"compose.yaml": b"services: {}\n" * 800, "one": b"1"}))


def faults_of(bundle: Bundle, count: int, seed: int) -> Iterator[Spoiled]:
    """Yield faults, spread over the bundle's bytes; every other one is a sector."""
    chance = random.Random(seed)
    names, content = list(bundle.files), content_of(bundle)
    weights = [_weight(bundle, content, name) for name in names]
    for number, name in enumerate(chance.choices(names, weights, k=count)):
        data = bundle.files[name]
        at = chance.randrange(len(data))
        if number % 2:
            yield Spoiled(name, at, bytes([data[at] ^ chance.randint(1, 255)]))
            continue
        start = at // SECTOR * SECTOR
        old = data[start : start + SECTOR]
        yield Spoiled(name, start, chance.choice([_noise(chance, old), bytes(len(old))]))


def content_of(bundle: Bundle) -> frozenset[str]:
    """Return the names of layers and carried files."""
    layers = {one.name for image in bundle.release.images for one in image.layers}
    return frozenset(layers | {one.name for one in bundle.release.files})


def _weight(bundle: Bundle, content: frozenset[str], name: str) -> float:
    every = sum(
        len(data) for other, data in bundle.files.items() if (other in content) == (name in content)
    )
    share = 1 - DOCUMENTS if name in content else DOCUMENTS
    return len(bundle.files[name]) / every * share


def _noise(chance: random.Random, old: bytes) -> bytes:
    return bytes(one ^ two for one, two in zip(old, chance.randbytes(len(old)), strict=True))


def _judge(host: Host) -> Judge:
    trusted = host.trust.load()
    return trusted_signers(trusted.signers, trusted.threshold, NOW)


def test_ten_thousand_faults_are_found_and_named_and_none_passes(
    host: Host, bundle: Bundle
) -> None:
    medium, judge = MemoryMedium(bundle.files), _judge(host)
    sealed = open_sealed(medium, judge)
    sizes = sealed.release.sizes()
    content = content_of(bundle)
    seen = {True: 0, False: 0}
    for number, fault in enumerate(faults_of(bundle, COUNT, 1)):
        file = medium.files[fault.name]
        good = bytes(file)
        end = fault.offset + len(fault.data)
        file[fault.offset : end] = fault.data
        if file != good:
            seen[fault.name in content] += 1
            if fault.name in content:
                with nullcontext() if number % THREADED == 0 else without_threads():
                    found_in_its_chunk(medium, sealed, fault, sizes[fault.name])
            else:
                with pytest.raises(MoonliftError) as caught:
                    open_sealed(medium, judge)
                assert caught.value.exit_code is ExitCode.BUNDLE_REFUSED
        file[:] = good
    assert sum(seen.values()) > COUNT * 0.99
    assert seen[False] > COUNT // 50
    check_contents(open_sealed(medium, judge), lambda _: None)


class AtOnce:
    """Does what a thread would do later, when it is asked."""

    def __init__(self, *_: object) -> None:
        """A thread would be started here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """A thread would be awaited here."""

    def submit(self, work: Callable[..., memoryview], *arguments: Any) -> Future[memoryview]:
        future: Future[memoryview] = Future()
        try:
            future.set_result(work(*arguments))
        except BundleRefused as error:
            future.set_exception(error)
        return future


@contextmanager
def without_threads() -> Iterator[None]:
    """Read chunks in this thread: to start one for each of so many takes most of the time."""
    with patch.object(chunks, "ThreadPoolExecutor", AtOnce):
        yield


def found_in_its_chunk(
    medium: MemoryMedium, sealed: SealedRelease, fault: Spoiled, size: int
) -> None:
    """Read a file as for an engine: what comes before the damaged chunk passes, and no more."""
    file = chunked_file(sealed.release, fault.name, size, sealed.sums.files[fault.name])
    number = fault.offset // CHUNK
    got, facts = 0, {}
    try:
        for chunk in verified_chunks(medium, file):
            got += len(chunk)
    except BundleRefused as error:
        facts = {"code": error.code, **error.context}
    assert got == number * CHUNK, fault
    assert (facts["code"], facts["file"]) == ("chunk-damaged", fault.name)
    assert (facts["chunk"], facts["offset"]) == (number, number * CHUNK)


def test_no_byte_of_a_damaged_chunk_is_unpacked_for_an_engine(host: Host, bundle: Bundle) -> None:
    medium = MemoryMedium(bundle.files)
    sealed = open_sealed(medium, _judge(host))
    source = BundleSource(sealed, lambda _: None, lambda *_: None)
    layers = {one.name: one for image in sealed.release.images for one in image.layers}
    for fault in faults_of(bundle, 300, 2):
        layer: LayerRecord | None = layers.get(fault.name)
        if layer is None:
            continue
        good = bytes(medium.files[fault.name])
        medium.files[fault.name][fault.offset : fault.offset + len(fault.data)] = fault.data
        before = b"".join(map(bytes, _until_it_fails(source, layer)))
        medium.files[fault.name][:] = good
        whole = b"".join(map(bytes, source.unpacked(layer)))
        assert whole.startswith(before)
        assert len(before) < len(whole)


def _until_it_fails(source: BundleSource, layer: LayerRecord) -> Iterator[bytes]:
    with pytest.raises(MoonliftError):
        yield from map(bytes, source.unpacked(layer))


def test_the_whole_command_finds_them_and_its_target_stays_clean(
    host: Host, bundle: Bundle
) -> None:
    good = bundle.path
    layers = {one.name for image in bundle.release.images for one in image.layers}
    some = [one for one in faults_of(bundle, WHOLE * 2, 3) if one.data][:WHOLE]
    for number, fault in enumerate(some):
        path = copy_of(good, host.root / f"bad-{number}")
        _spoil(path / fault.name, fault)
        store = host.root / f"store-{number}"
        words = (path, "--yes", "--json", "--engine", f"layout:{store}")
        result = call(host, "install", *words)
        assert result.exit_code == ExitCode.BUNDLE_REFUSED, fault
        if fault.name in layers:
            facts = document(result)["error"]["context"]
            assert (facts["file"], facts["offset"]) == (fault.name, fault.offset // CHUNK * CHUNK)
        assert not (store / "index.json").exists()
        for blob in (store / "blobs/sha256").glob("*"):
            assert Digest.of(blob.read_bytes()).hex == blob.name
    assert len([one for one in some if one.name in layers]) > WHOLE // 2


def _spoil(path: Path, fault: Spoiled) -> None:
    data = bytearray(path.read_bytes())
    data[fault.offset : fault.offset + len(fault.data)] = fault.data
    path.write_bytes(data)
