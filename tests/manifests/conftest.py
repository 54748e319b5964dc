"""A small signed bundle in every form that a medium can have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from manifests.seals.allowedsigners import AllowedSigner
from manifests.seals.listing import Judge, trusted_signers
from tests.support.bundles import Bundle, Facts, SigningKey, make_bundle, new_key
from tests.support.images import ImageSpec, IndexSpec, Spec
from tests.support.layers import LayerSpec

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

NOW = datetime(2026, 7, 1, tzinfo=UTC)
APP = ImageSpec((LayerSpec.random(1, 3000), LayerSpec({"etc/motd": b"hello\n"})))
BOTH = IndexSpec((APP, APP.on("linux/arm64")))
FACTS = Facts(files={"compose.yaml": b"services: {}\n", "empty": b""})


@dataclass(frozen=True)
class Signed:
    """A bundle and who may have signed it."""

    bundle: Bundle
    keys: tuple[SigningKey, ...]

    @property
    def path(self) -> Path:
        return self.bundle.path

    def judge(self, threshold: int = 1, now: datetime = NOW) -> Judge:
        signers = [
            AllowedSigner((f"signer{number}",), key.public) for number, key in enumerate(self.keys)
        ]
        return trusted_signers(signers, threshold, now)


@pytest.fixture(scope="session")
def _keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[SigningKey, SigningKey]:
    folder = tmp_path_factory.mktemp("keys")
    return new_key(folder / "one"), new_key(folder / "two")


@pytest.fixture(scope="session")
def pristine(
    _keys: tuple[SigningKey, SigningKey], tmp_path_factory: pytest.TempPathFactory
) -> Signed:
    """A good bundle, signed by two; not to be changed."""
    folder = tmp_path_factory.mktemp("bundle") / "viz"
    images: dict[str, Spec] = {"docker.io/acme/app:1": APP, "docker.io/acme/both:1": BOTH}
    return Signed(make_bundle(folder, images, *_keys, facts=FACTS), _keys)
