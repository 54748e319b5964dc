"""Real images for the benchmarks: a Debian base and four applications on it.

Built once by a real engine from the machine's own package source, pushed to a real registry (so
with Docker's own gzip) and kept in the test cache, together with the engine that built them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.cache import cached_folder, locked
from tests.support.debian import bootstrap, copy_settings, machine_suite
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine
from tests.support.registry import Registry, run_registry

RECIPES = Path(__file__).parents[1] / "bench/images"
BASE = "acme/base:12"
CHILDREN = ("viz", "web", "redis", "postgres")
NAMES = (BASE, *(f"acme/{name}:1" for name in CHILDREN))

_CACHE_NAME = "real-images-2"


@dataclass(frozen=True)
class Layer:
    """A layer of the set.

    Attributes:
        digest: as stored in the registry.
        size: bytes there.
        media_type: as the manifest says.
    """

    digest: str
    size: int
    media_type: str


@contextmanager
def run_real_registry(root: Path) -> Iterator[Registry]:
    """Serve the images from the cache; configuration and log go to `root`.

    Raises:
        DebianError: the images had to be made and could not.
    """
    storage = cached_folder(_CACHE_NAME, _make) / "registry/storage"
    with run_registry(root, storage=storage) as registry:
        yield registry


@contextmanager
def run_real_engine() -> Iterator[Engine]:
    """Run the engine that built the images, and still has them; one user at a time."""
    folder = cached_folder(_CACHE_NAME, _make)
    with locked("real-engine"), run_dockerd(folder / "engine", network="host") as engine:
        yield engine


def layers_of(registry: Registry, name: str) -> list[Layer]:
    """Return the layers of one of the images, bottom first."""
    repository, _, tag = name.partition(":")
    manifest = json.loads(registry.get_manifest(repository, tag)[1])
    return [Layer(x["digest"], x["size"], x["mediaType"]) for x in manifest["layers"]]


def unpacked_sizes(engine: Engine) -> dict[str, int]:
    """Return the bytes of each image's files, its base's included, as the engine counts them."""
    return {name: int(engine.inspect(name)["Size"]) for name in NAMES}


def _make(folder: Path) -> None:
    """Fill a cache folder; takes minutes and needs the machine's package source."""
    with (
        run_registry(folder / "registry") as registry,
        run_dockerd(folder / "engine", network="host") as engine,
    ):
        _import_base(folder / "base", engine)
        for name in CHILDREN:
            _build(engine, name)
        for name in NAMES:
            _push(engine, registry, name)


def _import_base(root: Path, engine: Engine) -> None:
    """Make the base image: a minimal Debian that can reach the machine's package source."""
    bootstrap(root, machine_suite(), ("ca-certificates",))
    copy_settings(root)
    archive = root.with_suffix(".tar")
    subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
    engine.docker("import", "--change", "ENV DEBIAN_FRONTEND=noninteractive", str(archive), BASE)
    archive.unlink()
    shutil.rmtree(root)


def _build(engine: Engine, name: str) -> None:
    proxies = [f"--build-arg={k}" for k in os.environ if k.lower().endswith("_proxy")]
    tag = f"--tag=acme/{name}:1"
    build = ("build", "--network=host", "--force-rm", *proxies, tag, str(RECIPES / name))
    engine.docker(*build, timeout_s=1800)


def _push(engine: Engine, registry: Registry, name: str) -> None:
    target = f"{registry.address}/{name}"
    engine.docker("tag", name, target)
    engine.docker("push", target, timeout_s=1800)
    engine.docker("rmi", target)


def main() -> None:
    """Make the images unless they are there; print their sizes."""
    started = time.monotonic()
    folder = cached_folder(_CACHE_NAME, _make)
    with run_real_engine() as engine:
        sizes = unpacked_sizes(engine)
    with run_real_registry(folder / "serving") as registry:
        layers = {name: layers_of(registry, name) for name in NAMES}
    for name, listed in layers.items():
        packed = sum(layer.size for layer in listed)
        print(
            f"{name:16} {len(listed)} layers {packed / 1e6:7.0f} MB gz {sizes[name] / 1e6:7.0f} MB"
        )
    unique = {layer.digest: layer.size for listed in layers.values() for layer in listed}
    children = sum(sizes[name] - sizes[BASE] for name in NAMES if name != BASE)
    total = (sizes[BASE] + children) / 1e6
    print(f"unique layers: {sum(unique.values()) / 1e6:.0f} MB gz, {total:.0f} MB unpacked")
    print(f"ready after {time.monotonic() - started:.1f} s in {folder}")


if __name__ == "__main__":
    main()
