"""A host for the installer: its keys, its ledger, an engine that is not real."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from installer.engines.base import Engine
from installer.engines.choose import open_engine
from installer.events import Event, RunFinished, RunRecord
from installer.ledger import Ledger
from installer.plan import Plan, plan
from installer.run import run
from installer.running.source import BundleSource
from installer.trust import TrustStore
from installer.verify import STRICT, Leniency, VerifiedBundle, verify
from manifests.bundle.medium import open_medium
from manifests.seals.seal import SealedRelease
from tests.installer.fake_engine import FakeEngine, run_fake_engine
from tests.support.bundles import Bundle, Facts, SigningKey, make_bundle, new_key
from tests.support.images import ImageSpec, Spec
from tests.support.layers import LayerSpec

NOW = datetime(2026, 7, 1, tzinfo=UTC)
BASE = LayerSpec({"etc/base": b"base" * 500}).stored_as("zstd")
APP = ImageSpec((BASE, LayerSpec({"bin/app": b"app" * 900}).stored_as("zstd")))
WEB = ImageSpec((BASE, LayerSpec({"bin/web": b"web" * 900})))
NAMES = ("docker.io/acme/app:1", "docker.io/acme/web:1")
IMAGES: Mapping[str, Spec] = {NAMES[0]: APP, NAMES[1]: WEB}


@dataclass
class Host:
    """A machine that something is installed on.

    Attributes:
        root: folder of its own.
        key: whose signature it trusts.
        lenient: lets older releases pass.
    """

    root: Path
    key: SigningKey
    lenient: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)
    closing: ExitStack = field(default_factory=ExitStack)

    @property
    def trust(self) -> TrustStore:
        return TrustStore(self.root / "trust")

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.root / "state")

    def bundle(self, images: Mapping[str, Spec] = IMAGES, facts: Facts | None = None) -> Bundle:
        number = len(list(self.root.glob("bundle-*")))
        return make_bundle(self.root / f"bundle-{number}", images, self.key, facts=facts)

    def verify(self, path: Path, leniency: Leniency = STRICT) -> VerifiedBundle:
        medium = open_medium(path)
        self.closing.callback(medium.close)
        return verify(medium, self.trust.load(), self.ledger, NOW, leniency)

    def source(self, sealed: SealedRelease) -> BundleSource:
        return BundleSource(sealed, lambda _: None, lambda *_: None)

    def plan(self, path: Path, engine: Engine | str, *, one_pass: bool = False) -> Plan:
        opened = open_engine(engine) if isinstance(engine, str) else engine
        self.closing.callback(opened.close)
        verified = self.verify(path, Leniency(allow_downgrade=self.lenient))
        return plan(verified, opened, self.ledger, one_pass=one_pass)

    def events(self, path: Path, engine: Engine | str, *, one_pass: bool = False) -> list[Event]:
        return list(run(self.plan(path, engine, one_pass=one_pass), self.cancel))

    def install_without_space_check(self, path: Path, engine: str) -> RunRecord:
        with patch("installer.plan.file_system_of", return_value=None):
            return self.install(path, engine)

    def install(self, path: Path, engine: Engine | str, *, one_pass: bool = False) -> RunRecord:
        last = self.events(path, engine, one_pass=one_pass)[-1]
        assert isinstance(last, RunFinished)
        return last.record


@contextmanager
def piped(data: bytes, path: Path) -> Iterator[Path]:
    """Yield a named pipe through which `data` comes once."""

    def write() -> None:
        with suppress(BrokenPipeError), path.open("wb") as pipe:
            pipe.write(data)

    os.mkfifo(path)
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    yield path


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    key = new_key(tmp_path / "key")
    made = Host(tmp_path, key)
    made.trust.add_on_first_use(key.public, "release@acme")
    with made.closing:
        yield made


@pytest.fixture(params=["graph", "containerd"])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeEngine]:
    """An engine of each store."""
    with run_fake_engine(request.param) as engine:
        yield engine


@pytest.fixture
def graph() -> Iterator[FakeEngine]:
    with run_fake_engine("graph") as engine:
        yield engine


@pytest.fixture
def containerd() -> Iterator[FakeEngine]:
    with run_fake_engine("containerd") as engine:
        yield engine
