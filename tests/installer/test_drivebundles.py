"""The bundles on a drive, as the installer lists them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from installer.cli import app
from installer.planning.drivebundles import bundles_on
from manifests.errors import NotInstallableHere
from tests.installer.conftest import IMAGES
from tests.support.bundles import Facts, make_bundle, new_key
from tests.support.commandline import CliRunner


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """A drive with three bundles, an unfinished copy, and what else drives have."""
    root, key = tmp_path / "usb", new_key(tmp_path / "key")
    for product, number in (("viz", 1), ("viz", 2), ("web", 5), ("half", 1)):
        facts = Facts(product=product, version=f"1.{number}", sequence=number)
        make_bundle(root / f"{product}-1.{number}", IMAGES, key, facts=facts)
    (root / "half-1.1/SHA256SUMS.1.sig").unlink()
    (root / "System Volume Information").mkdir()
    (root / "photos").mkdir()
    (root / "link").symlink_to(root / "viz-1.1")
    (root / "broken").mkdir()
    (root / "broken/release.json").write_text("{")
    return root


def test_lists_what_is_finished_the_newest_first(drive: Path) -> None:
    found = bundles_on(drive)
    assert [(one.path.name, one.sequence) for one in found] == [
        ("viz-1.2", 2),
        ("viz-1.1", 1),
        ("web-1.5", 5),
    ]
    assert all(one.size and one.images == len(IMAGES) for one in found)


def test_the_verb_says_the_same_in_words_and_as_json(drive: Path) -> None:
    said = CliRunner().invoke(app, ["bundles", str(drive)])
    told = json.loads(CliRunner().invoke(app, ["bundles", str(drive), "--json"]).stdout)
    assert [line.split()[0] for line in said.stdout.splitlines()] == [
        one["path"] for one in told["bundles"]
    ]


def test_the_names_are_safe_to_show(drive: Path, tmp_path: Path) -> None:
    odd = tmp_path / "usb/\x1b[2J"
    (drive / "viz-1.1").rename(odd)
    assert "\x1b" not in CliRunner().invoke(app, ["bundles", str(drive)]).stdout


def test_no_drive(tmp_path: Path) -> None:
    with pytest.raises(NotInstallableHere) as caught:
        bundles_on(tmp_path / "none")
    assert caught.value.code == "bundle-not-found"
    assert CliRunner().invoke(app, ["bundles", str(tmp_path)]).exit_code == 0
