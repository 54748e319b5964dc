"""The lock: the same app keeps its number, any change gets a higher one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.locking.appfiles import read_files
from bundler.locking.reuse import (
    Contents,
    build_time,
    lock_path,
    locked_files,
    make_lock,
    read_lock,
    reused_sequence,
    write_lock,
)
from manifests.appmanifest.app import App
from manifests.digest import Digest
from manifests.errors import AppManifestError
from manifests.lock import Lock, LockedFile

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SEQUENCES = st.none() | st.integers(1, 2**63 - 1)


def an_app(sequence: int | None = None, name: str = "viz") -> App:
    more = "" if sequence is None else f"sequence: {sequence}\n"
    text = f"schema: 1\nname: {name}\nversion: '1'\n{more}images: [nginx]\nfiles: [a.txt]\n"
    return App.parse(text.encode(), "app.yaml")


def a_file(content: bytes) -> tuple[LockedFile, ...]:
    digest = Digest.of(content)
    return (LockedFile(name="files/a.txt", source="a.txt", digest=digest, size=len(content)),)


def a_lock(sequence: int, content: bytes = b"old", product: str = "viz") -> Lock:
    return Lock(
        product=product,
        version="1",
        sequence=sequence,
        issued=NOW,
        images=(),
        files=a_file(content),
    )


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_lock_lies_beside_its_app() -> None:
    assert lock_path(Path("a/app.yaml")) == Path("a/app.lock.json")
    assert lock_path(Path("a/web.prod.yml")) == Path("a/web.prod.lock.json")


def test_a_first_lock_is_numbered_by_its_time() -> None:
    lock = make_lock(an_app(), Contents(files=a_file(b"new")), None)
    assert lock.sequence == int(lock.issued.strftime("%Y%m%d%H%M%S"))
    assert abs((datetime.now(UTC) - lock.issued).total_seconds()) < 60
    assert make_lock(an_app(7), Contents(files=a_file(b"new")), None).sequence == 7


@pytest.mark.property
@given(before=st.integers(1, 2**63 - 2), wanted=SEQUENCES, same=st.booleans())
def test_numbers_never_fall(before: int, wanted: int | None, same: bool) -> None:
    old = a_lock(before)
    content = b"old" if same else b"new"
    if wanted is not None and wanted < before:
        with pytest.raises(AppManifestError, match=f"above {before}"):
            make_lock(an_app(wanted), Contents(files=a_file(content)), old)
        return
    new = make_lock(an_app(wanted), Contents(files=a_file(content)), old)
    assert new.sequence >= before
    assert wanted in (None, new.sequence)
    kept = same and wanted in (None, before)
    assert (new == old) == kept
    assert Lock.read(new.readable()) == new
    assert (reused_sequence(new, old) is None) == (kept or new.sequence != before)


def test_another_product_starts_anew() -> None:
    old = a_lock(2**62, product="other")
    assert make_lock(an_app(3), Contents(), old).sequence == 3
    new = make_lock(an_app(), Contents(), old)
    assert new.sequence < 2**62
    assert reused_sequence(new, old) is None
    assert reused_sequence(new, None) is None


def test_a_clock_that_went_back_does_not_lower_the_number() -> None:
    old = a_lock(99991231235959)
    assert make_lock(an_app(), Contents(files=a_file(b"new")), old).sequence == 99991231235960


@pytest.mark.parametrize("text", ["", "x", "1.5", "9" * 30, "-" + "9" * 30, "253402300800"])
def test_a_source_date_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(AppManifestError) as caught:
        build_time()
    assert caught.value.code == "source-date-epoch"


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "app.lock.json"
    assert read_lock(path) is None
    write_lock(path, a_lock(7))
    assert read_lock(path) == a_lock(7)
    before = path.stat()
    write_lock(path, a_lock(7))
    assert path.stat().st_ino == before.st_ino
    write_lock(path, a_lock(8))
    assert read_lock(path) == a_lock(8)
    assert names_in(tmp_path) == ["app.lock.json"]


def test_a_damaged_lock_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "app.lock.json"
    good = a_lock(7).readable()
    for bad in (b"", b"{}", good[:-2], good.replace(b'"schema": 1', b'"schema": 2'), b"\xff"):
        path.write_bytes(bad)
        with pytest.raises(AppManifestError) as caught:
            read_lock(path)
        assert caught.value.code == "lock-damaged"
        assert path.read_bytes() == bad
    path.unlink()
    path.mkdir()
    with pytest.raises(AppManifestError, match="Is a directory"):
        read_lock(path)


def test_a_lock_that_cant_be_written_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "app.lock.json"
    path.mkdir()
    (path / "x").touch()
    with pytest.raises(AppManifestError) as caught:
        write_lock(path, a_lock(7))
    assert caught.value.code == "lock-unwritable"
    assert names_in(tmp_path) == ["app.lock.json"]


def test_files_are_locked_relative_to_the_app(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")
    assert locked_files(read_files(an_app(), tmp_path), tmp_path) == a_file(b"old")
