"""What all benchmarks share: the real images, a working folder beside them, a signing key."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cache import cache_root
from tests.support.realimages import NAMES, run_real_registry
from tests.support.registry import Registry

PRODUCT = "viz"


@dataclass(frozen=True)
class Scene:
    """A working folder.

    Attributes:
        folder: everything made here lies below it; removed in the end.
        registry: has the real images.
        env: variables that keep the programs under test within `folder`.
        targets: what was judged so far.
    """

    folder: Path
    registry: Registry
    env: dict[str, str]
    targets: list[Target] = field(default_factory=list)

    @property
    def references(self) -> list[str]:
        """Every real image."""
        return [f"{self.registry.address}/{name}" for name in NAMES]

    def judge(self, what: str, value: float, limit: float) -> None:
        """Keep a figure that should be at most `limit`."""
        self.targets.append(Target(what, value, limit))

    def bundle_argv(self, output: Path, *options: str) -> list[str]:
        """Return the command that builds a signed bundle of the real images."""
        key = ["--key", str(self.folder / "key")]
        build = ["build", str(self.folder / "app.yaml"), *key, "--output", str(output)]
        return [program("bundle"), *build, *options]

    def installer_argv(self, *words: str) -> list[str]:
        """Return a command of the installer."""
        return [program("installer"), *words]


@dataclass(frozen=True)
class Target:
    """A figure and what it should at most be."""

    what: str
    value: float
    limit: float

    @property
    def line(self) -> str:
        """The figure in words."""
        verdict = "met" if self.value <= self.limit else "MISSED"
        return f"{verdict:7} {self.value:8.3f}  of at most {self.limit:<6g} {self.what}"


def program(name: str) -> str:
    """Return the path of one of our programs, beside the running interpreter."""
    return str(Path(sys.executable).with_name(name))


def remove(*paths: Path) -> None:
    """Delete files and folders that are there."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


@contextmanager
def open_scene() -> Iterator[Scene]:
    """Set the scene, on the file system of the test cache; take it down in the end."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=cache_root()) as name:
        folder = Path(name)
        with run_real_registry(folder / "registry") as registry:
            scene = Scene(folder, registry, _environment(folder))
            os.environ.update(scene.env)
            _write_app(scene)
            _make_key(scene)
            yield scene


def _environment(folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder / "home"),
        "MOONLIFT_CACHE": str(folder / "cache"),
        "MOONLIFT_TRUST_DIR": str(folder / "trust"),
        "MOONLIFT_STATE_DIR": str(folder / "state"),
    }


def _write_app(scene: Scene) -> None:
    images = "".join(f"  - {reference}\n" for reference in scene.references)
    text = f'schema: 1\nname: {PRODUCT}\nversion: "1.4.0"\nimages:\n{images}'
    (scene.folder / "app.yaml").write_text(text)


def _make_key(scene: Scene) -> None:
    """Make a key and trust it."""
    key = str(scene.folder / "key")
    _silently(program("bundle"), "keygen", "--no-passphrase", key)
    trust = ("trust", "add", f"{key}.pub", "--id", "bench", "--trust-on-first-use")
    _silently(*scene.installer_argv(*trust))


def _silently(*argv: str) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
