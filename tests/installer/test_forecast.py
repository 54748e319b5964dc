"""The drive's speed and the time that follows from it."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest

from installer.planning import drivespeed
from installer.planning.drivespeed import measure_drive
from installer.planning.forecast import Amounts, Basis, Speeds, forecast
from manifests.bundle.medium import Medium, open_medium
from manifests.release import LayerRecord
from tests.installer.conftest import NAMES, Host, piped
from tests.support.bundles import Bundle
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec

MIB = 1024 * 1024
GIB = 1024 * MIB
THREE = Amounts(checked=3 * GIB, read=3 * GIB, unpacked=9 * GIB)


@pytest.fixture
def bundle(host: Host) -> Bundle:
    return host.bundle({NAMES[0]: ImageSpec((LayerSpec.random(1, 6_000_000),))})


def layers(bundle: Bundle) -> list[LayerRecord]:
    return [layer for image in bundle.release.images for layer in image.layers]


def test_what_was_checked_and_fits_into_memory_is_not_read_from_the_drive_again() -> None:
    found = forecast(THREE, Speeds(drive=100 * MIB, engine=None, memory=8 * GIB))
    assert (found.check_seconds, found.load_seconds) == (30.72, 0.0)
    assert found.basis is Basis.DRIVE


def test_what_does_not_fit_is_read_twice() -> None:
    found = forecast(THREE, Speeds(drive=100 * MIB, engine=None, memory=4 * GIB))
    assert found.seconds == 2 * 30.72


def test_the_slower_of_drive_and_engine_counts() -> None:
    speeds = Speeds(drive=100 * MIB, engine=50 * MIB, memory=0)
    found = forecast(Amounts(0, 3 * GIB, 9 * GIB), speeds)
    assert (found.check_seconds, found.load_seconds) == (0.0, 184.32)
    assert found.basis is Basis.DRIVE_AND_ENGINE


def test_a_pipe_is_judged_by_the_engine_alone_and_by_nothing_without_one() -> None:
    amounts = Amounts(0, GIB, GIB)
    assert forecast(amounts, Speeds(None, 512 * MIB, 0)).seconds == 2
    unknown = forecast(amounts, Speeds(None, None, 0))
    assert (unknown.seconds, unknown.basis) == (None, Basis.NOTHING)


@pytest.mark.parametrize("form", ["folder", "tar", "parts"])
def test_a_sample_is_read_and_bounded(bundle: Bundle, tmp_path: Path, form: str) -> None:
    path = {
        "folder": lambda: bundle.path,
        "tar": lambda: bundle.write_tar(tmp_path / "b.tar"),
        "parts": lambda: bundle.write_parts(tmp_path / "b.tar", 2_000_000),
    }[form]()
    medium = open_medium(path)
    try:
        sample = measure_drive(medium, layers(bundle), budget=3 * MIB)
    finally:
        medium.close()
    assert sample is not None
    assert MIB <= sample.size <= 3 * MIB
    assert sample.rate > 0


def test_a_sample_ends_after_its_time(bundle: Bundle) -> None:
    medium = open_medium(bundle.path)
    with patch.object(drivespeed, "SAMPLE_SECONDS", 0.0):
        assert measure_drive(medium, layers(bundle)) is None
    medium.close()


def test_a_pipe_and_small_bundles_are_not_asked(host: Host, bundle: Bundle) -> None:
    with piped(bundle.tar(), host.root / "pipe") as path:
        medium = open_medium(path)
        assert measure_drive(medium, layers(bundle)) is None
        medium.close()
    assert measure_drive(open_medium(bundle.path), []) is None


def test_a_drive_that_fails_is_no_failure_of_the_plan(bundle: Bundle) -> None:
    medium = open_medium(bundle.path)
    found = layers(bundle)
    (bundle.path / found[0].name).unlink()
    assert measure_drive(medium, found) is None
    medium.close()


def test_forgetting_touches_no_byte(bundle: Bundle, tmp_path: Path) -> None:
    name = layers(bundle)[0].name
    media: list[Medium] = [
        open_medium(bundle.path),
        open_medium(bundle.write_tar(tmp_path / "b.tar")),
    ]
    for medium in media:
        medium.forget(name)
        with medium.open(name) as stream:
            assert stream.read(16) == bundle.files[name][:16]
        medium.close()
