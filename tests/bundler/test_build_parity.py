"""`bundle build --parity`: the files that restore others, in every form of a bundle."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from bundler.commandline.keys import judge_of
from bundler.progress import Silent
from bundler.verbs.verify import verify
from installer.cli import app as installer
from manifests.bundle.medium import open_medium
from manifests.bundle.reading import read_small
from manifests.release import Release
from manifests.seals.listing import Judge
from tests.bundler.builds import Cli, MemorySource, Workplace, content_of, memory, served_by
from tests.bundler.drive.conftest import Stick
from tests.support.bundles import SigningKey
from tests.support.commandline import CliRunner
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.parity import parity_of


@pytest.fixture
def source() -> MemorySource:
    app = ImageSpec((LayerSpec.random(1, 3_000_000), LayerSpec({"etc/motd": b"hello\n"})))
    return memory(app=app)


@pytest.fixture
def app(place: Workplace) -> Workplace:
    (place.root / "notes.txt").write_bytes(random.Random(1).randbytes(9_000_000))
    (place.root / "empty").touch()
    place.write_app("registry.test/app:1", more="files: [notes.txt, empty]\n")
    return place


def judge(place: Workplace) -> Judge:
    return judge_of(None, (place.public_key,), 1)


def test_the_files_are_what_the_format_says(app: Workplace, source: MemorySource) -> None:
    with served_by(source):
        app.build("plain")
        report = app.build("out", parity=10)
        app.build("x.tar", parity=10)
    files = content_of(app.root / "out")
    medium = open_medium(app.root / "x.tar")
    order = [name for name in medium.sizes if not name.startswith(("SHA", "release", "parity"))]
    tar = {name: read_small(medium, name, 2**30) for name in medium.sizes}
    medium.close()
    record, parity = parity_of({name: files[name] for name in order}, 10)
    assert tar == files
    assert list(tar)[-len(parity) :] == list(parity)
    assert {name: data for name, data in files.items() if name.startswith("parity/")} == parity
    assert Release.read(files["release.json"]).parity == record == report.release.parity
    plain = content_of(app.root / "plain")
    sealed = {"SHA256SUMS", "SHA256SUMS.1.sig", "release.json"}
    assert {n: d for n, d in files.items() if n not in {*sealed, *parity}} == {
        n: d for n, d in plain.items() if n not in sealed
    }
    app.tidy()


@pytest.mark.parametrize("part_size", [None, 2**20])
def test_it_is_verified_and_its_damage_found(
    app: Workplace, source: MemorySource, part_size: int | None
) -> None:
    out = "out" if part_size is None else "x.tar"
    with served_by(source):
        paths = app.build(out, parity=5, part_size=part_size).paths
    assert verify(paths[0], judge(app), Silent()).release.parity is not None
    data = bytearray(paths[-1].read_bytes()) if part_size else bytearray()
    column = paths[0] / "parity/003"
    if part_size:
        data[len(data) // 3] ^= 1
        paths[-1].write_bytes(data)
    else:
        column.write_bytes(bytes(column.stat().st_size))
    damages = verify(paths[0], judge(app), Silent()).survey.damages
    assert {one.code for one in damages} == {"chunk-damaged"}


def test_a_damaged_cache_does_not_get_into_parity(app: Workplace, source: MemorySource) -> None:
    with served_by(source):
        app.build("first", parity=10)
        for blob in (app.cache.root / "blobs").iterdir():
            if blob.stat().st_size > 1_000_000:
                blob.write_bytes(bytes(blob.stat().st_size))
        app.build("second", parity=10)
    assert content_of(app.root / "first") == content_of(app.root / "second")


def test_a_drive_gets_it(
    app: Workplace, source: MemorySource, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with served_by(source):
        app.build("out", parity=10)
    stick = Stick(tmp_path_factory.mktemp("usb"), SigningKey(app.key))
    stick.put(app.root / "out")
    there = content_of(stick.root / "viz-1.0.0")
    wanted = content_of(app.root / "out")
    assert {n for n in wanted if not n.startswith("blobs/")} == set(there)
    assert all(wanted[name] == data for name, data in there.items())
    (stick.root / "viz-1.0.0/parity/001").write_bytes(b"")
    stick.put(app.root / "out")
    assert (stick.root / "viz-1.0.0/parity/001").read_bytes() == wanted["parity/001"]


def test_the_command_line(app: Workplace, source: MemorySource, bundle: Cli) -> None:
    arguments = (app.app, "-k", app.key, "--cache", app.cache.root)
    plain = app.root / "plain"
    with served_by(source):
        app.build("plain")
        said = bundle("build", *arguments, "--parity", "10", "-o", app.root / "a")
        told = bundle("build", *arguments, "--parity", "10", "-o", app.root / "b", "--json")
        wrong = bundle("build", *arguments, "--parity", "101", "-o", app.root / "c")
    size = sum(p.stat().st_size for p in (app.root / "a/parity").iterdir())
    assert "  parity  " in said.out
    assert "parity " in bundle("inspect", app.root / "a").out
    assert "parity" not in bundle("inspect", plain).out
    assert json.loads(told.out)["parity"] == size
    assert wrong.code == 2


def test_what_it_makes_is_repaired_programs_and_headers_too(
    app: Workplace, source: MemorySource
) -> None:
    tool = app.root / "frozen"
    tool.write_bytes(b"\x7fELF" + random.Random(2).randbytes(100_000))
    with served_by(source):
        app.build("x.tar", parity=10, installer=tool)
        app.build("out", parity=10, installer=tool)
    tar, good = app.root / "x.tar", (app.root / "x.tar").read_bytes()
    at = good.index(b"tools/installer\0")
    tar.write_bytes(good[:at] + bytes(400_000) + good[at + 400_000 :])
    (app.root / "out/tools/installer").unlink()
    repaired(app, tar)
    repaired(app, app.root / "out")
    assert tar.read_bytes() == good
    program = app.root / "out/tools/installer"
    assert program.read_bytes() == tool.read_bytes()
    assert program.stat().st_mode & 0o111


def repaired(place: Workplace, bundle: Path) -> None:
    runner = CliRunner()
    homes = ["--trust-dir", str(place.root / "trust"), "--state-dir", str(place.root / "state")]
    trust = ["trust", "add", str(place.public_key), "--id", "me", "--trust-on-first-use"]
    runner.invoke(installer, [*homes, *trust])
    done = runner.invoke(installer, [*homes, "repair", str(bundle), "--in-place"])
    assert done.exit_code == 0, done.output
