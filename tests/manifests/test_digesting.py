"""Digests that are computed before anyone asks: right, counted once, stopped when asked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from manifests.bundle.digesting import BUFFER, Digesting
from manifests.bundle.medium import DirectoryMedium
from manifests.digest import Digest
from manifests.errors import BundleRefused
from manifests.seals.seal import open_sealed
from tests.manifests.conftest import Signed
from tests.support.contents import check_contents
from tests.support.tamper import copy_of, flip

CONTENTS = {"empty": b"", "small": b"x", "large": bytes(range(256)) * (BUFFER // 100)}


@pytest.fixture
def medium(tmp_path: Path) -> DirectoryMedium:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    return DirectoryMedium(tmp_path)


def test_digests_and_every_byte_told_once(medium: DirectoryMedium) -> None:
    seen: list[int] = []
    digesting = Digesting(medium)
    digesting.begin([("large", medium.sizes["large"])])
    digesting.wait("large")
    digesting.begin(medium.sizes.items())
    digesting.tell(seen.append)
    for name, content in CONTENTS.items():
        assert digesting.wait(name) == Digest(hashlib.sha256(content).hexdigest())
    digesting.stop()
    assert sum(seen) == sum(map(len, CONTENTS.values()))


def test_a_file_that_is_shorter_than_it_was(medium: DirectoryMedium, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"cut")
    digesting = Digesting(medium)
    digesting.begin(medium.sizes.items())
    with pytest.raises(BundleRefused) as caught:
        digesting.wait("large")
    assert caught.value.code == "bundle-truncated"
    digesting.stop()


def test_damage_is_named_however_early_it_was_read(pristine: Signed, tmp_path: Path) -> None:
    path = copy_of(pristine.path, tmp_path / "viz")
    layer = max((path / "blobs" / "sha256").iterdir(), key=lambda file: file.stat().st_size)
    flip(layer)
    medium = DirectoryMedium(path)
    digesting = Digesting(medium)
    digesting.begin(medium.sizes.items())
    sealed = open_sealed(medium, pristine.judge())
    with pytest.raises(BundleRefused) as caught:
        check_contents(sealed, lambda _: None, begun=digesting)
    assert (caught.value.code, caught.value.context["offset"]) == ("chunk-damaged", 0)
    digesting.stop()
