"""Builds that are killed, interrupted, or run out of disk: the next run completes them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import bundler.answers.build  # noqa: F401 - before any fork: kills shall meet the build, not its loading
from bundler import cli
from bundler.cache import Cache
from manifests.errors import MoonliftError
from manifests.layerpolicy import LayerPolicy
from tests.bundler.builds import Workplace, content_of, memory, served_by
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import files_of

pytestmark = pytest.mark.engine

KILLS = 25
APP = ImageSpec(tuple(LayerSpec.random(n, 500_000, compressible=n % 2 == 0) for n in range(6)))
OTHER = ImageSpec((*APP.layers[:2], LayerSpec.random(9, 1_500_000)))


@pytest.fixture
def app(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    (place.root / "conf").mkdir()
    (place.root / "conf/a.txt").write_text("a")
    place.write_app("registry.test/app:1", "registry.test/other:1", more="files: [conf]\n")
    return place


def forked(place: Workplace, out: str) -> int:
    """Run `bundle build` in a child of this process; return its process id."""
    arguments = ["-o", place.root / out, "-k", place.key, "--cache", place.cache.root]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            sys.argv = ["bundle", "build", str(place.app), *map(str, arguments)]
            sys.stdout = sys.stderr = (place.root.parent / "said.txt").open("a")
            cli.main()
        finally:
            os._exit(130)
    return child


def content(place: Workplace, out: str) -> dict[str, bytes]:
    path = place.root / out
    return content_of(path) if path.is_dir() else {out: path.read_bytes()}


def no_litter(place: Workplace, *kept: str) -> None:
    place.tidy()
    assert {path.name for path in place.root.iterdir()} == {
        "app.yaml",
        "app.lock.json",
        "conf",
        "cache",
        *kept,
    }
    assert not files_of(place.cache.root / "partial")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("out", ["out", pytest.param("out.tar", marks=pytest.mark.long)])
def test_a_build_stopped_at_any_moment_is_completed_by_the_next(
    app: Workplace, number: signal.Signals, out: str
) -> None:
    source = memory(app=APP, other=OTHER)
    with served_by(source):
        app.build("reference" + out[3:], cache=Cache(app.root / "other-cache"))
        whole = content(app, "reference" + out[3:])
        source.pause_s = 0.002
        started = time.monotonic()
        app.build(out)
        seconds = time.monotonic() - started
        chance, said = random.Random(number), app.root.parent / "said.txt"
        seen = set()
        for turn in range(KILLS // 2):
            if turn % 4 == 0:
                subprocess.run(["rm", "-rf", app.cache.root, app.root / out], check=True)
            child = forked(app, out)
            time.sleep(chance.uniform(0.0, 1.2 * seconds))
            os.kill(child, number)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert status in (0, 130, -number), said.read_text()
            seen.add(status)
            if (app.root / out).exists():
                assert list(content(app, out).values()) == list(whole.values())
        app.build(out)
    assert list(content(app, out).values()) == list(whole.values())
    assert seen - {0}
    subprocess.run(["rm", "-rf", app.root / "other-cache"], check=True)
    no_litter(app, out, "reference" + out[3:])


def test_a_build_goes_on_when_another_that_shares_its_cache_is_killed(app: Workplace) -> None:
    other = Workplace(app.root.parent / "other", app.key)
    shutil.copytree(app.root, other.root)
    app.cache.prepare()
    (other.root / "cache").symlink_to(app.cache.root)
    chance, said = random.Random(3), app.root.parent / "said.txt"
    source = memory(app=APP, other=OTHER)
    source.pause_s = 0.002
    with served_by(source):
        for _ in range(8):
            app.cache.prepare()
            for name in files_of(app.cache.root):
                (app.cache.root / name).unlink()
            first, second = forked(app, "out"), forked(other, "out")
            time.sleep(chance.uniform(0.05, 0.4))
            os.kill(first, signal.SIGKILL)
            os.waitpid(first, 0)
            status = os.waitstatus_to_exitcode(os.waitpid(second, 0)[1])
            assert status == 0, said.read_text()
        app.build()
    assert content(app, "out") == content(other, "out")
    no_litter(app, "out")


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Callable[[int], None]]:
    """Mount a file system of `size` bytes; yield a function that gives it another size."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)

    def resize(size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", folder], check=True)

    try:
        yield resize
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("policy", [LayerPolicy.ZSTD, LayerPolicy.ORIGINAL])
def test_a_full_cache_is_told_and_the_next_build_completes(
    app: Workplace, policy: LayerPolicy
) -> None:
    refused = 0
    with served_by(memory(app=APP, other=OTHER)), small_disk(app.root / "cache", 2**16) as resize:
        for size in range(2**16, 7 * 2**20, 2**19):
            resize(size)
            said = outcome(lambda: app.build(policy=policy))
            app.tidy()
            if said is None:
                break
            assert (said.code, said.exit_code) == ("cache-unusable", 21)
            assert "No space left" in str(said)
            assert "--cache" in said.hint
            assert not (app.root / "out").exists()
            refused += 1
    assert refused > 3
    assert (app.root / "out").exists()


def outcome(action: Callable[[], object]) -> MoonliftError | None:
    try:
        action()
    except MoonliftError as error:
        return error
    return None


@pytest.mark.parametrize(("out", "part_size"), [("x", None), ("x.tar", None), ("x.tar", 2**20)])
def test_a_full_disk_is_told_and_leaves_the_old_bundle(
    app: Workplace, out: str, part_size: int | None
) -> None:
    disk = app.root / "disk"
    place = f"disk/{out}"
    with served_by(memory(app=APP, other=OTHER)), small_disk(disk, 2**30) as resize:
        app.build(place, part_size=part_size)
        names = files_of(disk)
        used = sum((disk / name).stat().st_size for name in names)
        before = content_of(disk)
        app.write_app("registry.test/app:1", "registry.test/other:1", version="2")
        for free in (2**12, used // 3, used - 2**18):
            resize(used + free + 2**17)
            with pytest.raises(MoonliftError) as caught:
                app.build(place, part_size=part_size)
            error = caught.value
            assert (error.code, error.exit_code) == ("write-failed", 21)
            assert "No space left" in str(error)
            assert content_of(disk) == before
        resize(3 * used)
        app.build(place, part_size=part_size)
        assert content_of(disk) != before
        assert not [name for name in files_of(disk) if name.startswith(".")]
