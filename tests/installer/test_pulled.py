"""Two hundred installs from drives that fail at a random moment, or onto a disk that fills up.

Whatever happens, names point to what they did before, no damaged byte is kept, the drive stays as
it is, and the same command completes it.
"""

from __future__ import annotations

import errno
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from installer.engines.choose import open_engine
from installer.events import Event, Outcome
from installer.plan import plan
from installer.run import run
from manifests.digest import Digest
from manifests.errors import MoonliftError
from tests.installer.conftest import Host
from tests.installer.test_run import assert_lawful
from tests.support.badmedium import Fault, FaultyMedium, opened_with
from tests.support.bundles import Bundle, Facts, small_chunks
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import files_of

COUNT = 200
CHUNK = 16 * 1024
SHARED = LayerSpec.random(1, 50_000)
IMAGES = {
    f"docker.io/acme/i{n}:1": ImageSpec((SHARED, LayerSpec.random(10 + n, 30_000 * n + 500)))
    for n in range(2)
}
OPENED = "tests.installer.conftest"


@dataclass(frozen=True)
class Moment:
    """When something happens, and the kind of it.

    Attributes:
        kind: of trouble.
        at: which reading or writing, from the plan on.
        name: of a file.
        offset: in it.
    """

    kind: str
    at: int
    name: str
    offset: int


CODES = {
    "pulled out": {"medium-gone"},
    "every call an I/O error": {"medium-gone"},
    "one I/O error": set[str](),
    "a bad sector": {"bundle-damaged"},
    "the disk is full": {"layout-io"},
}
"""What each kind of trouble ends a run with, where it is of consequence."""


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    with small_chunks(CHUNK), patch.object(os, "fsync", lambda _: None):
        yield


@pytest.fixture
def bundle(host: Host) -> Bundle:
    return host.bundle(IMAGES, Facts(files={"compose.yaml": b"services: {}\n"}))


def upset(medium: FaultyMedium, moment: Moment) -> None:
    """Let the drive fail from a moment on."""
    if moment.kind in ("pulled out", "every call an I/O error"):
        medium.gone_after = medium.reads + moment.at
        medium.gone_with = errno.ENODEV if moment.kind == "pulled out" else errno.EIO
    elif moment.kind == "one I/O error":
        medium.faults.append(Fault(moment.name, moment.offset, 1, errno.EIO, times=1))
    elif moment.kind == "a bad sector":
        start = moment.offset // 512 * 512
        medium.faults.append(Fault(moment.name, start, 512, errno.EIO))


@contextmanager
def full(store: Path, moment: Moment) -> Iterator[None]:
    """Let the disk that the images go to be full from a moment on."""
    left = moment.at

    def write(real: Callable[..., int]) -> Callable[..., int]:
        def call(descriptor: int, *data: Any) -> int:
            nonlocal left
            if Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(store):
                left -= 1
                if left < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(descriptor, *data)

        return call

    with ExitStack() as stack:
        if moment.kind == "the disk is full":
            stack.enter_context(patch.object(os, "write", write(os.write)))
        yield


def installed(host: Host, path: Path, store: Path, moment: Moment | None) -> tuple[Outcome, str]:
    """Install into a layout; return how it ended, and the code of the failure."""
    events: list[Event] = []
    with opened_with(OPENED) as media:
        try:
            engine = open_engine(f"layout:{store}")
            made = plan(host.verify(path), engine, host.ledger, one_pass=False)
            (medium,) = media
            with full(store, moment or Moment("", 0, "", 0)):
                if moment is not None:
                    upset(medium, moment)
                events += run(made, threading.Event())
        except MoonliftError as error:
            return Outcome.FAILED, error.code
        finally:
            host.closing.close()
    record = assert_lawful(events)
    return record.outcome, record.failure.code if record.failure else ""


def nothing_is_wrong_in(store: Path) -> None:
    """Every blob that the target keeps is what its name says; what is under way has another."""
    for blob in (store / "blobs/sha256").glob("[!.]*"):
        assert Digest.of(blob.read_bytes()).hex == blob.name


def moments(bundle: Bundle) -> Iterator[Moment]:
    chance = random.Random(5)
    sizes = bundle.release.sizes()
    names = [one.name for image in bundle.release.images for one in image.layers]
    names += [one.name for one in bundle.release.files]
    for number in range(COUNT):
        name = chance.choice(names)
        kind = list(CODES)[number % len(CODES)]
        yield Moment(kind, chance.randint(0, 30), name, chance.randrange(sizes[name]))


def test_two_hundred_moments(host: Host, bundle: Bundle) -> None:
    before = {name: (bundle.path / name).read_bytes() for name in files_of(bundle.path)}
    told: dict[str, set[str]] = {kind: set() for kind in CODES}
    store = host.root / "store-0"
    for number, moment in enumerate(moments(bundle)):
        outcome, code = installed(host, bundle.path, store, moment)
        told[moment.kind].add(code)
        assert (outcome is Outcome.FAILED) == bool(code), moment
        nothing_is_wrong_in(store)
        if outcome is Outcome.FAILED:
            assert not (store / "index.json").exists(), moment
            assert host.ledger.app("viz") is None
            if number % 3:
                continue
            assert installed(host, bundle.path, store, None) == (Outcome.DONE, ""), moment
            nothing_is_wrong_in(store)
        store = _start_over(host, number + 1)
    for kind, codes in told.items():
        assert codes - {""} == CODES[kind], kind
    assert {name: (bundle.path / name).read_bytes() for name in files_of(bundle.path)} == before


def _start_over(host: Host, number: int) -> Path:
    """Forget what was installed; return a target that is empty."""
    for path in sorted((host.root / "state").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return host.root / f"store-{number}"
