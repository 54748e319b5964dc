"""Drives as they are carried: FAT32, exFAT and ext4, mounted for real; on, off, and installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import Result

from installer.cli import app
from manifests.errors import MoonliftError
from tests.bundler.builds import Cli
from tests.bundler.drive.conftest import CHUNK, Stick
from tests.bundler.drive.test_put import identity
from tests.support.bundles import Bundle, SigningKey
from tests.support.commandline import CliRunner
from tests.support.media import Format, mounted, remount

pytestmark = pytest.mark.engine

Made = dict[int, Bundle]
DRIVES = (Format.FAT32, Format.EXFAT, Format.EXT4)


def installer(folder: Path, *words: object) -> Result:
    env = {
        "MOONLIFT_TRUST_DIR": str(folder / "trust"),
        "MOONLIFT_STATE_DIR": str(folder / "state"),
    }
    result = CliRunner().invoke(app, list(map(str, words)), env=env)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("form", DRIVES)
def test_two_releases_go_on_come_off_and_are_installed(
    form: Format, made: Made, key: SigningKey, tmp_path: Path
) -> None:
    with mounted(form, tmp_path, 64) as drive:
        stick = Stick(drive, key)
        stick.put(made[1].path, max_file=CHUNK)
        report = stick.put(made[2].path, max_file=CHUNK)
        assert report.written < 310_000
        assert report.afresh == (form is not Format.FAT32)  # which FUSE mounts of no device here
        assert stick.check("viz-1.1.0") == identity(made[1])
        trusted = installer(
            tmp_path, "trust", "add", key.public_path, "--id", "me",
            "--fingerprint", key.public.fingerprint,
        )  # fmt: skip
        assert trusted.exit_code == 0
        found = json.loads(installer(tmp_path, "bundles", drive, "--json").stdout)["bundles"]
        assert [(one["sequence"], Path(one["path"]).name) for one in found] == [
            (2, "viz-1.2.0"),
            (1, "viz-1.1.0"),
        ]
        installer(tmp_path, "verify", drive / "viz-1.2.0")
        store = tmp_path / "store"
        installer(tmp_path, "install", drive / "viz-1.2.0", "--engine", f"layout:{store}", "--yes")
    blobs = {path.name for path in (store / "blobs/sha256").iterdir()}
    assert blobs >= {blob.digest.hex for blob in made[2].release.blobs()}


@pytest.mark.parametrize("form", DRIVES)
def test_a_drive_that_is_pulled_out_and_plugged_in_keeps_all(
    form: Format, made: Made, key: SigningKey, tmp_path: Path
) -> None:
    from tests.support import media  # noqa: PLC0415

    with mounted(form, tmp_path, 64) as drive:
        Stick(drive, key).put(made[1].path)
        with media.replugged(form, tmp_path):
            assert Stick(drive, key).check("viz-1.1.0") == identity(made[1])


def test_a_drive_that_does_not_tell_its_room_and_is_full(
    made: Made, key: SigningKey, tmp_path: Path, bundle: Cli
) -> None:
    """FAT32's driver in user space does not say how much is free, nor that nothing is."""
    with mounted(Format.FAT32, tmp_path, 40) as drive:
        (drive / "filler").write_bytes(bytes(28_000_000))
        said = bundle("drive", made[1].path, drive)
        assert said.code == 21
        assert "drive-failed" in said.err
        assert not (drive / "viz-1.1.0/SHA256SUMS.1.sig").exists()
        (drive / "filler").unlink()
        report = Stick(drive, key).put(made[1].path)
        assert report.written < made[1].release.blob_bytes
        assert Stick(drive, key).check("viz-1.1.0") == identity(made[1])


def test_too_little_room_is_told_before_anything_is_written(
    made: Made, key: SigningKey, tmp_path: Path
) -> None:
    with mounted(Format.EXFAT, tmp_path, 16) as drive:
        before = sorted(drive.iterdir())
        with pytest.raises(MoonliftError) as caught:
            Stick(drive, key).put(made[1].path)
        assert caught.value.code == "drive-full"
        assert "missing" in str(caught.value)
        assert sorted(drive.iterdir()) == before


def test_write_protection_is_told_and_reading_goes_on(
    made: Made, key: SigningKey, tmp_path: Path, bundle: Cli
) -> None:
    with mounted(Format.EXT4, tmp_path, 64) as drive:
        stick = Stick(drive, key)
        stick.put(made[1].path)
        remount(drive, "ro")
        said = bundle("drive", made[2].path, drive)
        assert said.code == 21
        assert "drive-read-only" in said.err
        assert stick.check("viz-1.1.0") == identity(made[1])
