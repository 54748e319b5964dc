"""Engines that have the self-test's image, without network, as a disconnected host has them.

Making the image takes minutes and needs the machine's package source, so its base, the layer with
the packages and the engines are kept in the test cache. The layer with the self-test itself is
built anew in each run: it holds today's.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from bundler.verbs.selftestimage import ImageRequest, build_image
from tests.support.cache import cache_root, cached_folder, locked
from tests.support.debian import bootstrap, copy_settings, mirror
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine
from tests.support.newdocker import run_new_dockerd
from tests.support.process import short_directory

BASE = "acme/debian:13"
IMAGE = "acme/selftest:1"

_SUITE = "trixie"
_CACHE_NAME = "selftest-image-2"


@contextmanager
def run_selftest_engine() -> Iterator[Engine]:
    """Run the machine's Docker with today's image; one user at a time.

    Raises:
        DebianError: the image had to be made and could not.
        SourceFailed: likewise.
    """
    folder = cached_folder(_CACHE_NAME, _make)
    with locked("selftest-engine"), run_dockerd(folder / "engine") as engine:
        build(engine)
        engine.docker("image", "prune", "--force")
        yield engine


@contextmanager
def run_new_selftest_engine(old: Engine) -> Iterator[Engine]:
    """Run Docker 26, graph-driver store, with the image that `old` has; one user at a time.

    It knows CDI, with specifications in `cdi_folder`, and a runtime `nvidia` that is runc by
    another name: a container gets all that was asked for, but a GPU.
    """
    folder = cached_folder(_CACHE_NAME, _make)
    specs = cdi_folder()
    shutil.rmtree(specs, ignore_errors=True)
    specs.mkdir(parents=True)
    config = {
        "features": {"containerd-snapshotter": False, "cdi": True},
        "cdi-spec-dirs": [str(specs)],
        "runtimes": {"nvidia": {"path": "/usr/sbin/runc"}},
    }
    starting = run_new_dockerd(folder / "new-engine", config=config)
    with locked("new-selftest-engine"), starting as engine:
        if image_id(old) not in engine.image_ids():
            _copy(old, engine)
            engine.docker("image", "prune", "--force")
        yield engine


def cdi_folder() -> Path:
    """Return where Docker 26 of `run_new_selftest_engine` looks for CDI specifications."""
    return cache_root() / _CACHE_NAME / "new-engine/cdi"


def image_id(engine: Engine) -> str:
    """Return the ID of the self-test's image."""
    return str(engine.inspect(IMAGE)["Id"])


def build(engine: Engine, *, network: str = "none") -> None:
    """Build the image as `bundle selftest-image` does."""
    client = docker.DockerClient(base_url=engine.url, timeout=1800)
    try:
        build_image(ImageRequest(BASE, IMAGE, network), client, lambda _: None)
    finally:
        client.close()


def _make(folder: Path) -> None:
    with run_dockerd(folder / "engine", network="host") as engine:
        _import_base(folder / "base", engine)
        build(engine, network="host")


def _import_base(root: Path, engine: Engine) -> None:
    bootstrap(root, _SUITE, ("ca-certificates",))
    copy_settings(root)
    (root / "etc/apt/sources.list").write_text(f"deb {mirror()} {_SUITE} main\n")
    for listed in (root / "etc/apt/sources.list.d").glob("*"):
        listed.unlink()
    archive = root.with_suffix(".tar")
    subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
    engine.docker("import", str(archive), BASE)
    archive.unlink()
    shutil.rmtree(root)


def _copy(source: Engine, target: Engine) -> None:
    with short_directory() as folder:
        archive = str(folder / "image.tar")
        source.docker("save", "--output", archive, IMAGE)
        target.docker("load", "--input", archive)
