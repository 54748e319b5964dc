"""Drives that are pulled out, full, write-protected or failing at any moment: a re-run completes.

Here a few dozen moments are tried. `MOONLIFT_DRIVE_FAULTS=200` tries as many of each kind.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
from pathlib import Path

import pytest

from manifests.errors import MoonliftError
from tests.bundler.drive.conftest import BASE, CHUNK, Stick
from tests.bundler.drive.test_put import identity
from tests.support.bundles import Bundle, Facts, SigningKey, make_bundle
from tests.support.faults import KILLED, Faults, count_calls, die_at, fail_with
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import files_of

COUNT = int(os.environ.get("MOONLIFT_DRIVE_FAULTS", "16"))
CALLS = (
    "open",
    "write",
    "fsync",
    "rename",
    "unlink",
    "mkdir",
    "close",
    "fstat",
    "preadv",
    "scandir",
)
CODES = {
    errno.ENOSPC: "drive-full",
    errno.EROFS: "drive-read-only",
    errno.EIO: "drive-failed",
    errno.ENODEV: "drive-failed",
}
OF_THE_SOURCE = {"bundle-not-found", "entry-not-regular", "file-missing", "medium-unreadable"}

Made = dict[int, Bundle]


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Bundle:
    """A release with a layer of its own that has to go in pieces."""
    images = {"docker.io/acme/viz:2": ImageSpec((BASE, LayerSpec.random(9, CHUNK + 100_000)))}
    facts = Facts(version="1.2.0", sequence=2, files={"run.sh": b"exit"})
    return make_bundle(tmp_path_factory.mktemp("second") / "viz", images, key, facts=facts)


@pytest.fixture
def begun(stick: Stick, made: Made) -> Stick:
    """A drive with a finished release, on which another will be put in pieces."""
    stick.put(made[1].path, max_file=CHUNK)
    return stick


def start_over(stick: Stick, made: Made) -> None:
    """Take the second release off the drive, and what only it has in the pool."""
    shutil.rmtree(stick.root / "viz-1.2.0", ignore_errors=True)
    kept = {blob.digest.hex for blob in made[1].release.blobs()}
    for path in list(stick.pool.iterdir()):
        if path.name[:64] not in kept:
            path.unlink()


def moments(most: int, seed: int) -> list[int]:
    """Return random moments, the last ones with care: there a release becomes a bundle."""
    chance = random.Random(seed)
    return [chance.randint(1, most) for _ in range(COUNT - 4)] + list(range(most - 60, most, 15))


def never_half(stick: Stick, made: Made, second: Bundle) -> None:
    """The finished release is as it was; the other is whole, or no bundle."""
    assert stick.check("viz-1.1.0") == identity(made[1])
    if (stick.root / "viz-1.2.0/SHA256SUMS.1.sig").exists():
        assert stick.check("viz-1.2.0") == identity(second)


def test_a_run_that_dies_at_any_moment_is_completed_by_the_next(
    begun: Stick, made: Made, second: Bundle
) -> None:
    most = count_calls(lambda: begun.put(second.path, max_file=CHUNK))
    start_over(begun, made)
    died = 0
    for number, at in enumerate(moments(most, 1)):
        status = die_at(at, lambda: begun.put(second.path, max_file=CHUNK))
        assert status in (0, KILLED)
        died += status == KILLED
        never_half(begun, made, second)
        if number % 2:
            begun.put(second.path, max_file=CHUNK)
            assert begun.check("viz-1.2.0") == identity(second)
            assert not [
                name for name in files_of(begun.root) if "viz-1.2.0/" in name and ".partial" in name
            ]
            start_over(begun, made)
    assert died > COUNT // 2
    begun.put(second.path, max_file=CHUNK)
    assert begun.check("viz-1.2.0") == identity(second)


@pytest.mark.parametrize("number", sorted(CODES))
def test_a_drive_that_fails_at_any_moment(
    begun: Stick, made: Made, second: Bundle, number: int
) -> None:
    counted = Faults(0, fail_with())
    with counted.armed(CALLS):
        begun.put(second.path, max_file=CHUNK)
    start_over(begun, made)
    told = set()
    for at in moments(counted.seen, number)[: max(4, COUNT // 4)]:
        told |= failed_at(begun, second.path, at, number)
        never_half(begun, made, second)
    assert told <= {CODES[number], *OF_THE_SOURCE}
    begun.put(second.path, max_file=CHUNK)
    assert begun.check("viz-1.2.0") == identity(second)


def failed_at(stick: Stick, source: Path, at: int, number: int) -> set[str]:
    """Fail one call; return the code that this was told with, if it was of consequence."""
    try:
        with Faults(at, fail_with(number)).armed(CALLS):
            stick.put(source, max_file=CHUNK)
    except MoonliftError as error:
        return {error.code}
    except OSError:  # of the source or of the plan: the command line tells it
        return set()
    return set()
