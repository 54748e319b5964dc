"""The steps in which a bundle comes to be believed; tests are named after their numbers.

Every bundle here is made, signed, then changed by its own signer or by a stranger: what a
stranger changes step 1 to 3 or a digest tells; what a signer gets wrong, the later steps.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from manifests.bundle import layout
from manifests.bundle.medium import open_medium
from manifests.bundle.reading import read_small
from manifests.bundle.sums import MAX_BYTES, Sums, signature_name
from manifests.bundle.tarform import END, header, padding
from manifests.bundle.tarmedium import PipeMedium
from manifests.digest import Digest
from manifests.errors import BundleRefused, ExitCode, MoonliftError
from manifests.release import Release
from manifests.seals import seal
from manifests.seals.seal import SealedRelease, open_sealed
from manifests.seals.sshsig import MAX_SIGNATURE_BYTES
from manifests.strictjson import canonical
from tests.manifests.conftest import NOW, Signed
from tests.support.contents import check_contents
from tests.support.tamper import (
    EACH_FILE,
    add,
    copy_of,
    extend,
    files_of,
    flip,
    remove,
    swap,
    truncate,
)

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def bundle(pristine: Signed, tmp_path: Path) -> Path:
    """A copy of the good bundle, to be damaged."""
    return copy_of(pristine.path, tmp_path / "viz")


@contextmanager
def opened(path: Path, signed: Signed, threshold: int = 1) -> Iterator[SealedRelease]:
    medium = open_medium(path)
    try:
        yield open_sealed(medium, signed.judge(threshold))
    finally:
        medium.close()


def check(path: Path, signed: Signed) -> int:
    """Take all six steps; return the bytes of step 6."""
    with opened(path, signed) as sealed:
        return check_contents(sealed, lambda _: None)


def refusal(path: Path, signed: Signed) -> MoonliftError:
    with pytest.raises(MoonliftError) as caught:
        check(path, signed)
    assert caught.value.exit_code is ExitCode.BUNDLE_REFUSED
    return caught.value


def resign(path: Path, signed: Signed) -> None:
    """Make SHA256SUMS and signatures fit what lies there, as the signer could."""
    names = [name for name in files_of(path) if not name.startswith(layout.SUMS)]
    sums = Sums({name: Digest.of((path / name).read_bytes()) for name in names}).render()
    (path / layout.SUMS).write_bytes(sums)
    for number, key in enumerate(signed.keys, start=1):
        (path / signature_name(number)).write_bytes(key.sign(sums))


def edited(path: Path, signed: Signed, edit: Edit) -> None:
    """Change release.json and sign again."""
    release = json.loads((path / layout.RELEASE).read_bytes())
    edit(release)
    (path / layout.RELEASE).write_bytes(canonical(release))
    resign(path, signed)


def stream_of(path: Path, order: list[str]) -> PipeMedium:
    """Return the bundle as it would come through a pipe."""
    pieces = []
    for name in order:
        data = (path / name).read_bytes()
        pieces += [header(name, len(data)), data, padding(len(data))]
    return PipeMedium(io.BytesIO(b"".join([*pieces, END])))  # type: ignore[arg-type]


# ---- the good bundle


def test_good_bundle_is_believed(pristine: Signed) -> None:
    with opened(pristine.path, pristine) as sealed:
        assert sealed.release == pristine.bundle.release
        assert sealed.release_raw == (pristine.path / layout.RELEASE).read_bytes()
        assert sealed.sums_digest == Digest.of((pristine.path / layout.SUMS).read_bytes())
        assert len(sealed.check.accepted) == 2
        for image in sealed.release.images:
            assert Digest.of(sealed.config(image)) == image.image_id
        layers = {layer.digest: layer.size for i in sealed.release.images for layer in i.layers}
        files = sum(file.size for file in sealed.release.files)
        assert check_contents(sealed, lambda _: None) == sum(layers.values()) + files


def test_good_bundle_in_one_file_in_parts_and_by_pipe(pristine: Signed, tmp_path: Path) -> None:
    expected = check(pristine.path, pristine)
    assert check(pristine.bundle.write_tar(tmp_path / "viz.tar"), pristine) == expected
    assert check(pristine.bundle.write_parts(tmp_path / "p.tar", 999), pristine) == expected
    medium = stream_of(pristine.path, list(pristine.bundle.files))
    sealed = open_sealed(medium, pristine.judge())
    assert check_contents(sealed, lambda _: None) == expected


def test_progress_counts_every_byte_once(pristine: Signed) -> None:
    for threads in range(3):
        seen: list[int] = []
        with opened(pristine.path, pristine) as sealed:
            assert check_contents(sealed, seen.append) == sum(seen), threads


# ---- any damage, by anyone without a key


@pytest.mark.parametrize("kind", EACH_FILE)
def test_any_damage_to_any_file_is_refused(pristine: Signed, tmp_path: Path, kind: str) -> None:
    for number, name in enumerate(files_of(pristine.path)):
        if kind in ("empty", "truncate") and name == "files/empty":
            continue
        path = copy_of(pristine.path, tmp_path / f"{number}")
        try:
            EACH_FILE[kind](path / name)
        except IndexError:
            continue
        if layout.is_signature(name):
            one_signature_is_left(path, pristine)
        else:
            assert refusal(path, pristine).code
        shutil.rmtree(path)


def one_signature_is_left(path: Path, signed: Signed) -> None:
    """The other signer's signature still counts, unless what lies there is no bundle's."""
    try:
        with opened(path, signed) as sealed:
            assert len(sealed.check.accepted) == 1
    except BundleRefused as error:
        assert error.code in {"entry-not-regular", "signature-none"}  # noqa: PT017
    with pytest.raises(BundleRefused), opened(path, signed, threshold=2):
        pass


def test_two_blobs_exchanged(bundle: Path, pristine: Signed) -> None:
    first, second, *_ = sorted((bundle / layout.BLOBS).iterdir())
    swap(first, second)
    assert refusal(bundle, pristine).code in {"size-mismatch", "digest-mismatch", "chunk-damaged"}


@pytest.mark.parametrize(
    "name", ["extra", "files/extra", "SHA256SUMS.9.sig", "SHA256SUMS.3.sig.bak", "sha256sums"]
)
def test_file_that_nobody_signed(bundle: Path, pristine: Signed, name: str) -> None:
    add(bundle, name)
    assert refusal(bundle, pristine).code == "file-extra"


def test_signature_of_a_stranger_beside_ours_does_no_harm(bundle: Path, pristine: Signed) -> None:
    add(bundle, signature_name(3))
    with opened(bundle, pristine, threshold=2) as sealed:
        assert len(sealed.check.accepted) == 2


# ---- step 1: SHA256SUMS and signatures, bounded


def test_1_no_sums(bundle: Path, pristine: Signed) -> None:
    (bundle / layout.SUMS).unlink()
    error = refusal(bundle, pristine)
    assert error.code == "not-a-bundle"
    assert "interrupted copy" in error.hint


def test_1_sums_are_bounded(bundle: Path, pristine: Signed) -> None:
    with (bundle / layout.SUMS).open("r+b") as file:
        file.truncate(MAX_BYTES + 1)
    error = refusal(bundle, pristine)
    assert (error.code, error.context["file"]) == ("file-too-large", layout.SUMS)


def test_1_signatures_are_bounded(bundle: Path, pristine: Signed) -> None:
    (bundle / signature_name(1)).write_bytes(b"x" * (MAX_SIGNATURE_BYTES + 1))
    assert refusal(bundle, pristine).code == "file-too-large"


def test_1_read_small(pristine: Signed) -> None:
    medium = open_medium(pristine.path)
    size = medium.sizes[layout.RELEASE]
    assert len(read_small(medium, layout.RELEASE, size)) == size
    with pytest.raises(BundleRefused, match=f"expected at most {size - 1} bytes, found {size}"):
        read_small(medium, layout.RELEASE, size - 1)
    with pytest.raises(BundleRefused):
        read_small(medium, "none", 1)
    medium.close()


# ---- step 2: signatures count before anything else is looked at


def test_2_nothing_else_is_read_before(bundle: Path, pristine: Signed) -> None:
    for name in files_of(bundle):
        if not name.startswith(layout.SUMS):
            flip(bundle / name) if (bundle / name).stat().st_size else remove(bundle / name)
    (bundle / layout.SUMS).write_bytes(b"not even a list of files")
    assert refusal(bundle, pristine).code.startswith("signature-")


def test_2_without_signature(bundle: Path, pristine: Signed) -> None:
    for number in (1, 2):
        (bundle / signature_name(number)).unlink()
    assert refusal(bundle, pristine).code.startswith("signature")


def test_2_threshold(bundle: Path, pristine: Signed) -> None:
    with opened(bundle, pristine, threshold=2) as sealed:
        assert len(sealed.check.accepted) == 2
    shutil.copy(bundle / signature_name(1), bundle / signature_name(2))
    with pytest.raises(BundleRefused), opened(bundle, pristine, threshold=2):
        pass


def test_2_time_and_keys_are_the_hosts(pristine: Signed) -> None:
    medium = open_medium(pristine.path)
    open_sealed(medium, pristine.judge(now=NOW - timedelta(days=9999)))
    strangers = Signed(pristine.bundle, ())
    with pytest.raises(BundleRefused) as caught:
        open_sealed(medium, strangers.judge())
    assert caught.value.code.startswith(("signature", "signers", "trust"))
    medium.close()


# ---- step 3: those files, no other and none less


def test_3_malformed_list_that_was_signed(bundle: Path, pristine: Signed) -> None:
    for text in (b"", b"x\n", b"0" * 64 + b"  ../x\n"):
        (bundle / layout.SUMS).write_bytes(text)
        (bundle / signature_name(1)).write_bytes(pristine.keys[0].sign(text))
        assert refusal(bundle, pristine).code == "sums-malformed"


def test_3_file_missing(bundle: Path, pristine: Signed) -> None:
    (bundle / "files/compose.yaml").unlink()
    error = refusal(bundle, pristine)
    assert (error.code, error.context["file"]) == ("file-missing", "files/compose.yaml")


# ---- step 4: release.json and SHA256SUMS name the same


def test_4_no_release(bundle: Path, pristine: Signed) -> None:
    (bundle / layout.RELEASE).unlink()
    resign(bundle, pristine)
    assert refusal(bundle, pristine).code == "file-missing"


def test_4_release_of_another_digest(bundle: Path, pristine: Signed) -> None:
    flip(bundle / layout.RELEASE)
    assert refusal(bundle, pristine).code == "digest-mismatch"


@pytest.mark.parametrize("name", ["extra", "files/extra", "blobs/sha256/" + "0" * 64])
def test_4_signed_but_not_in_the_release(bundle: Path, pristine: Signed, name: str) -> None:
    add(bundle, name)
    resign(bundle, pristine)
    error = refusal(bundle, pristine)
    assert (error.code, error.context["file"]) == ("listing-differs", name)


def test_4_in_the_release_but_not_signed(bundle: Path, pristine: Signed) -> None:
    (bundle / "files/compose.yaml").unlink()
    resign(bundle, pristine)
    error = refusal(bundle, pristine)
    assert (error.code, error.context["file"]) == ("listing-differs", "files/compose.yaml")


def test_4_other_digest_in_the_release(bundle: Path, pristine: Signed) -> None:
    edited(bundle, pristine, lambda r: r["files"][0].update(digest=str(Digest.of(b"other"))))
    assert refusal(bundle, pristine).code == "listing-differs"


def test_4_other_size(bundle: Path, pristine: Signed) -> None:
    edited(bundle, pristine, lambda r: r["files"][0].update(size=99))
    error = refusal(bundle, pristine)
    assert error.code == "size-mismatch"
    assert "expected 99 bytes, found 13" in str(error)


@pytest.mark.parametrize(
    "edit",
    [
        lambda r: r.update(schema=2),
        lambda r: r.pop("product"),
        lambda r: r.update(extra=1),
        lambda r: r["images"][0].update(target=7),
        lambda r: r["images"][0].update(platform=None),
        lambda r: r.update(issued=7),
    ],
)
def test_4_release_that_is_none(bundle: Path, pristine: Signed, edit: Edit) -> None:
    edited(bundle, pristine, edit)
    assert refusal(bundle, pristine).code in {"schema-unknown", "document-invalid"}


# ---- step 5: index, manifests and configs tell the same as the release


@pytest.mark.parametrize("text", ["{}", '{"imageLayoutVersion":"2.0.0"}', ""])
def test_5_layout_version(bundle: Path, pristine: Signed, text: str) -> None:
    (bundle / layout.OCI_LAYOUT).write_text(text)
    resign(bundle, pristine)
    assert refusal(bundle, pristine).code == "layout-version"


@pytest.mark.parametrize("name", [layout.OCI_LAYOUT, layout.INDEX, layout.DOCKER_MANIFEST])
def test_5_metadata_must_be_there(bundle: Path, pristine: Signed, name: str) -> None:
    (bundle / name).unlink()
    resign(bundle, pristine)
    error = refusal(bundle, pristine)
    assert (error.code, error.context["file"]) == ("file-missing", name)


def edit_index(bundle: Path, signed: Signed, edit: Edit) -> None:
    index = json.loads((bundle / layout.INDEX).read_bytes())
    edit(index)
    (bundle / layout.INDEX).write_bytes(canonical(index))
    resign(bundle, signed)


@pytest.mark.parametrize(
    "edit",
    [
        lambda index: index["manifests"].pop(),
        lambda index: index["manifests"].append(
            {**index["manifests"][0], "digest": str(Digest.of(b""))}
        ),
        lambda index: index["manifests"][0]["annotations"].clear(),
        lambda index: index["manifests"][0]["annotations"].update(
            {"io.containerd.image.name": "docker.io/evil/app:1"}
        ),
    ],
)
def test_5_index_names_other_images(bundle: Path, pristine: Signed, edit: Edit) -> None:
    edit_index(bundle, pristine, edit)
    assert refusal(bundle, pristine).code == "index-differs"


def test_5_index_that_is_none(bundle: Path, pristine: Signed) -> None:
    edit_index(bundle, pristine, lambda index: index.update(layers=[]))
    assert refusal(bundle, pristine).code == "document-malformed"


def other(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda i: i["layers"].reverse(), "layers"),
        (lambda i: i["layers"][0].update(diff_id=other(i["layers"][0]["diff_id"])), "diff IDs"),
        (lambda i: i["layers"][0].update(media_type="a/b"), "layers"),
        (lambda i: i.update(platform="linux/riscv64"), "platform"),
        (lambda i: i["config"].update(media_type="a/b"), ""),
        (lambda i: i["manifest"].update(media_type="a/b"), "image manifest: expected a/b"),
    ],
)
def test_5_image_and_release_differ(
    bundle: Path, pristine: Signed, edit: Edit, reason: str
) -> None:
    edited(bundle, pristine, lambda release: edit(release["images"][0]))
    if not reason:
        check(bundle, pristine)
        return
    error = refusal(bundle, pristine)
    assert error.code == "image-differs"
    assert "docker.io/acme/app:1: " in str(error)
    assert reason in str(error)


def test_5_target_is_neither_index_nor_manifest(bundle: Path, pristine: Signed) -> None:
    def edit(release: dict[str, Any]) -> None:
        image = release["images"][0]
        image["target"] = image["config"]["digest"]

    edited(bundle, pristine, edit)
    index = json.loads((bundle / layout.INDEX).read_bytes())
    release = Release.read((bundle / layout.RELEASE).read_bytes())
    index["manifests"][0]["digest"] = str(release.images[0].target)
    edit_index(bundle, pristine, lambda found: found.update(index))
    error = refusal(bundle, pristine)
    assert error.code == "image-differs"
    assert "target" in str(error)


def test_5_index_that_does_not_hold_the_manifest(bundle: Path, pristine: Signed) -> None:
    def edit(release: dict[str, Any]) -> None:
        alone, both = release["images"][0], release["images"][1]
        both["manifest"], both["config"] = alone["config"], alone["config"]

    edited(bundle, pristine, edit)
    assert refusal(bundle, pristine).code in {"image-differs", "listing-differs"}


def test_5_documents_are_bounded_together(
    pristine: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "DOCUMENTS_LIMIT", 100)
    assert refusal(pristine.path, pristine).code == "file-too-large"


# ---- step 6: everything else


def layer_files(path: Path, signed: Signed) -> list[Path]:
    blobs = {blob.name for i in signed.bundle.release.images for blob in i.layers}
    return [path / name for name in sorted(blobs)]


def test_6_damaged_layer_is_named(bundle: Path, pristine: Signed) -> None:
    (layer, *_) = layer_files(bundle, pristine)
    flip(layer)
    error = refusal(bundle, pristine)
    assert error.code == "chunk-damaged"
    assert error.context["file"] == f"{layout.BLOBS}{layer.name}"


def test_6_damaged_file_is_named(bundle: Path, pristine: Signed) -> None:
    flip(bundle / "files/compose.yaml")
    assert refusal(bundle, pristine).context["file"] == "files/compose.yaml"


@pytest.mark.parametrize("damage", [flip, truncate, extend])
def test_6_by_pipe(bundle: Path, pristine: Signed, damage: Callable[[Path], None]) -> None:
    layer = layer_files(bundle, pristine)[-1]
    damage(layer)
    medium = stream_of(bundle, list(pristine.bundle.files))
    sealed = open_sealed(medium, pristine.judge())
    with pytest.raises(BundleRefused) as caught:
        check_contents(sealed, lambda _: None)
    assert caught.value.context["file"] == f"{layout.BLOBS}{layer.name}"


def test_6_by_pipe_in_another_order(pristine: Signed) -> None:
    order = list(pristine.bundle.files)
    order[-1], order[-2] = order[-2], order[-1]
    medium = stream_of(pristine.path, order)
    sealed = open_sealed(medium, pristine.judge())
    with pytest.raises(BundleRefused) as caught:
        check_contents(sealed, lambda _: None)
    assert caught.value.code == "file-missing"


@pytest.mark.parametrize("where", ["first", "last"])
def test_6_by_pipe_with_more_than_was_signed(bundle: Path, pristine: Signed, where: str) -> None:
    add(bundle, "files/extra")
    order = list(pristine.bundle.files)
    order.insert(5 if where == "first" else len(order), "files/extra")
    medium = stream_of(bundle, order)
    with pytest.raises(BundleRefused) as caught:
        check_contents(open_sealed(medium, pristine.judge()), lambda _: None)
    assert caught.value.code == "file-extra"


def test_6_cancel_passes_through(pristine: Signed) -> None:
    class Cancelled(Exception):
        pass

    def cancel(_: int) -> None:
        raise Cancelled

    with opened(pristine.path, pristine) as sealed, pytest.raises(Cancelled):
        check_contents(sealed, cancel)


def test_6_only_what_is_asked_for(bundle: Path, pristine: Signed) -> None:
    flip(bundle / "files/compose.yaml")
    with opened(bundle, pristine) as sealed:
        names = frozenset(blob.name for blob in sealed.release.blobs())
        check_contents(sealed, lambda _: None, names)
