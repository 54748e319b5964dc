"""A drive whose end the kernel can't read: real I/O errors, found, named and gone past."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer.events import ImageLoaded, Outcome
from manifests.errors import ExitCode
from manifests.release import CHUNK_SIZE
from tests.installer.conftest import NAMES, Host
from tests.installer.test_cli import call, document
from tests.installer.test_run import assert_lawful
from tests.support.badmedium import impatient
from tests.support.bundles import Bundle
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.media import LosingDrive, losing_its_end
from tests.support.tamper import flip

pytestmark = pytest.mark.engine

SMALL = ImageSpec((LayerSpec.random(1, 100_000),))
LARGE = ImageSpec((LayerSpec.random(2, 2 * CHUNK_SIZE + 100_000).stored_as("none"),))
STEP = 256 * 1024


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[LosingDrive]:
    with losing_its_end(tmp_path / "drive", 48) as made, impatient():
        yield made


def copied(bundle: Bundle, drive: LosingDrive) -> Path:
    """Put a bundle on the drive, its large layer last; fill up what is free before it."""
    target, large = drive.root / "viz", large_of(bundle)
    shutil.copytree(bundle.path, target, ignore=lambda *_: [Path(large).name])
    os.sync()
    status = os.statvfs(drive.root)
    filler = status.f_bavail * status.f_frsize - bundle.release.sizes()[large] - 512 * 1024
    (drive.root / "filler").write_bytes(os.urandom(filler))
    os.sync()
    shutil.copy(bundle.path / large, target / large)
    os.sync()
    return target


def large_of(bundle: Bundle) -> str:
    return bundle.release.images[1].layers[0].name


def unreadable(path: Path) -> list[int]:
    """Return the offsets of the chunks of a file that the kernel gives an error for."""
    bad: list[int] = []
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        for offset in range(0, path.stat().st_size, CHUNK_SIZE):
            try:
                for at in range(offset, offset + CHUNK_SIZE, STEP):
                    os.pread(descriptor, STEP, at)
            except OSError:
                bad.append(offset)
    finally:
        os.close(descriptor)
    return bad


def lose_some(drive: LosingDrive, path: Path, good: int) -> list[int]:
    """Lose more and more of the drive until some chunks of a file are gone and `good` are left."""
    chunks = -(-path.stat().st_size // CHUNK_SIZE)
    for _ in range(100):
        drive.lose(STEP)
        if chunks - len(bad := unreadable(path)) <= good:
            return bad
    pytest.fail("the file is not at the end of the drive")


def test_real_errors_are_named_and_the_rest_is_loaded(drive: LosingDrive, host: Host) -> None:
    bundle = host.bundle({NAMES[0]: SMALL, NAMES[1]: LARGE})
    path, store = copied(bundle, drive), f"layout:{host.root / 'store'}"
    bad = lose_some(drive, path / large_of(bundle), good=1)
    assert bad
    result = call(host, "verify", path, "--json")
    found = document(result)
    assert result.exit_code == ExitCode.BUNDLE_REFUSED
    places = [(one["file"], one["offset"], one["code"]) for one in found["damaged"]]
    assert places == [(large_of(bundle), offset, "medium-unreadable") for offset in bad]
    assert {one["found"] for one in found["damaged"]} == {"Input/output error"}
    assert {tuple(one["images"]) for one in found["damaged"]} == {(NAMES[1],)}
    events = host.events(path, store)
    record = assert_lawful(events)
    assert record.failure is not None
    assert record.failure.code == "bundle-damaged"
    assert [one.name for one in events if isinstance(one, ImageLoaded)] == [NAMES[0]]
    drive.give_back()
    again = host.events(path, store)
    assert assert_lawful(again).outcome is Outcome.DONE
    assert [one.name for one in again if isinstance(one, ImageLoaded)] == [NAMES[1]]


def test_what_the_system_remembers_wrongly_is_read_from_the_drive_itself(
    drive: LosingDrive, host: Host
) -> None:
    bundle = host.bundle({NAMES[0]: SMALL})
    path, name = drive.root / "viz", bundle.release.images[0].layers[0].name
    shutil.copytree(bundle.path, path)
    good = (path / name).read_bytes()
    flip(path / name, 5000)
    os.sync()
    bad = (path / name).read_bytes()
    assert good != bad
    drive.change(bad[4990:5030], good[4990:5030])
    assert (path / name).read_bytes() == bad, "the system has it in memory"
    found = document(call(host, "verify", path, "--json"))
    assert (found["verified"], found["read_again"]) == (True, [name])
    assert (path / name).read_bytes() == good
