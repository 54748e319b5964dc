"""A bundle with parity, what it is to be again, and a host that trusts its signer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from installer.cli import app
from tests.support.bundles import Bundle, Facts, SigningKey, make_bundle, new_key
from tests.support.commandline import CliRunner
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import copy_of, files_of

CHUNK = 8 * 1024 * 1024
IMAGES = {
    "docker.io/acme/app:1": ImageSpec(
        (LayerSpec.random(1, CHUNK + 2_000_000), LayerSpec.random(2, 700_000))
    ),
    "docker.io/acme/web:1": ImageSpec((LayerSpec.random(3, 300_000),)),
}
FACTS = Facts(files={"compose.yaml": b"services: {}\n" * 40, "empty": b""}, parity=10)


@dataclass(frozen=True)
class Said:
    """What `installer repair` came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Bench:
    """A damaged copy of a bundle, and a host to repair it on.

    Attributes:
        root: folder of its own.
        good: the bundle as it was made; not to be changed.
        key: who signed it.
    """

    root: Path
    good: Bundle
    key: SigningKey

    @property
    def bad(self) -> Path:
        """The copy that tests damage."""
        return self.root / "usb/viz"

    @property
    def out(self) -> Path:
        return self.root / "out"

    def copy(self, name: str) -> Path:
        """Return one more copy."""
        return copy_of(self.good.path, self.root / name)

    def run(self, *arguments: object) -> Said:
        trust = ["--trust-dir", str(self.root / "trust"), "--state-dir", str(self.root / "state")]
        done = CliRunner().invoke(app, [*trust, *map(str, arguments)], catch_exceptions=False)
        return Said(done.exit_code, done.stdout, done.stderr)

    def repair(self, *arguments: object, bundle: Path | None = None) -> Said:
        return self.run("repair", bundle or self.bad, *arguments, "--json")

    def is_whole(self, folder: Path) -> bool:
        """Tell whether a folder is the bundle again, and `verify` says so."""
        return contents(folder) == dict(self.good.files) and not self.run("verify", folder).code


def contents(folder: Path) -> Mapping[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_of(folder)}


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return new_key(tmp_path_factory.mktemp("repairkey") / "key")


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("repair") / "viz", IMAGES, key, facts=FACTS)


@pytest.fixture
def bench(tmp_path: Path, good: Bundle, key: SigningKey) -> Bench:
    bench = Bench(tmp_path, good, key)
    copy_of(good.path, bench.bad)
    fingerprint = ("--fingerprint", key.public.fingerprint)
    assert bench.run("trust", "add", key.public_path, "--id", "t@acme", *fingerprint).code == 0
    return bench
