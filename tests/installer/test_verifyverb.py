"""`installer verify` of damaged bundles: every place is named, for people and for programs."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from manifests.bundle import damagetable
from manifests.errors import ExitCode
from manifests.release import CHUNK_SIZE
from tests.installer.conftest import APP, NAMES, Host
from tests.installer.test_cli import call, document
from tests.support.badmedium import Fault, opened_with
from tests.support.bundles import Bundle, Facts
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import flip

VERB = "installer.verbs.verify"
LARGE = LayerSpec.random(3, 2 * CHUNK_SIZE + 100_000)


@pytest.fixture
def bundle(host: Host) -> Bundle:
    """An image with a layer of three chunks, one with small layers, and a file."""
    images = {NAMES[0]: ImageSpec((LARGE,)), NAMES[1]: APP.plus(LARGE)}
    return host.bundle(images, Facts(files={"compose.yaml": b"services: {}\n"}))


def large(bundle: Bundle) -> str:
    return bundle.release.images[0].layers[0].name


def forms(bundle: Bundle, folder: Path) -> dict[str, Path]:
    """The bundle in each form, as its folder is now."""
    files = {name: (bundle.path / name).read_bytes() for name in bundle.files}
    damaged = Bundle(bundle.path, bundle.release, files)
    return {
        "folder": bundle.path,
        "tar": damaged.write_tar(folder / "b.tar"),
        "parts": damaged.write_parts(folder / "c.tar", 3_000_000),
    }


@pytest.mark.parametrize("form", ["folder", "tar", "parts"])
def test_names_every_damaged_chunk(host: Host, bundle: Bundle, form: str) -> None:
    flip(bundle.path / large(bundle), 5)
    flip(bundle.path / large(bundle), 2 * CHUNK_SIZE + 99_000)
    flip(bundle.path / "files/compose.yaml")
    path = forms(bundle, host.root)[form]
    result = call(host, "verify", path, "--json")
    found = document(result)
    assert result.exit_code == ExitCode.BUNDLE_REFUSED
    assert (found["verified"], found["damaged_chunks"]) == (False, 3)
    assert (
        found["damaged_bytes"]
        == CHUNK_SIZE + bundle.release.sizes()[large(bundle)] % CHUNK_SIZE + 13
    )
    assert (found["error"]["code"], found["error"]["exit"]) == ("bundle-damaged", 10)
    assert found["product"] == "viz"
    places = [(one["file"], one["offset"], one["images"]) for one in found["damaged"]]
    assert places == [
        (large(bundle), 0, list(NAMES)),
        (large(bundle), 2 * CHUNK_SIZE, list(NAMES)),
        ("files/compose.yaml", 0, []),
    ]
    assert {one["code"] for one in found["damaged"]} == {"chunk-damaged"}
    assert all(one["found"].startswith("other bytes: sha256:") for one in found["damaged"])


def test_says_it_in_a_table(host: Host, bundle: Bundle) -> None:
    bad = Fault(large(bundle), CHUNK_SIZE + 7, 1, errno.EIO)
    flip(bundle.path / "files/compose.yaml")
    with opened_with(VERB, bad, Fault(large(bundle), 3)):
        result = call(host, "verify", bundle.path)
    assert result.exit_code == ExitCode.BUNDLE_REFUSED
    lines = result.stdout.splitlines()
    assert lines[6:] == [
        "damaged      3 chunks of 2 files, 16.0 MiB of 16.1 MiB",
        "",
        large(bundle),
        "of           acme/app:1, acme/web:1",
        "          offset       bytes  found",
        "               0     8388608  other bytes",
        "         8388608     8388608  Input/output error",
        "",
        "files/compose.yaml",
        "          offset       bytes  found",
        "               0          13  other bytes",
    ]
    assert max(map(len, lines)) <= 80
    assert "code: bundle-damaged" in result.stderr
    assert f"installer repair {bundle.path} --from OTHER" in result.stderr


def test_both_forms_are_bounded(
    host: Host, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damagetable, "SHOWN", 1)
    monkeypatch.setattr(damagetable, "LISTED", 2)
    faults = [Fault(large(bundle), n * CHUNK_SIZE) for n in range(3)]
    with opened_with(VERB, *faults):
        text = call(host, "verify", bundle.path).stdout
        found = document(call(host, "verify", bundle.path, "--json"))
    assert text.count("other bytes") == 1
    assert "and 2 more; --json names up to 2" in text
    assert (len(found["damaged"]), found["damaged_chunks"]) == (2, 3)


@pytest.mark.parametrize("number", [0, errno.EIO], ids=["other bytes", "error"])
def test_what_comes_right_the_second_time_is_good_and_told_of(
    host: Host, bundle: Bundle, number: int
) -> None:
    fault = Fault(large(bundle), CHUNK_SIZE + 7, 1, number, times=1)
    with opened_with(VERB, fault):
        result = call(host, "verify", bundle.path)
    assert result.exit_code == ExitCode.DONE
    assert f"read again   {large(bundle)}: wrong at first, then as signed" in result.stdout
    assert "verified     all of it" in result.stdout
    fault.times = 1
    with opened_with(VERB, fault):
        found = document(call(host, "verify", bundle.path, "--json"))
    assert (found["verified"], found["read_again"]) == (True, [large(bundle)])
    assert (found["damaged_chunks"], found["damaged"]) == (0, [])


def test_a_drive_that_is_pulled_out_meanwhile(host: Host, bundle: Bundle) -> None:
    with opened_with(VERB, gone_after=25):
        result = call(host, "verify", bundle.path, "--json")
    assert result.exit_code == ExitCode.BUNDLE_REFUSED
    assert document(result)["error"]["code"] == "medium-gone"


def test_good_bundles_say_so_to_programs(host: Host, bundle: Bundle) -> None:
    found = json.loads(call(host, "verify", bundle.path, "--json").stdout)
    assert (found["verified"], found["damaged_chunks"], found["read_again"]) == (True, 0, [])
    assert "error" not in found
