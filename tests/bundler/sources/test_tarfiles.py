"""Tars of strangers: found by their headers, read in place, nothing unpacked, nothing believed."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundler.sources import spool, tarheaders
from bundler.sources.tarfiles import MAX_LINKS, TarFiles, open_tar
from bundler.sources.tarheaders import MAX_EXTENSION, clean_name
from bundler.sources.window import read_document
from manifests.errors import SourceFailed
from tests.support.endless import not_endless

LONG = "d/" * 60 + "n" * 200


def make(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, data in members:
            info.size = len(data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def file(name: str, data: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), data


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.SYMTYPE, target)


def opened(folder: Path, data: bytes) -> TarFiles:
    (folder / "a.tar").write_bytes(data)
    return open_tar(folder / "a.tar", folder)


def read(folder: Path, data: bytes, name: str) -> bytes:
    files = opened(folder, data)
    try:
        return read_document(files, name, 2**20)
    finally:
        files.close()


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(SourceFailed) as caught:
        action()
    return f"{caught.value.code}: {caught.value}"


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_files_of_every_format(tmp_path: Path, form: int) -> None:
    members = [
        file("a", b"1" * 511),
        file("./b", b"2" * 512),
        file("c/d", b"3" * 513),
        file("e", b""),
    ]
    if form != tarfile.USTAR_FORMAT:
        members += [file(LONG, b"long"), file("\u00e4\u6f22", b"name")]
    members.insert(1, special("c", tarfile.DIRTYPE))
    files = opened(tmp_path, make(*members, form=form))
    for info, data in members:
        if info.isreg():
            assert read_document(files, clean_name(info.name), 1000) == data
    assert files.has("b")
    assert not files.has("c")
    files.close()


def test_files_from_several_streams_at_once(tmp_path: Path) -> None:
    files = opened(tmp_path, make(file("a", b"abc"), file("b", b"def")))
    with files.open("a") as one, files.open("b") as two, files.open("a") as three:
        files.close()
        assert (one.read(1), two.read(2), three.read(9), one.read(9)) == (
            b"a",
            b"de",
            b"abc",
            b"bc",
        )


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_links_lead_to_files_inside(tmp_path: Path, form: int) -> None:
    data = make(
        file("x/layer.tar", b"layer"),
        link("y/layer.tar", "../x/layer.tar"),
        link("z", "./y//layer.tar"),
        special("h", tarfile.LNKTYPE, "x/layer.tar"),
        file(f"{LONG}1", b"far"),
        link("l", f"{LONG}1"),
        form=form,
    )
    for name in ("y/layer.tar", "z", "h"):
        assert read(tmp_path, data, name) == b"layer"
    assert read(tmp_path, data, "l") == b"far"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([file("../a")], "leads out of the archive"),
        ([file("a/../../b")], "leads out of the archive"),
        ([file("/a")], "leads out of the archive"),
        ([file(".")], "leads out of the archive"),
        ([file("a" * 5000)], "leads out of the archive"),
        ([link("a", "/etc/passwd")], "the link a leads out"),
        ([link("a", "../../etc/passwd")], "the link a leads out"),
        ([link("a", "..")], "the link a leads out"),
        ([special("a", tarfile.LNKTYPE, "../b")], "the link a leads out"),
        ([special("a", tarfile.CHRTYPE)], "expected a regular file, found a tar entry"),
        ([special("a", tarfile.BLKTYPE)], "expected a regular file"),
        ([special("a", tarfile.FIFOTYPE)], "expected a regular file"),
        ([special("a", b"Z")], "expected a regular file"),
        ([special("a", tarfile.GNUTYPE_SPARSE)], "expected a regular file"),
        ([file("a"), file("a")], "a is there twice"),
        ([file("a"), file("./a")], "a is there twice"),
        ([file("a"), link("a", "b")], "a is there twice"),
    ],
)
def test_refused_entries(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], expected: str
) -> None:
    assert expected in refusal(lambda: opened(tmp_path, make(*members)))


def test_links_that_end_nowhere(tmp_path: Path) -> None:
    chain = [link(f"l{n}", f"l{n + 1}") for n in range(MAX_LINKS)]
    data = make(link("a", "b"), link("b", "a"), link("c", "none"), *chain, file(f"l{MAX_LINKS}"))
    assert "more than 16 links" in refusal(lambda: read(tmp_path, data, "a"))
    assert "expected c, found none" in refusal(lambda: read(tmp_path, data, "c"))
    assert "more than 16 links" in refusal(lambda: read(tmp_path, data, "l0"))
    assert read(tmp_path, data, "l1") == b"x"


def test_cut_anywhere(tmp_path: Path) -> None:
    """Until the block that ends an archive is there, it is incomplete."""
    whole = make(file("a", b"1" * 700), file(LONG, b"2" * 100), file("b", b""))
    end = len(whole.rstrip(b"\0")) // 512 * 512 + 512
    for size in [*range(0, end + 512, 256), 1, 511, 513, end + 511]:
        assert "source-" in refusal(lambda: opened(tmp_path, whole[:size]))  # noqa: B023
    opened(tmp_path, whole[: end + 512]).close()


def raw_header(info: tarfile.TarInfo, **fields: tuple[int, bytes]) -> bytes:
    """Return a header with raw fields put in, its checksum mended."""
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    for offset, value in fields.values():
        block[offset : offset + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "size",
    [
        b"\xff" * 12,
        b"\x80" + b"\xff" * 11,
        b"77777777777\0",
        b"99999999999\0",
        b"-1\0",
        b"\xff" * 11 + b"\xfe",
    ],
)
def test_absurd_sizes(tmp_path: Path, size: bytes) -> None:
    header = raw_header(tarfile.TarInfo("a"), size=(124, size))
    assert "source-" in refusal(lambda: opened(tmp_path, header + bytes(2048)))


def pax(records: bytes, after: bytes = b"") -> bytes:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    after = after or make(file("a"))
    return info.tobuf(tarfile.GNU_FORMAT) + records + bytes(-len(records) % 512) + after


def record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n".encode()
    length = len(body) + 1
    while len(f"{length}") + len(body) != length:
        length += 1
    return f"{length}".encode() + body


def test_pax_records_rule(tmp_path: Path) -> None:
    assert read(tmp_path, pax(record("path", "b/c")), "b/c") == b"x"
    with_size = pax(record("size", "3"), raw_header(tarfile.TarInfo("a")) + b"abc" + bytes(2000))
    assert read(tmp_path, with_size, "a") == b"abc"
    assert read(tmp_path, pax(record("mtime", "1.5")), "a") == b"x"


@pytest.mark.parametrize(
    "records",
    [
        b"5 a=b\n",
        b"7 a=b\n",
        b"0 a=b\n",
        b"a=b\n",
        b" a=b\n",
        b"99999999999 a=b\n",
        b"6 ab\n\n",
        b"\xb2 a=b\n",
        b"6 a=b",
        record("size", "-1"),
        record("size", "\u00b2"),
        record("size", "1" * 30),
        record("size", "99999999"),
        record("GNU.sparse.major", "1"),
        record("path", "../a"),
        record("path", "/a"),
    ],
)
def test_pax_records_refused(tmp_path: Path, records: bytes) -> None:
    assert "source-" in refusal(lambda: opened(tmp_path, pax(records)))


def test_extension_headers_are_bounded(tmp_path: Path) -> None:
    under = record("comment", "x" * (MAX_EXTENSION - 20))
    assert read(tmp_path, pax(under), "a") == b"x"
    over = record("comment", "x" * MAX_EXTENSION)
    assert "a header of 10485" in refusal(lambda: opened(tmp_path, pax(over)))


def test_extension_header_before_the_end_is_harmless(tmp_path: Path) -> None:
    opened(tmp_path, pax(record("path", "b"), bytes(1024))).close()


@pytest.mark.parametrize("fill", [b"1", b"1 ", b"11 ", b"=", b"\n", b"3 =\n", b" hdrcharset="])
def test_a_full_header_takes_no_time(tmp_path: Path, fill: bytes) -> None:
    with not_endless():
        refusal(lambda: opened(tmp_path, pax(fill * (MAX_EXTENSION // len(fill)))))


def test_number_of_entries_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarheaders, "MAX_ENTRIES", 4)
    opened(tmp_path, make(*[file(f"{n}") for n in range(3)])).close()
    data = make(*[file(f"{n}") for n in range(4)])
    assert "more than 4 entries" in refusal(lambda: opened(tmp_path, data))


def test_what_is_no_archive(tmp_path: Path) -> None:
    assert "source-unreadable" in refusal(lambda: open_tar(tmp_path / "none", tmp_path))
    assert "found a folder, pipe or device" in refusal(lambda: open_tar(tmp_path, tmp_path))
    assert "found a folder" in refusal(lambda: open_tar(Path("/dev/zero"), tmp_path))
    assert "expected a tar header at byte 0" in refusal(lambda: opened(tmp_path, b"x" * 1024))
    assert "ends inside its first header" in refusal(lambda: opened(tmp_path, b""))


WHOLE = make(file("a", random.Random(1).randbytes(3000)), file("b", b"b"))


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(WHOLE, mtime=0),
        gzip.compress(WHOLE[:1000], mtime=0) + gzip.compress(WHOLE[1000:]),
        zstandard.compress(WHOLE),
        zstandard.compress(WHOLE[:1000]) + zstandard.compress(WHOLE[1000:]),
    ],
)
def test_compressed_archive(tmp_path: Path, packed: bytes) -> None:
    assert read(tmp_path, packed, "b") == b"b"
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(WHOLE, mtime=0)[:-9],
        gzip.compress(WHOLE, mtime=0)[:20] + b"????" + gzip.compress(WHOLE)[24:],
        gzip.compress(WHOLE, mtime=0) + b"more",
        zstandard.compress(WHOLE)[:-9],
        zstandard.compress(WHOLE)[:20] + b"????" + zstandard.compress(WHOLE)[24:],
        gzip.compress(b"no tar", mtime=0),
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"BZh91AY&SY",
        b"\xfd7zXZ\0",
    ],
)
def test_damaged_compression(tmp_path: Path, packed: bytes) -> None:
    assert "source-" in refusal(lambda: opened(tmp_path, packed))


def test_bomb_stops_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zstandard.compress(bytes(2**26), 19)
    assert 2000 * len(bomb) < 2**26
    monkeypatch.setattr(spool, "FREE_BYTES", 2**20)
    assert "more than 2000 times its size" in refusal(lambda: opened(tmp_path, bomb))


def test_no_room_for_the_inflated_form(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(gzip.compress(WHOLE, mtime=0))
    assert "can't be written" in refusal(lambda: open_tar(tmp_path / "a.tar", tmp_path / "none"))


BLOCKS = st.sampled_from(
    [
        bytes(512),
        make(file("a"))[:1024],
        make(link("b", "a"))[:512],
        make(link("c", "../a"))[:512],
        make(file(LONG))[:1536],
        pax(record("path", "b"))[:1024],
        pax(record("size", "9"))[:1024],
        b"\xff" * 512,
        raw_header(tarfile.TarInfo("n"), size=(124, b"\xff" * 12)),
        b"x" * 100,
    ]
)


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(BLOCKS, max_size=12).map(b"".join) | st.binary(max_size=2000))
def test_any_bytes_are_listed_or_refused(tmp_path: Path, data: bytes) -> None:
    try:
        files = opened(tmp_path, data)
    except SourceFailed:
        return
    for name in list(files._members):
        try:
            files.open(name).close()
        except SourceFailed:
            continue
    files.close()


@pytest.mark.property
@given(st.text("a./", max_size=20))
def test_clean_names_stay_inside(name: str) -> None:
    parts = clean_name(name).split("/")
    assert "." not in parts
    assert ".." not in parts
    assert clean_name(clean_name(name)) == clean_name(name)
