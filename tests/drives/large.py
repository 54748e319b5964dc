"""A bundle of 6 GiB with a blob over 4 GiB: on a drive, off it, checked, installed.

Goes the way of a person: put there beside old releases, which it outgrows; ejected; taken out and
plugged in; checked by the installer and, with the host's own tools, by moonlift.sh; installed.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.drives.scene import HOMES, Scene, open_scene
from tests.machine.kernel import Kernel
from tests.machine.machine import Running
from tests.machine.trigger import USB
from tests.support.bundles import Facts, SigningKey, make_bundle
from tests.support.images import CONFIG, LAYER, MANIFEST, Blob, ImageSpec
from tests.support.layers import File, LayerSpec
from tests.support.media import Format

MEBIBYTES: Final = (4150, 1300, 700)
"""Of the layers."""
DRIVE_MEGABYTES: Final = 6900
STORE: Final = "/run/store"

_MIB: Final = 1024 * 1024
_NAME: Final = "registry.test/large:1"
_APP: Final = f"""\
schema: 1
name: viz
version: "1.3.0"
sequence: 3
platforms: [linux/amd64]
images: ["{_NAME}"]
prune: {{grace: 0s}}
"""

Tell = Callable[[str], None]


def build_large(folder: Path, key: SigningKey) -> Path:
    """Build the bundle with `bundle build` out of an OCI layout; return its folder."""
    work, bundle = folder / "work", folder / "large"
    _write_layout(work / "layout")
    (work / "app.yaml").write_text(_APP)
    words = ["build", "app.yaml", "-k", key.path, "-o", bundle, "--cache", work / "cache"]
    words += ["--source", "oci:layout", "--layers", "original"]
    argv = ["nice", "-n", "10", sys.executable, "-m", "bundler", *map(str, words)]
    subprocess.run(argv, check=True, cwd=work, stdout=subprocess.DEVNULL)
    shutil.rmtree(work)
    return bundle


def carry(folder: Path, kernel: Kernel, form: Format, tell: Tell) -> None:
    """Carry the bundle that is in `folder` on one kind of drive."""
    for number in (1, 2):
        _small(folder, number)
    store = folder.with_name("store.img")
    with store.open("wb") as file:
        file.truncate((sum(MEBIBYTES) + 1000) * _MIB)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(store)], check=True)
        with open_scene(folder, kernel, form, DRIVE_MEGABYTES, store) as scene:
            _Carrying(scene, tell).carry()
    finally:
        store.unlink()


class _Carrying:
    def __init__(self, scene: Scene, tell: Tell) -> None:
        self._scene = scene
        self._say = tell

    def carry(self) -> None:
        scene, folder = self._scene, self._scene.machine.folder
        for number in (1, 2):
            scene.drive(folder / f"viz{number}").well()
        self._put(folder / "large")
        self._replug()
        self._timed("installer verify", scene.installer("verify", USB / "viz-1.3.0"))
        words = ("sh", USB / "moonlift.sh", "check", "viz-1.3.0")
        signers = f"{HOMES['MOONLIFT_TRUST_DIR']}/allowed_signers"
        self._timed("moonlift.sh check", scene.machine.begin(*words, signers))
        self._install()

    def _put(self, bundle: Path) -> None:
        words = ("--remove-old", "--yes", "--eject", "--json")
        report = json.loads(self._timed("bundle drive", self._scene.drive(bundle, *words)))
        assert report["ejected"]["done"], report["ejected"]
        assert [one["names"] for one in report["removed"]] == [["viz 1.1.0 (sequence 1)"]], report
        for verb, count in (("write", "written_bytes"), ("read", "read_back_bytes")):
            speed = report[count] / _MIB / report[f"{verb}_seconds"]
            self._say(f"{verb}: {report[count] / _MIB:.0f} MiB, {speed:.0f} MiB/s")
        past = "" if report["past_page_cache"] else "not "
        self._say(f"blobs in pieces: {report['in_pieces']}; read {past}past the page cache")
        assert report["in_pieces"] == (self._scene.stick.form is Format.FAT32)

    def _replug(self) -> None:
        """Take the drive out, plug it in again, and have its file system looked at."""
        stick = self._scene.stick
        assert not self._scene.has("viz-1.3.0"), "it was ejected, and is still there"
        self._scene.machine.do("pull")
        stick.plug()
        assert not stick.mend(), "the file system was not left in order"
        stick.mount()
        assert not self._scene.has("viz-1.1.0"), "it was removed, and is still there"
        assert self._scene.wrong("viz-1.2.0") == []

    def _install(self) -> None:
        scene, place = self._scene, f"{STORE}/layout"
        scene.machine.do("mount_other", "/dev/ubdb", STORE)
        words = ("install", USB / "viz-1.3.0", "--engine", f"layout:{place}", "--yes")
        self._timed("installer install", scene.installer(*words))
        found = scene.machine.do("sizes", f"{place}/blobs/sha256")
        assert max(found.values()) > 2**32, found
        assert sum(found.values()) > sum(MEBIBYTES) * _MIB, found

    def _timed(self, what: str, running: Running) -> str:
        begun = time.monotonic()
        said = running.well()
        self._say(f"{what}: {time.monotonic() - begun:.0f} s")
        return said


def _small(folder: Path, number: int) -> None:
    images = {f"registry.test/small:{number}": ImageSpec((LayerSpec.random(number, 100_000),))}
    facts = Facts(version=f"1.{number}.0", sequence=number)
    make_bundle(folder / f"viz{number}", images, SigningKey(folder / "key"), facts=facts)


def _write_layout(folder: Path) -> None:
    """Write an image of layers that are stored as they are, for they can't be made smaller."""
    store = folder / "blobs/sha256"
    store.mkdir(parents=True)
    layers = [_write_layer(store, number, size) for number, size in enumerate(MEBIBYTES)]
    rootfs = {"type": "layers", "diff_ids": [one["digest"] for one in layers]}
    config = {"os": "linux", "architecture": "amd64", "rootfs": rootfs}
    last = _write_blob(store, config, CONFIG["oci"])
    manifest = {"schemaVersion": 2, "config": last.descriptor(), "layers": layers}
    named = _write_blob(store, manifest, MANIFEST["oci"]).descriptor()
    named["annotations"] = {"org.opencontainers.image.ref.name": _NAME}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def _write_blob(store: Path, document: object, media_type: str) -> Blob:
    blob = Blob(json.dumps(document).encode(), media_type)
    (store / blob.digest.removeprefix("sha256:")).write_bytes(blob.data)
    return blob


def _write_layer(store: Path, number: int, mebibytes: int) -> dict[str, Any]:
    partial, whole = store / "partial", hashlib.sha256()
    with partial.open("wb") as file:
        for piece in _tar(number, mebibytes):
            whole.update(piece)
            file.write(piece)
        size = file.tell()
    partial.rename(store / whole.hexdigest())
    digest = f"sha256:{whole.hexdigest()}"
    return {"mediaType": LAYER["oci", "none"], "digest": digest, "size": size}


def _tar(number: int, mebibytes: int) -> Iterator[bytes]:
    """Yield a tar of one file of noise, no mebibyte of which is like another."""
    info = File().header(f"noise{number}")
    info.size = mebibytes * _MIB
    yield info.tobuf(tarfile.GNU_FORMAT)
    noise = random.Random(number).randbytes(_MIB - 16)
    for one in range(mebibytes):
        yield one.to_bytes(16, "big") + noise
    yield bytes(2 * tarfile.BLOCKSIZE)
