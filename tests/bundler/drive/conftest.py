"""A folder that stands for a drive, and bundles to be put on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from bundler.drive.plan import DrivePlan, plan_drive
from bundler.drive.put import DriveReport, put
from bundler.progress import Progress, Silent
from bundler.verbs.inspect import accept_claimed
from manifests.bundle.medium import open_medium
from manifests.seals.allowedsigners import AllowedSigner
from manifests.seals.listing import trusted_signers
from manifests.seals.seal import open_sealed
from tests.support.bundles import Bundle, Facts, SigningKey, make_bundle, new_key
from tests.support.contents import check_contents
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec

CHUNK = 8 * 1024 * 1024
BASE = LayerSpec.random(1, 2 * CHUNK + 100_000)
"""A layer of three chunks."""


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return new_key(tmp_path_factory.mktemp("drivekey") / "key")


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def release(folder: Path, key: SigningKey, number: int, product: str = "viz") -> Bundle:
    """Make the release `number` of a product: all of them share a layer, each has its own."""
    own = LayerSpec.random(100 + number, 300_000)
    facts = Facts(
        product=product,
        version=f"1.{number}.0",
        sequence=number,
        files={"compose.yaml": b"services: {}\n", "empty": b""},
    )
    images = {f"docker.io/acme/{product}:{number}": ImageSpec((BASE, own))}
    return make_bundle(folder / f"{product}{number}", images, key, facts=facts)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> dict[int, Bundle]:
    """Four releases of one product; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    return {number: release(folder, key, number) for number in (1, 2, 3, 4)}


@dataclass(frozen=True)
class Stick:
    """A drive, and who trusts what is on it."""

    root: Path
    key: SigningKey

    def planned(
        self, source: Path, act: Callable[[DrivePlan], DriveReport | None], **options: int
    ) -> DriveReport | None:
        medium = open_medium(source)
        try:
            sealed = open_sealed(medium, accept_claimed)
            remove_old = bool(options.pop("remove_old", 0))
            return act(plan_drive(sealed, self.root, remove_old=remove_old, **options))
        finally:
            medium.close()

    def put(self, source: Path, progress: Progress | None = None, **options: int) -> DriveReport:
        spared = self.root.parent / "drop_caches"  # what else runs here keeps its names in memory
        with patch("bundler.drive.forget._DROP", spared):
            report = self.planned(source, lambda plan: put(plan, progress or Silent()), **options)
        assert report is not None
        return report

    def check(self, folder: str) -> str:
        """Believe a release on the drive to its last byte; return its identity."""
        signer = AllowedSigner(("someone",), self.key.public)
        medium = open_medium(self.root / folder)
        try:
            judge = trusted_signers([signer], 1, datetime(2026, 7, 1, tzinfo=UTC))
            sealed = open_sealed(medium, judge)
            check_contents(sealed, lambda _: None)
            return str(sealed.sums_digest)
        finally:
            medium.close()

    @property
    def pool(self) -> Path:
        return self.root / "blobs/sha256"

    def large(self, bundle: Bundle) -> Path:
        """The largest blob of a bundle in the pool."""
        blob = max(bundle.release.blobs(), key=lambda one: one.size)
        return self.pool / blob.digest.hex


@pytest.fixture
def stick(tmp_path: Path, key: SigningKey) -> Stick:
    (tmp_path / "usb").mkdir()
    return Stick(tmp_path / "usb", key)
