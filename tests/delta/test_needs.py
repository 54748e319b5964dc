"""What a difference needs of a host, and what does not count as it."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.delta.needs import regain
from installer.engines.base import Delivery
from installer.engines.layout import LayoutEngine
from manifests.base import PATCH_TYPE, Base, PatchRecord
from manifests.bundle.layout import blob_name
from manifests.digest import Digest
from manifests.errors import NotInstallableHere
from manifests.mediatype import MediaType
from manifests.release import ImageRecord, LayerRecord, Release
from tests.delta.site import Site
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec

TAR = b"an old layer's tar"
HERE = LayerRecord.of_tar(Digest.of(TAR), len(TAR), MediaType.OCI_LAYER)
PACKED = HERE.model_copy(
    update={"digest": Digest.of(b"zstd"), "size": 9, "media_type": str(MediaType.OCI_LAYER_ZSTD)}
)
NEW = LayerRecord.of_tar(Digest.of(b"new"), 3, MediaType.OCI_LAYER)
PATCH = PatchRecord(
    digest=Digest.of(b"patch"),
    size=5,
    media_type=PATCH_TYPE,
    makes=NEW.digest,
    old=HERE,
    uncompressed=60,
)


@pytest.fixture
def known(site: Site) -> Release:
    """A release whose one layer lies in the host's layout as a plain tar."""
    made = site.release(site.build("old", "1.0.0", app=ImageSpec((LayerSpec({"a": b"b"}),))))
    return with_images(made, (HERE,))


@pytest.fixture
def engine(tmp_path: Path) -> LayoutEngine:
    path = tmp_path / "out" / blob_name(HERE.digest)
    path.parent.mkdir(parents=True)
    path.write_bytes(TAR)
    return LayoutEngine(tmp_path / "out")


def with_images(release: Release, *layers: tuple[LayerRecord, ...]) -> Release:
    images = tuple(release.images[0].model_copy(update={"layers": one}) for one in layers)
    return release.model_copy(update={"images": images})


def deliveries(release: Release) -> list[Delivery]:
    def one(image: ImageRecord) -> Delivery:
        return Delivery(image, image.layers, "")

    return [one(image) for image in release.images]


def test_the_old_layer_of_a_patch_may_have_any_form(known: Release, engine: LayoutEngine) -> None:
    release = with_images(known, (NEW,)).model_copy(update={"base": Base(patches=(PATCH,))})
    found = regain(release, deliveries(release), engine, [known], None)
    assert found is not None
    assert [one.layer for one in found.copied] == [HERE]
    assert found.copied_bytes == len(TAR)


def test_a_tar_does_not_stand_for_a_compressed_blob(known: Release, engine: LayoutEngine) -> None:
    base = Base(layers=(PACKED,), patches=(PATCH,))
    release = with_images(known, (NEW,), (PACKED,)).model_copy(update={"base": base})
    with pytest.raises(NotInstallableHere) as caught:
        regain(release, deliveries(release), engine, [known], None)
    assert caught.value.code == "base-missing"
    assert len(caught.value.parts) == 1


def test_a_host_that_lacks_nothing_is_asked_nothing(known: Release, engine: LayoutEngine) -> None:
    release = with_images(known, (HERE,)).model_copy(update={"base": Base(layers=(HERE,))})
    assert regain(release, [], engine, [known], None) is None
