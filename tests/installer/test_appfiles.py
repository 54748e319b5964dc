"""Carried files on the host: whole or not at all, as signed, and shared by equal releases."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from installer.running.appfiles import files_folder, forget_files, is_placed, place_files
from installer.stream.jobs import Halted
from manifests.bundle.medium import Medium, open_medium
from manifests.errors import BundleRefused, NotInstallableHere
from manifests.release import Release
from tests.installer.conftest import Host
from tests.support.bundles import Bundle, Facts
from tests.support.faults import KILLED, count_calls, die_at
from tests.support.tamper import flip

FILES = {"compose.yaml": b"services: {}\n", "etc/site.conf": b"x" * 3000}


@pytest.fixture
def bundle(host: Host) -> Bundle:
    return host.bundle(facts=Facts(files=FILES))


def quiet(_: int) -> None:
    """Take note of nothing."""


def placing(host: Host, bundle: Bundle) -> Callable[[], Path]:
    medium = open_medium(bundle.path)
    host.closing.callback(medium.close)
    return lambda: place_files(host.root / "state", bundle.release, medium, quiet)


def content(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_files_lie_as_they_are_named(host: Host, bundle: Bundle) -> None:
    assert not is_placed(host.root / "state", bundle.release)
    folder = placing(host, bundle)()
    assert folder == files_folder(host.root / "state", bundle.release)
    assert content(folder) == FILES
    assert is_placed(host.root / "state", bundle.release)
    assert [oct(path.stat().st_mode & 0o777) for path in sorted(folder.iterdir())] == [
        "0o644",
        "0o755",
    ]


def test_programs_stay_programs(host: Host, bundle: Bundle) -> None:
    record = bundle.release.files[0].model_copy(update={"executable": True})
    release = bundle.release.model_copy(update={"files": (record,)})
    with_medium: Medium = open_medium(bundle.path)
    host.closing.callback(with_medium.close)
    folder = place_files(host.root / "state", release, with_medium, quiet)
    assert os.access(folder / "compose.yaml", os.X_OK)
    assert folder != files_folder(host.root / "state", bundle.release)


def test_a_file_that_was_cut_short_is_placed_again(host: Host, bundle: Bundle) -> None:
    folder = placing(host, bundle)()
    (folder / "compose.yaml").write_bytes(b"")
    assert not is_placed(host.root / "state", bundle.release)
    placing(host, bundle)()
    assert content(folder) == FILES


def test_damage_places_nothing(host: Host, bundle: Bundle) -> None:
    flip(bundle.path / "files/etc/site.conf")
    with pytest.raises(BundleRefused, match=r"site\.conf"):
        placing(host, bundle)()
    assert not files_folder(host.root / "state", bundle.release).exists()


def test_cancel_places_nothing(host: Host, bundle: Bundle) -> None:
    def stop(_: int) -> None:
        raise Halted

    medium = open_medium(bundle.path)
    host.closing.callback(medium.close)
    with pytest.raises(Halted):
        place_files(host.root / "state", bundle.release, medium, stop)
    assert not is_placed(host.root / "state", bundle.release)


def test_files_are_whole_or_not_there_wherever_it_dies(host: Host, bundle: Bundle) -> None:
    folder = files_folder(host.root / "state", bundle.release)
    calls = count_calls(placing(host, bundle))
    for at in range(1, calls + 1, 3):
        forget_files(host.root / "state", bundle.release.product, ())
        assert die_at(at, placing(host, bundle)) in (0, KILLED)
        assert not folder.exists() or content(folder) == FILES
    placing(host, bundle)()
    assert content(folder) == FILES


def test_only_the_files_of_needed_releases_stay(host: Host, bundle: Bundle) -> None:
    other = host.bundle(facts=Facts(sequence=2, files={"other": b"1"}))
    kept, gone = placing(host, bundle)(), placing(host, other)()
    forget_files(host.root / "state", "viz", [bundle.release])
    assert kept.exists()
    assert not gone.exists()
    forget_files(host.root / "state", "nothing", [])


def test_a_folder_that_others_may_change_is_refused(host: Host, bundle: Bundle) -> None:
    folder = placing(host, bundle)()
    folder.parent.chmod(0o777)
    with pytest.raises(NotInstallableHere) as caught:
        placing(host, bundle)()
    assert caught.value.code == "files-unsafe"


def test_equal_files_are_one_folder(host: Host, bundle: Bundle) -> None:
    other = host.bundle(facts=Facts(sequence=2, version="2", files=FILES))
    state = host.root / "state"
    assert files_folder(state, other.release) == files_folder(state, bundle.release)
    assert files_folder(state, Release.read(bundle.files["release.json"])) == files_folder(
        state, bundle.release
    )
