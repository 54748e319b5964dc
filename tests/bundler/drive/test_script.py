"""moonlift.sh: hosts without any program of ours check and load, in whichever POSIX shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bundler.builds import Workplace, memory, served_by
from tests.bundler.drive.conftest import CHUNK, Stick
from tests.support.bundles import Bundle, SigningKey, new_key
from tests.support.engine import Engine
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import flip

SHELLS = (("dash",), ("busybox", "sh"))
SIGNATURE = "SHA256SUMS.1.sig"

Made = dict[int, Bundle]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=SHELLS, ids=lambda shell: str(shell[0]))
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    words: tuple[str, ...] = request.param
    if shutil.which(words[0]) is None:
        pytest.skip(f"no {words[0]}: make setup")
    return words


@pytest.fixture
def signers(key: SigningKey, tmp_path: Path) -> Path:
    path = tmp_path / "trust/allowed_signers"
    path.parent.mkdir()
    path.write_text(f"release@acme {key.public_path.read_text()}")
    return path


@pytest.fixture
def run(stick: Stick, shell: tuple[str, ...], signers: Path) -> Run:
    def call(verb: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        last = [str(signers)] if words else []
        return subprocess.run(
            [*shell, str(stick.root / "moonlift.sh"), verb, *words, *last],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **env},
        )

    return call


@pytest.fixture
def ready(stick: Stick, made: Made) -> Path:
    """A release on the drive, its large blob in pieces."""
    stick.put(made[1].path, max_file=CHUNK)
    return stick.root / "viz-1.1.0"


def test_checks_a_release_with_pool_and_pieces(ready: Path, run: Run) -> None:
    assert run("list").stdout.split() == [ready.name]
    done = run("check", ready.name)
    assert (done.returncode, done.stderr.count("blobs/")) == (0, 4)
    assert "signed by release@acme SHA256:" in done.stdout
    assert "whole and signed" in done.stdout


def damaged_blob(stick: Stick, folder: Path) -> None:
    del folder
    flip(next(stick.pool.glob("*.002")))


def lost_piece(stick: Stick, folder: Path) -> None:
    del folder
    next(stick.pool.glob("*.003")).unlink()


def linked_blob(stick: Stick, folder: Path) -> None:
    del folder
    piece = next(stick.pool.glob("*.001"))
    piece.rename(stick.root / "elsewhere")
    piece.symlink_to(stick.root / "elsewhere")


def extra_file(stick: Stick, folder: Path) -> None:
    del stick
    (folder / "files/extra").write_text("x")


def extra_link(stick: Stick, folder: Path) -> None:
    del stick
    (folder / "link").symlink_to("/etc/passwd")


def other_sums(stick: Stick, folder: Path) -> None:
    del stick
    flip(folder / "SHA256SUMS")


def no_signature(stick: Stick, folder: Path) -> None:
    del stick
    (folder / SIGNATURE).unlink()


def no_release(stick: Stick, folder: Path) -> None:
    del stick
    shutil.rmtree(folder)


HARM = [damaged_blob, lost_piece, linked_blob, extra_file, extra_link, other_sums, no_signature]


@pytest.mark.parametrize("harm", [*HARM, no_release])
def test_refuses(
    harm: Callable[[Stick, Path], None], stick: Stick, ready: Path, run: Run, tmp_path: Path
) -> None:
    harm(stick, ready)
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin/docker"
    docker.write_text(f"#!/bin/sh\ntouch {tmp_path}/loaded\n")
    docker.chmod(0o755)
    done = run("load", ready.name, PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    assert done.returncode == 10, done.stderr
    assert "moonlift.sh: " in done.stderr
    assert not (tmp_path / "loaded").exists()


def test_refuses_a_stranger_and_too_few_signers(ready: Path, run: Run, signers: Path) -> None:
    (signers.parent / "threshold").write_text("2\n")
    done = run("check", ready.name)
    assert (done.returncode, "expected signatures by 2" in done.stderr) == (10, True)
    (signers.parent / "threshold").unlink()
    other = new_key(signers.parent / "other")
    signers.write_text(f"release@acme {other.public_path.read_text()}")
    assert run("check", ready.name).returncode == 10


def test_refuses_a_signed_list_with_a_name_that_leaves_the_release(
    ready: Path, run: Run, key: SigningKey
) -> None:
    sums = (ready / "SHA256SUMS").read_bytes() + b"0" * 64 + b"  z/../../x\n"
    (ready / "SHA256SUMS").write_bytes(sums)
    (ready / SIGNATURE).write_bytes(key.sign(sums))
    done = run("check", ready.name)
    assert (done.returncode, "no release has" in done.stderr) == (10, True)


@pytest.mark.engine
def test_loads_into_a_real_engine(
    new_docker_engine: Engine, stick: Stick, run: Run, place: Workplace, signers: Path
) -> None:
    big = LayerSpec.random(5, CHUNK + 1000)
    place.write_app("registry.test/app:1", "registry.test/other:1")
    small = LayerSpec({"etc/motd": b"hello"})
    with served_by(memory(app=ImageSpec((small, big)), other=ImageSpec((small,)))):
        made = place.build().release
    signers.write_text(f"release@acme {place.public_key.read_text()}")
    stick.put(place.root / "out", max_file=CHUNK)
    done = run("load", "viz-1.0.0", **new_docker_engine.env)
    assert done.returncode == 0, done.stderr
    assert len(list(stick.pool.glob("*.00?"))) == 2
    assert new_docker_engine.image_ids() == {str(image.image_id) for image in made.images}
    assert new_docker_engine.inspect("registry.test/app:1")["RootFS"]["Layers"]
