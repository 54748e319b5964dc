"""A layout directory: blobs enter whole, the index last, strangers' entries stay."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from installer.engines import layout
from installer.engines.layout import LOCK
from installer.engines.layoutindex import LayoutIndex
from installer.events import Advanced, Outcome, Stage
from installer.run import run
from manifests.errors import EngineFailed
from tests.installer.conftest import APP, IMAGES, NAMES, Host
from tests.support.bundles import Bundle, Facts
from tests.support.forked import Where, run_installer
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec
from tests.support.publish import write_layout
from tests.support.tamper import files_of

LARGE = {NAMES[0]: ImageSpec((LayerSpec.random(1, 40_000_000).stored_as("none"),))}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def index_of(out: Path) -> dict[str, str]:
    entries = json.loads((out / "index.json").read_text())["manifests"]
    return {one["annotations"]["io.containerd.image.name"]: one["digest"] for one in entries}


def assert_whole(out: Path, bundle: Bundle) -> None:
    for image in bundle.release.images:
        for blob in image.blobs:
            assert (out / blob.name).read_bytes() == bundle.files[blob.name]
        assert index_of(out)[image.name] == str(image.target)


def test_holds_what_the_bundle_holds_and_nothing_else(host: Host, out: Path) -> None:
    bundle = host.bundle()
    assert host.install(bundle.path, f"layout:{out}").outcome is Outcome.DONE
    assert_whole(out, bundle)
    blobs = {blob.name for image in bundle.release.images for blob in image.blobs}
    assert set(files_of(out)) == blobs | {"index.json", "oci-layout", LOCK}
    assert json.loads((out / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}


@pytest.mark.engine
def test_skopeo_reads_it(host: Host, out: Path, tmp_path: Path) -> None:
    host.install(host.bundle().path, f"layout:{out}")
    argv = ["skopeo", "copy", f"oci:{out}:{NAMES[0]}", f"dir:{tmp_path / 'copy'}"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy/manifest.json").read_bytes() == APP.build().manifest.data


def test_keeps_what_others_put_there(host: Host, out: Path) -> None:
    built = write_layout(out, {"docker.io/other/thing:1": ImageSpec((LayerSpec({"x": b"y"}),))})
    host.install(host.bundle().path, f"layout:{out}")
    names = index_of(out)
    assert set(names) == {*NAMES, "docker.io/other/thing:1"}
    for blob in built["docker.io/other/thing:1"].blobs:
        assert (out / "blobs/sha256" / blob.digest[7:]).read_bytes() == blob.data


def test_a_name_moves_and_its_old_blobs_stay(host: Host, out: Path) -> None:
    old = host.bundle()
    host.install(old.path, f"layout:{out}")
    new = host.bundle({**IMAGES, NAMES[0]: APP.plus(LayerSpec({"n": b"1"}))}, Facts(sequence=2))
    record = host.install(new.path, f"layout:{out}")
    assert record.names_set == (NAMES[0],)
    assert_whole(out, new)
    assert (out / old.release.images[0].manifest.name).exists()


def test_several_platforms_live_under_one_name(host: Host, out: Path) -> None:
    both = IndexSpec((APP, APP.on("linux/arm64")))
    bundle = host.bundle({NAMES[0]: both})
    host.install(bundle.path, f"layout:{out}")
    assert index_of(out) == {NAMES[0]: both.build().index.digest}
    for image in both.build().images:
        assert (out / "blobs/sha256" / image.manifest.digest[7:]).exists()
    assert host.plan(bundle.path, f"layout:{out}").nothing_to_do


def test_a_blob_of_another_size_is_written_again(host: Host, out: Path) -> None:
    bundle = host.bundle()
    host.install(bundle.path, f"layout:{out}")
    torn = out / bundle.release.images[0].layers[0].name
    torn.write_bytes(torn.read_bytes()[:-1])
    assert host.install(bundle.path, f"layout:{out}").images_loaded >= 1
    assert_whole(out, bundle)


def test_one_installer_at_a_time(host: Host, out: Path) -> None:
    out.mkdir()
    with (out / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = host.install(host.bundle().path, f"layout:{out}")
    assert record.failure is not None
    assert record.failure.code == "layout-busy"
    assert set(files_of(out)) == {LOCK}


def test_a_full_disk_is_an_engines_failure(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    made = host.plan(host.bundle().path, f"layout:{host.root / 'out'}")
    monkeypatch.setattr("installer.engines.layout._write_all", full)
    stream = list(run(made, threading.Event()))
    record = stream[-1].record  # type: ignore[union-attr]
    assert record.failure is not None
    assert record.failure.code == "layout-io"
    assert not [name for name in files_of(host.root / "out") if "sha256" in name]


@pytest.mark.parametrize("call", ["write", "rename"])
def test_a_disk_that_is_full_while_names_move_moves_none(
    host: Host, out: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    host.install(host.bundle().path, f"layout:{out}")
    before = (out / "index.json").read_bytes()
    grown = APP.plus(LayerSpec({"n": b"1"}))
    upgrade = host.bundle(dict.fromkeys(NAMES, grown), Facts(sequence=2))
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full_for_the_index(getattr(os, call)))
        record = host.install(upgrade.path, f"layout:{out}")
    assert record.failure is not None
    assert (record.failure.code, record.names_set) == ("layout-io", ())
    assert (out / "index.json").read_bytes() == before
    assert host.install(upgrade.path, f"layout:{out}").images_loaded == 0
    assert_whole(out, upgrade)


def full_for_the_index(real: Callable[..., Any]) -> Callable[..., Any]:
    def call(what: int | str | Path, *rest: Any, **named: Any) -> Any:
        path = Path(f"/proc/self/fd/{what}").readlink() if isinstance(what, int) else Path(what)
        if path.name.endswith("index.json"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(what, *rest, **named)

    return call


def test_cancelled_in_the_middle_leaves_no_rest(host: Host, out: Path) -> None:
    bundle = host.bundle(LARGE)
    cancel = threading.Event()
    for event in run(host.plan(bundle.path, f"layout:{out}"), cancel):
        if isinstance(event, Advanced) and event.stage is Stage.LOAD:
            cancel.set()
    left = set(files_of(out)) - {LOCK, "oci-layout"}
    assert not any(".moonlift" in name for name in left)
    assert host.install(bundle.path, f"layout:{out}").outcome is Outcome.DONE


def dying_at(at: int) -> Callable[[int, memoryview], None]:
    """Return what writes, and dies half-way through write number `at`, from 0."""
    real, numbers = layout._write_all, itertools.count()

    def write(descriptor: int, chunk: memoryview) -> None:
        if next(numbers) == at:
            os.write(descriptor, chunk[: len(chunk) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        real(descriptor, chunk)

    return write


def test_killed_at_any_write_the_next_run_finishes_and_cleans_up(host: Host, out: Path) -> None:
    bundle = host.bundle(LARGE)
    homes = {"MOONLIFT_TRUST_DIR": host.trust.directory, "MOONLIFT_STATE_DIR": host.root / "state"}
    environ = {**os.environ, **{name: str(path) for name, path in homes.items()}}
    command = ["install", "--yes", f"--engine=layout:{out}", "--accept-expired", str(bundle.path)]
    for at in range(20):
        with patch.object(layout, "_write_all", dying_at(at)):
            done = run_installer(command, Where(environ))
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
        if (out / "index.json").exists():
            assert set(index_of(out)) <= {NAMES[0]}
    else:
        pytest.fail("never came to an end")
    assert at > 5
    assert_whole(out, bundle)
    assert not [name for name in files_of(out) if ".moonlift-" in name]


@pytest.mark.parametrize("raw", [b"[]", b'{"manifests": 1}', b'{"manifests": [1]}', b"{", b""])
def test_a_stranger_index_is_refused(raw: bytes) -> None:
    with pytest.raises(EngineFailed) as caught:
        LayoutIndex.parse(raw, limit=1000)
    assert caught.value.code == "layout-malformed"
