"""The command line: every verb, every exit code, both forms of every answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bundler import cli
from bundler.locking.pins import Renew
from tests.bundler.builds import Cli, MemorySource, Workplace, memory, served_by
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import files_of, flip

LONG = "-".join(["extraordinarily"] * 6)
BASE = LayerSpec.random(1, 200_000, compressible=True)
APP = ImageSpec((BASE, LayerSpec({"etc/motd": b"hello"})))
OTHER = ImageSpec(APP.layers, cmd=("true",))
EVERYWHERE = IndexSpec((OTHER, OTHER.on("linux/arm64")), attestations=True)


@dataclass(frozen=True)
class Shelf:
    """Two releases of one app."""

    place: Workplace
    old: Path
    new: Path

    @property
    def public(self) -> Path:
        return self.place.public_key


def source(*extra: LayerSpec) -> MemorySource:
    found = memory(app=APP.plus(*extra), other=EVERYWHERE)
    images = {**found.images, f"registry.test/{LONG}/{LONG}:{LONG}": APP.build()}
    return MemorySource(images)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, signing_key: Path) -> Shelf:
    place = Workplace(tmp_path_factory.mktemp("shelf"), signing_key)
    (place.root / "conf").mkdir()
    (place.root / "conf/a.txt").write_text("a")
    (place.root / "conf" / f"{LONG[:60]}").write_text("long")
    images = ["registry.test/app:1", f"registry.test/{LONG}/{LONG}:{LONG}"]
    place.write_app(*images, "registry.test/other:1", more="files: [conf]\n")
    with served_by(source()):
        place.build("old")
    (place.root / "conf/a.txt").write_text("changed")
    (place.root / "conf/b.txt").write_text("b")
    place.write_app(*images, version="1.1.0", more="files: [conf]\n")
    with served_by(source(LayerSpec({"new": b"layer"}))):
        place.build("new.tar", part_size=2**20, renew=Renew.ALL)
    return Shelf(place, place.root / "old", place.root / "new.tar.001")


@pytest.fixture
def app(place: Workplace) -> Iterator[Workplace]:
    place.write_app("registry.test/app:1")
    with served_by(source()):
        yield place


def build_line(place: Workplace, *more: object) -> list[object]:
    cache = ["--cache", place.cache.root]
    return ["build", place.app, "-o", place.root / "out", "-k", place.key, *cache, *more]


def widest(text: str) -> int:
    return max(len(line) for line in text.splitlines() if "wrote" not in line)


def document(text: str) -> Any:
    """Parse what is one JSON document and nothing else."""
    return json.loads(text)


def test_build_tells_what_it_made(app: Workplace, bundle: Cli) -> None:
    said = bundle(*build_line(app))
    assert said.code == 0
    assert f"wrote   {app.root / 'out'}\n" in said.out
    assert "registry.test/app:1" in said.out
    assert "2 zstd" in said.out
    assert widest(said.out) <= 80
    assert "\x1b" not in said.out + said.err
    document_ = document(bundle(*build_line(app, "--json")).out)
    assert document_["paths"] == [str(app.root / "out")]
    assert document_["images"][0]["policy"] == "zstd"
    assert document_["sequence"] == document(app.lock.read_text())["sequence"]


def test_options_reach_the_build(app: Workplace, bundle: Cli) -> None:
    more = ["--layers", "original", "--platform", "linux/amd64", "--source", "registry"]
    said = bundle(*build_line(app, *more, "--json"))
    assert said.code == 0
    assert document(said.out)["images"][0]["policy"] == "original"
    tar = app.root / "x.tar"
    said = bundle(*build_line(app, "-o", tar, "--part-size", "1MiB", "--level", "1", "--json"))
    assert document(said.out)["paths"] == [f"{tar}.001"]


def test_keys_and_cache_may_come_from_the_environment(
    app: Workplace, bundle: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOONLIFT_KEY", str(app.key))
    monkeypatch.setenv("MOONLIFT_CACHE", str(app.cache.root))
    assert bundle("build", app.app, "-o", app.root / "out").code == 0
    assert app.cache.root.is_dir()


def test_verify_accepts_what_was_built_and_says_by_whom(shelf: Shelf, bundle: Cli) -> None:
    for path in (shelf.old, shelf.new):
        said = bundle("verify", path, "-k", shelf.public)
        assert said.code == 0
        assert f"signed by  {shelf.public.name} SHA256:" in said.out
        assert "whole and signed" in said.out
        assert widest(said.out) <= 80
        told = document(bundle("verify", path, "-k", shelf.public, "--json").out)
        assert told["product"] == "viz"
        assert told["identity"] in said.out
        assert told["bytes"] > 0


def test_verify_refuses_damage_and_strangers(shelf: Shelf, bundle: Cli, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", shelf.old, copy], check=True)
    largest = max(files_of(copy), key=lambda name: (copy / name).stat().st_size)
    flip(copy / largest)
    flip(copy / "files/conf/a.txt")
    said = bundle("verify", copy, "-k", shelf.public)
    assert said.code == 10
    assert "damaged      2 chunks of 2 files" in said.out
    assert all(f"\n{name}\n" in said.out for name in (largest, "files/conf/a.txt"))
    assert widest(said.out) <= 80
    assert "code: bundle-damaged" in said.err
    told = document(bundle("verify", copy, "-k", shelf.public, "--json").out)
    assert (told["error"]["code"], told["error"]["exit"]) == ("bundle-damaged", 10)
    assert {one["file"] for one in told["damaged"]} == {largest, "files/conf/a.txt"}
    assert (told["verified"], told["damaged_chunks"]) == (False, 2)
    assert bundle("verify", shelf.old, "-k", shelf.public, "--threshold", "2").code == 10
    assert bundle("verify", shelf.old).code == 2
    assert bundle("verify", tmp_path / "nothing", "-k", shelf.public).code == 11
    (tmp_path / "file").write_text("no tar")
    assert bundle("verify", tmp_path / "file", "-k", shelf.public).code == 10


def test_inspect_shows_what_is_inside_in_80_columns(
    shelf: Shelf, bundle: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in ("80", "250"):
        monkeypatch.setenv("COLUMNS", columns)
        said = bundle("inspect", shelf.old, "--layers")
        assert said.code == 0
        assert widest(said.out) <= 80
        assert "registry.test/app:1" in said.out
        assert "not checked against any list of trust" in said.out
        assert "2 distinct layers" in said.out
        assert said.out.count("extraordinarily") > 3
        assert "files/conf/a.txt" in said.out
    told = document(bundle("inspect", shelf.old, "--json").out)
    assert [image["platform"] for image in told["images"]] == ["linux/amd64"] * 3
    assert told["release"]["product"] == "viz"
    assert told["images"][0]["own"] == 0
    assert len(told["images"][0]["layers"]) == 2
    assert "layer " not in bundle("inspect", shelf.old).out


def test_diff_shows_what_changed_in_80_columns(shelf: Shelf, bundle: Cli) -> None:
    said = bundle("diff", shelf.old, shelf.new)
    assert said.code == 0
    assert widest(said.out) <= 80
    for word in ("changed", "removed", "same", "added", "registry.test/other:1"):
        assert word in said.out
    told = document(bundle("diff", shelf.old, shelf.new, "--json").out)
    assert told["same"] is False
    assert [image["change"] for image in told["images"]] == ["changed", "same", "removed"]
    assert {file["name"]: file["change"] for file in told["files"]} == {
        "files/conf/a.txt": "changed",
        "files/conf/b.txt": "added",
        f"files/conf/{LONG[:60]}": "same",
    }
    assert len(told["images"][0]["new_layers"]) == 1
    assert told["images"][2]["new_id"] is None
    back = document(bundle("diff", shelf.new, shelf.old, "--json").out)
    assert (back["new_bytes"] < told["new_bytes"], back["shared_bytes"] > 0) == (True, True)
    assert [image["change"] for image in back["images"]] == ["changed", "same", "added"]
    assert "-" in bundle("diff", shelf.new, shelf.old).out


def test_a_bundle_without_files_has_no_table_of_them(app: Workplace, bundle: Cli) -> None:
    assert bundle(*build_line(app)).code == 0
    said = bundle("inspect", app.root / "out")
    assert "distinct layers" in said.out
    assert "file" not in said.out


def test_a_bundle_is_the_same_as_itself(shelf: Shelf, bundle: Cli) -> None:
    told = document(bundle("diff", shelf.old, shelf.old, "--json").out)
    assert (told["same"], told["new_bytes"], told["gone_bytes"]) == (True, 0, 0)
    assert "0 B new, 0 B gone" in bundle("diff", shelf.old, shelf.old).out


def test_inspect_and_diff_refuse_what_is_no_bundle(
    shelf: Shelf, bundle: Cli, tmp_path: Path
) -> None:
    assert bundle("inspect", tmp_path).code == 10
    assert bundle("inspect", tmp_path / "nothing").code == 11
    assert bundle("diff", shelf.old, tmp_path).code == 10
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", shelf.old, copy], check=True)
    (copy / "SHA256SUMS.1.sig").write_text("-----BEGIN SSH SIGNATURE-----\n")
    assert bundle("inspect", copy).code == 10


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["-o", "/proc/x"], 21, "write-failed"),
        (["--cache", "/proc/x"], 21, "cache-unusable"),
        (["--source", "elsewhere"], 2, "source-unknown"),
        (["--platform", "linux/riscv64"], 20, "platform-missing"),
        (["--platform", "x"], 2, "platform-malformed"),
        (["--level", "99"], 2, "--level"),
        (["--nonsense"], 2, "No such option"),
        (["--part-size", "x"], 2, "size-malformed"),
    ],
)
def test_each_failure_has_its_exit_code(
    app: Workplace, bundle: Cli, more: list[str], code: int, says: str
) -> None:
    said = bundle(*build_line(app, *more))
    assert said.code == code
    assert says in said.err
    assert said.out == ""
    assert not (app.root / "out").exists()
    if "-" in says and not says.startswith("-"):
        told = document(bundle(*build_line(app, *more, "--json")).out)
        assert (told["error"]["code"], told["error"]["exit"]) == (says, code)


def test_a_wrong_app_and_a_missing_image_are_20(app: Workplace, bundle: Cli) -> None:
    app.write_app("registry.test/missing:1")
    assert bundle(*build_line(app)).code == 20
    app.write_app("registry.test/app:1", more="unknown: key\n")
    said = bundle(*build_line(app))
    assert said.code == 20
    assert "app.yaml:7:1" in said.err
    app.app.unlink()
    assert bundle(*build_line(app)).code == 2


def test_a_source_that_fails_is_21(app: Workplace, bundle: Cli) -> None:
    broken = source()
    broken.cuts[APP.build().layers[0].digest] = 10
    with served_by(broken):
        said = bundle(*build_line(app))
        assert said.code == 21
        assert "registry-unreachable" in said.err
        assert bundle(*build_line(app)).code == 0
    app.tidy()


def test_init_schema_and_keygen(place: Workplace, bundle: Cli) -> None:
    path = place.root / "app.yaml"
    assert str(path) in bundle("init", path).out
    assert bundle("init", path).code == 2
    assert document(bundle("schema").out)["properties"]["images"]
    key = place.root / "k"
    told = bundle("keygen", key, "--no-passphrase")
    assert told.code == 0
    assert "fingerprint  SHA256:" in told.out
    second = document(bundle("keygen", f"{key}2", "--no-passphrase", "--json").out)
    assert second["public"] == f"{key}2.pub"
    assert bundle("keygen", f"{key}3").code == 2


def test_help_and_version(bundle: Cli) -> None:
    assert "moonlift" in bundle("--version").out
    for verb in ([], ["build"], ["verify"], ["inspect"], ["diff"], ["keygen"]):
        said = bundle(*verb, "--help")
        assert said.code == 0
        assert "Usage: bundle" in said.out
    assert bundle().code == 2


def test_a_bug_keeps_its_traceback_and_has_its_own_code(
    bundle: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("manifests.appmanifest.app.app_schema", fail)
    said = bundle("schema")
    assert said.code == 70
    assert "Traceback" in said.err
    assert "ZeroDivisionError: a bug" in said.err


@pytest.mark.parametrize(
    ("raised", "code"), [(KeyboardInterrupt, 130), (SystemExit, 70), (GeneratorExit, 70)]
)
def test_other_ends(
    bundle: Cli, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException], code: int
) -> None:
    def end(**_: object) -> None:
        raise raised

    monkeypatch.setattr(cli, "app", end)
    assert bundle("schema").code == code


def test_an_interrupt_in_the_midst_of_a_serializer_is_an_interrupt(
    bundle: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model's serializer wraps whatever is raised in it."""

    def interrupted(**_: object) -> None:
        raise ValueError("Error calling function") from KeyboardInterrupt()

    monkeypatch.setattr(cli, "app", interrupted)
    said = bundle("schema")
    assert (said.code, said.err) == (130, "")


def test_the_package_can_be_run() -> None:
    command = [sys.executable, "-m", "bundler", "--version"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.startswith(b"bundle (")


def test_a_reader_that_goes_away_is_no_bug(shelf: Shelf) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "bundler", "inspect", str(shelf.old)]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.returncode not in (0, 70)
    assert "Traceback" not in done.stderr


SLOW = """
import signal, sys, threading
from bundler import cli
from bundler.locking.pins import Renew
from bundler.sources.choose import Sources
from tests.bundler.test_cli import hanging_source
# A shell starts what it puts into the background with SIGINT ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
Sources._registry = lambda self: hanging_source()
cli.main()
"""


def hanging_source() -> MemorySource:
    """Return a source whose layers take for ever."""
    slow = source()
    slow.pause_s = 3600
    return slow


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_a_build(place: Workplace, number: int) -> None:
    place.write_app("registry.test/app:1")
    arguments = map(str, build_line(place))
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        deadline = time.monotonic() + 20
        while not any(place.cache.root.glob("tmp/*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.1)
        running.send_signal(number)
        try:
            running.wait(60)
        finally:
            running.kill()
        assert running.returncode == 130
        assert running.stderr is not None
        assert b"Traceback" not in running.stderr.read()
    assert not (place.root / "out").exists()
    place.tidy()
