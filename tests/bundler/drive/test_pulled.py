"""Two hundred drives that are pulled out, fill up, are write-protected or fail at a random moment.

A finished release is never harmed, an unfinished one is no bundle, and the next run completes it.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from bundler.drive import readback
from bundler.drive.faults import told
from manifests.errors import MoonliftError
from tests.bundler.drive.conftest import Stick, names_in
from tests.bundler.drive.test_put import identity
from tests.support.badmedium import impatient
from tests.support.bundles import Bundle, Facts, SigningKey, make_bundle, small_chunks
from tests.support.faultydrive import FaultyDrive, Trouble
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import files_of

COUNT = 200
CHUNK = 16 * 1024
PIECE = 2 * CHUNK
SHARED = LayerSpec.random(1, 50_000)
CODES = {
    Trouble.PULLED: {"drive-failed"},
    Trouble.DEAD: {"drive-failed"},
    Trouble.ONE_ERROR: {"drive-failed"},
    Trouble.FULL: {"drive-full"},
    Trouble.READ_ONLY: {"drive-read-only"},
}


@pytest.fixture(autouse=True)
def _small() -> Iterator[None]:
    with impatient(), small_chunks(CHUNK), patch.object(readback, "BUFFER", 4 * CHUNK):
        yield


def small_release(folder: Path, key: SigningKey, number: int) -> Bundle:
    """Make a release with a layer of its own, in pieces, beside the one that all share."""
    images = {
        f"docker.io/acme/viz:{number}": ImageSpec((SHARED, LayerSpec.random(10 + number, 60_000)))
    }
    facts = Facts(version=f"1.{number}.0", sequence=number, files={"run.sh": b"exit"})
    return make_bundle(folder / f"viz{number}", images, key, facts=facts)


@pytest.fixture
def finished(stick: Stick, key: SigningKey, tmp_path: Path) -> Bundle:
    """A release that is on the drive and must stay as it is."""
    bundle = small_release(tmp_path, key, 1)
    stick.put(bundle.path, max_file=PIECE)
    return bundle


@pytest.fixture
def coming(key: SigningKey, tmp_path: Path) -> Bundle:
    """The release that is put beside it."""
    return small_release(tmp_path, key, 2)


def put(stick: Stick, bundle: Bundle, drive: FaultyDrive) -> str:
    """Put a bundle on a drive in trouble; return the code of the error, if one came of it."""
    try:
        with drive.armed(), told(stick.root):
            stick.put(bundle.path, max_file=PIECE)
    except MoonliftError as error:
        return error.code
    return ""


def take_off(stick: Stick, kept: Bundle) -> None:
    """Take the second release off the drive, and what only it has in the pool."""
    shutil.rmtree(stick.root / "viz-1.2.0", ignore_errors=True)
    pool = {blob.digest.hex for blob in kept.release.blobs()}
    for name in names_in(stick.pool):
        if name[:64] not in pool:
            (stick.pool / name).unlink()


def calls(stick: Stick, bundle: Bundle, trouble: Trouble) -> int:
    counting = FaultyDrive(stick.root, trouble)
    assert put(stick, bundle, counting) == ""
    return counting.seen


def test_two_hundred_moments(stick: Stick, finished: Bundle, coming: Bundle) -> None:
    chance, most, told_with = random.Random(7), {}, {one: set[str]() for one in Trouble}
    for trouble in Trouble:
        most[trouble] = calls(stick, coming, trouble)
        take_off(stick, finished)
    for number in range(COUNT):
        trouble = list(Trouble)[number % len(Trouble)]
        at = chance.randint(1, most[trouble])
        told_with[trouble].add(put(stick, coming, FaultyDrive(stick.root, trouble, at)))
        assert stick.check("viz-1.1.0") == identity(finished), (trouble, at)
        if (stick.root / "viz-1.2.0/SHA256SUMS.1.sig").exists():
            assert stick.check("viz-1.2.0") == identity(coming), (trouble, at)
        if number % 3 == 0:
            assert put(stick, coming, FaultyDrive(stick.root)) == "", (trouble, at)
            assert stick.check("viz-1.2.0") == identity(coming)
            assert not [one for one in files_of(stick.root) if one.endswith(".partial")]
            take_off(stick, finished)
    assert put(stick, coming, FaultyDrive(stick.root)) == ""
    assert stick.check("viz-1.2.0") == identity(coming)
    for trouble, codes in told_with.items():
        assert codes - {""} == CODES[trouble], trouble


@pytest.mark.parametrize("trouble", [Trouble.PULLED, Trouble.DEAD, Trouble.READ_ONLY])
def test_a_finished_release_survives_its_own_copying(
    stick: Stick, finished: Bundle, trouble: Trouble
) -> None:
    """The same command on what is complete only reads, so nothing can come of it."""
    most = calls(stick, finished, trouble)
    for at in random.Random(8).sample(range(1, most + 1), min(most, 8)):
        put(stick, finished, FaultyDrive(stick.root, trouble, at))
        assert stick.check("viz-1.1.0") == identity(finished), at
