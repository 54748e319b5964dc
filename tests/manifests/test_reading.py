"""Reading a drive that fails: again where that helps, a bounded number of times, then named."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from manifests.bundle.chunks import chunked_file, verified_chunks
from manifests.bundle.contents import survey_contents
from manifests.bundle.medium import Medium, open_medium
from manifests.bundle.reading import MAX_HOPELESS, PAUSES, Patience, PatientFile, read_small
from manifests.bundle.tarmedium import PipeMedium
from manifests.errors import BundleRefused
from manifests.release import BlobRecord
from manifests.seals.listing import open_listing
from manifests.seals.seal import open_sealed
from tests.manifests.conftest import Signed
from tests.support.badmedium import Fault, FaultyMedium, impatient
from tests.support.contents import check_contents

TRIES = 1 + len(PAUSES)


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    with impatient():
        yield


@pytest.fixture(params=["folder", "tar", "parts"])
def medium(request: pytest.FixtureRequest, pristine: Signed, tmp_path: Path) -> Iterator[Medium]:
    """The same bundle in each form that can be read again."""
    path = {
        "folder": lambda: pristine.path,
        "tar": lambda: pristine.bundle.write_tar(tmp_path / "b.tar"),
        "parts": lambda: pristine.bundle.write_parts(tmp_path / "b.tar", 3000),
    }[request.param]()
    with closing(open_medium(path)) as opened:
        yield opened


def layer(signed: Signed) -> BlobRecord:
    return max(signed.bundle.release.images[0].layers, key=lambda one: one.size)


def read_layer(medium: Medium, signed: Signed) -> bytes:
    blob = layer(signed)
    file = chunked_file(signed.bundle.release, blob.name, blob.size, blob.digest)
    return b"".join(map(bytes, verified_chunks(medium, file)))


@pytest.mark.parametrize("number", [0, errno.EIO], ids=["other bytes", "error"])
def test_a_place_that_is_right_the_second_time_is_taken(
    medium: Medium, pristine: Signed, number: int
) -> None:
    blob = layer(pristine)
    faulty = FaultyMedium(medium, Fault(blob.name, 3, 1, number, times=1))
    assert read_layer(faulty, pristine) == pristine.bundle.files[blob.name]
    assert faulty.forgotten == [blob.name], "what the system held of it was dropped before"


def test_an_error_is_given_every_try_and_no_more(medium: Medium, pristine: Signed) -> None:
    blob = layer(pristine)
    fault = Fault(blob.name, 3, 1, errno.EIO, times=TRIES - 1)
    faulty = FaultyMedium(medium, fault)
    assert read_layer(faulty, pristine) == pristine.bundle.files[blob.name]
    fault.times = TRIES
    with pytest.raises(BundleRefused) as caught:
        read_layer(faulty, pristine)
    assert fault.times == 0
    assert caught.value.code == "medium-unreadable"
    assert caught.value.context == {
        "file": blob.name,
        "chunk": 0,
        "offset": 0,
        "length": blob.size,
        "found": "Input/output error",
    }
    assert f"bytes 0 to {blob.size}: Input/output error" in str(caught.value)


def test_other_bytes_that_are_the_same_twice_are_what_is_there(
    medium: Medium, pristine: Signed
) -> None:
    fault = Fault(layer(pristine).name, 3)
    faulty = FaultyMedium(medium, fault)
    with pytest.raises(BundleRefused) as caught:
        read_layer(faulty, pristine)
    assert caught.value.code == "chunk-damaged"
    assert faulty.forgotten.count(fault.name) == 1


def test_what_comes_through_a_pipe_is_asked_for_once(pristine: Signed, tmp_path: Path) -> None:
    path = pristine.bundle.write_tar(tmp_path / "b.tar")
    data = bytearray(path.read_bytes())
    data[data.index(pristine.bundle.files[layer(pristine).name])] ^= 1
    path.write_bytes(data)
    with closing(PipeMedium(io.FileIO(path))) as medium:
        faulty = FaultyMedium(medium)
        sealed = open_sealed(faulty, pristine.judge())
        with pytest.raises(BundleRefused) as caught:
            survey_contents(sealed, lambda _: None)
    assert caught.value.code == "chunk-damaged"
    assert faulty.forgotten == []


@pytest.mark.parametrize("number", [errno.ENODEV, errno.EIO])
def test_a_drive_that_is_gone_is_told_from_a_bad_place(
    medium: Medium, pristine: Signed, number: int
) -> None:
    faulty = FaultyMedium(medium)
    sealed = open_sealed(faulty, pristine.judge())
    faulty.gone_after, faulty.gone_with = faulty.reads + 2, number
    with pytest.raises(BundleRefused) as caught:
        survey_contents(sealed, lambda _: None)
    assert caught.value.code == "medium-gone"
    assert "plug it in again" in caught.value.hint


def test_a_drive_with_very_many_bad_places_is_not_asked_for_ever(
    medium: Medium, pristine: Signed
) -> None:
    faulty = FaultyMedium(medium, fault := Fault(layer(pristine).name, 0, 1, errno.EIO))
    patience = Patience()
    with closing(PatientFile(faulty, fault.name, patience)) as file:
        for _ in range(MAX_HOPELESS):
            with pytest.raises(BundleRefused):
                file.fill(memoryview(bytearray(1)), 0, lambda _: None)
        before = faulty.reads
        with pytest.raises(BundleRefused):
            file.fill(memoryview(bytearray(1)), 0, lambda _: None)
    assert faulty.reads - before <= 2, "one try, and one look whether the drive is there"


@pytest.mark.parametrize("name", ["SHA256SUMS", "SHA256SUMS.1.sig", "release.json", "index.json"])
def test_documents_are_read_again_too(medium: Medium, pristine: Signed, name: str) -> None:
    faulty = FaultyMedium(medium, Fault(name, 5, 1, errno.EIO, times=TRIES - 1))
    assert open_sealed(faulty, pristine.judge()).release == pristine.bundle.release
    faulty.faults.append(Fault(name, 5, 1, errno.EIO))
    with pytest.raises(BundleRefused) as caught:
        open_sealed(faulty, pristine.judge())
    assert caught.value.code == "medium-unreadable"


def test_a_document_that_was_wrong_once_is_right_the_second_time(
    medium: Medium, pristine: Signed
) -> None:
    faulty = FaultyMedium(medium, Fault("release.json", 5, 1, times=1))
    assert open_sealed(faulty, pristine.judge()).release == pristine.bundle.release


def test_a_file_that_can_not_be_opened_is_tried_again(pristine: Signed) -> None:
    with closing(open_medium(pristine.path)) as medium:
        faulty = FaultyMedium(medium)
        open_listing(faulty, pristine.judge())
        faulty.gone_after = 0
        file = PatientFile(faulty, "release.json")
        faulty.gone_after = -1
        with closing(file):
            file.fill(memoryview(bytearray(1)), 0, lambda _: None)


def test_all_damage_is_found_in_one_reading(medium: Medium, pristine: Signed) -> None:
    layers = sorted({blob.name for one in pristine.bundle.release.images for blob in one.layers})
    faults = [Fault(layers[0], 1), Fault(layers[1], 1, 1, errno.EIO)]
    faulty = FaultyMedium(medium, *faults)
    sealed = open_sealed(faulty, pristine.judge())
    survey = survey_contents(sealed, lambda _: None)
    assert {(one.file, one.offset, one.code) for one in survey.damages} == {
        (layers[0], 0, "chunk-damaged"),
        (layers[1], 0, "medium-unreadable"),
    }
    for one in survey.damages:
        named = [i.name for i in sealed.release.images if one.file in {b.name for b in i.layers}]
        assert one.images == tuple(dict.fromkeys(named))
        assert one.length == sealed.release.sizes()[one.file]
    with pytest.raises(BundleRefused):
        check_contents(sealed, lambda _: None)


@pytest.mark.parametrize("number", [0, errno.EIO], ids=["other bytes", "error"])
def test_a_file_that_came_right_only_later_is_told_of(
    medium: Medium, pristine: Signed, number: int
) -> None:
    name = layer(pristine).name
    sealed = open_sealed(FaultyMedium(medium, Fault(name, 1, 1, number, 1)), pristine.judge())
    survey = survey_contents(sealed, lambda _: None)
    assert (survey.damages, survey.reread) == ((), (name,))


def test_pauses_grow_and_are_short() -> None:
    assert sorted(PAUSES) == list(PAUSES)
    assert sum(PAUSES) < 1


def test_small_files_stay_bounded(pristine: Signed) -> None:
    with closing(open_medium(pristine.path)) as medium:
        with pytest.raises(BundleRefused) as caught:
            read_small(medium, "release.json", 10)
        assert caught.value.code == "file-too-large"
