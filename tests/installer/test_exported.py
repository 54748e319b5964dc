"""What an engine exports: read as far as it is an archive, refused where it is none."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest

from installer.engines.exported import Export
from manifests.bundle.tarform import BLOCK, END, header, padding
from manifests.errors import EngineFailed


def export(data: bytes, step: int = 700) -> Export:
    return Export("test", (data[at : at + step] for at in range(0, len(data), step)))


def files(data: bytes) -> dict[str, bytes]:
    return {one.name: b"".join(map(bytes, one.chunks)) for one in export(data).files()}


def file(name: str, data: bytes) -> bytes:
    return header(name, len(data)) + data + padding(len(data))


def test_reads_files_and_passes_over_all_else() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        folder, link = tarfile.TarInfo("a/"), tarfile.TarInfo("a/link")
        folder.type, link.type, link.linkname = tarfile.DIRTYPE, tarfile.SYMTYPE, "../b"
        archive.addfile(folder)
        archive.addfile(link)
        for name, data in (("a/layer.tar", b"x" * 3000), ("ü" * 90, b"long"), ("empty", b"")):
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 0.5
            archive.addfile(info, io.BytesIO(data))
    found = list(files(out.getvalue()).values())
    assert found == [b"x" * 3000, b"long", b""]


def test_a_size_in_an_extension_header_counts() -> None:
    record = b"12 size=1500\n"
    extension = tarfile.TarInfo("x")
    extension.type, extension.size = tarfile.XHDTYPE, len(record)
    data = b"y" * 1500
    raw = extension.tobuf(tarfile.USTAR_FORMAT) + record + padding(len(record))
    raw += header("layer.tar", 0) + data + padding(len(data)) + file("next", b"z") + END
    assert files(raw) == {"layer.tar": data, "next": b"z"}


def test_what_is_not_taken_is_passed_over() -> None:
    raw = file("one", b"1" * 5000) + file("two", b"2") + END
    assert [one.name for one in export(raw).files()] == ["one", "two"]


def big_extension() -> Iterator[bytes]:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**40
    yield info.tobuf(tarfile.GNU_FORMAT)


REFUSED = {
    "no archive": b"<html>" * 200,
    "ends in a header": file("one", b"1")[:300],
    "ends in a file": file("one", b"1" * 5000)[: 2 * BLOCK],
    "never ends": file("one", b"1"),
    "a large extension header": next(big_extension()),
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_refuses(raw: bytes) -> None:
    with pytest.raises(EngineFailed) as caught:
        files(raw)
    assert caught.value.code == "engine-export"
