"""The tar grammar: what is written, other tools read; what is read, is strict."""

from __future__ import annotations

import io
import subprocess
import tarfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.bundle import tarform
from manifests.bundle.sums import MAX_NAME, check_name
from manifests.bundle.tarform import BLOCK, END, header, next_header, padding, part_name, skip
from manifests.errors import BundleRefused

LONGEST = "/".join(["d" * 49] * 4)
SIZES = [0, 1, 511, 512, 8**11 - 1, 8**11, 2**50]


def read(data: bytes) -> tuple[str, int] | None:
    return next_header(io.BytesIO(data), "x.tar")  # type: ignore[arg-type]


def refusal(data: bytes) -> BundleRefused:
    with pytest.raises(BundleRefused) as caught:
        read(data)
    return caught.value


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["a", "files/" + "n" * 64, "d" * 36 + "/" + "f" * 64, LONGEST])
def test_header_is_one_block_that_tar_and_we_read(name: str, size: int) -> None:
    data = header(name, size)
    assert len(data) == BLOCK
    assert read(data) == (name, size)
    info = tarfile.TarInfo.frombuf(data, "ascii", "strict")
    assert (info.name, info.size, info.mtime, info.uid, info.mode) == (name, size, 0, 0, 0o644)
    assert tarfile.TarInfo.frombuf(header(name, size, executable=True), "ascii", "strict").mode == (
        0o755
    )


@pytest.mark.engine
def test_gnu_tar_reads_long_names(tmp_path: Path) -> None:
    content = b"content"
    files = {LONGEST: content, "short": content}
    data = b"".join(header(name, 7) + content + padding(7) for name in files) + END
    (tmp_path / "x.tar").write_bytes(data)
    done = subprocess.run(
        ["tar", "-tf", "x.tar"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == list(files)
    assert not done.stderr


@pytest.mark.property
@given(
    st.lists(st.text("abcXYZ019._-", min_size=1, max_size=64), min_size=1, max_size=40),
    st.integers(0, 2**50),
)
def test_every_name_that_a_bundle_may_have_fits(parts: list[str], size: int) -> None:
    name = "/".join(parts)
    try:
        check_name(name)
    except BundleRefused:
        return
    assert len(name) <= MAX_NAME
    assert read(header(name, size)) == (name, size)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 10**12])
def test_padding_fills_the_block(size: int) -> None:
    assert (size + len(padding(size))) % BLOCK == 0
    assert len(padding(size)) < BLOCK


def test_end_and_folders() -> None:
    assert read(END) is None
    folder = tarfile.TarInfo("blobs")
    folder.type = tarfile.DIRTYPE
    assert read(folder.tobuf() * 3 + header("a", 1)) == ("a", 1)
    assert read(header("./a", 1)) == ("a", 1)


@pytest.mark.parametrize(
    "kind",
    [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE,
     tarfile.CONTTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.GNUTYPE_SPARSE,
     tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, b"V", b"M", b"\xff"],
)  # fmt: skip
def test_anything_but_files_and_folders_is_refused(kind: bytes) -> None:
    info = tarfile.TarInfo("a")
    info.type, info.linkname = kind, "b"
    assert refusal(info.tobuf(tarfile.GNU_FORMAT)[:BLOCK]).code == "entry-not-regular"


def patched(offset: int, value: bytes) -> bytes:
    """Return a header with other bytes in it and a checksum that fits."""
    block = bytearray(header("a", 1))
    block[offset : offset + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bundle-truncated"),
        (header("a", 1)[:-1], "bundle-truncated"),
        (b"x" * BLOCK, "not-a-bundle"),
        (b"PK\3\4" + bytes(508), "not-a-bundle"),
        (header("a", 1)[:-1] + b"x", "not-a-bundle"),
        (patched(124, b"x" * 12), "not-a-bundle"),
        (patched(124, b"-0000000001\0"), "entry-not-regular"),
        (patched(124, b"\xff" * 12), "entry-not-regular"),
        (patched(0, b"\xe4"), "not-a-bundle"),
        (patched(156, b"5"), "entry-not-regular"),
        (patched(156, b"5") + header("b", 1), "entry-not-regular"),
    ],
)
def test_what_is_no_header(data: bytes, code: str) -> None:
    assert refusal(data).code == code


def test_folders_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarform, "MAX_ENTRIES", 3)
    folder = tarfile.TarInfo("d")
    folder.type = tarfile.DIRTYPE
    assert read(folder.tobuf() * 2 + header("a", 1)) == ("a", 1)
    assert refusal(folder.tobuf() * 3 + header("a", 1)).code == "file-extra"


def test_skip() -> None:
    stream = io.BytesIO(bytes(10) + b"x")
    skip(stream, 10, "p")  # type: ignore[arg-type]
    assert stream.read() == b"x"
    with pytest.raises(BundleRefused, match="ends inside a file"):
        skip(stream, 1, "p")  # type: ignore[arg-type]


class Broken(io.RawIOBase):
    """A drive that fails."""

    def read(self, _size: int = -1, /) -> bytes:
        raise OSError(5, "Input/output error")


def test_drive_that_fails() -> None:
    for action in (partial(next_header, Broken(), "p"), partial(skip, Broken(), 1, "p")):
        with pytest.raises(BundleRefused) as caught:
            action()
        assert caught.value.code == "medium-unreadable"


def test_part_names() -> None:
    assert [part_name("viz.tar", n) for n in (1, 12, 999, 1000)] == [
        "viz.tar.001",
        "viz.tar.012",
        "viz.tar.999",
        "viz.tar.1000",
    ]


@pytest.mark.property
@given(st.binary(min_size=BLOCK, max_size=BLOCK) | st.integers(0, 511).flatmap(
    lambda at: st.binary(min_size=1, max_size=12).map(lambda value: patched(min(at, 500), value))
))  # fmt: skip
def test_any_block_is_read_or_refused(block: bytes) -> None:
    try:
        found = read(block + END)
    except BundleRefused:
        return
    assert found is None or found[1] >= 0
