"""The installer in one file, carried by a bundle as a signed file."""

from __future__ import annotations

import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from installer.running.appfiles import files_folder
from manifests.digest import Digest
from manifests.errors import UsageError
from tests.bundler.builds import Cli, Workplace, memory, served_by
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec

PROGRAM = b"\x7fELF" + bytes(range(256)) * 40_000  # more than one chunk
APP = ImageSpec((LayerSpec({"etc/motd": b"hello"}),))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program whose executable bit was lost on the way, as from FAT."""
    path = tmp_path / "downloaded"
    path.write_bytes(PROGRAM)
    return path


@pytest.fixture
def built(place: Workplace, program: Path) -> Workplace:
    (place.root / "notes.txt").write_text("a file")
    place.write_app("registry.test/app:1", more="files: [notes.txt]\n")
    with served_by(memory(app=APP)):
        place.build("out", installer=program)
        place.build("out.tar", installer=program)
        place.build("without")
    return place


def test_it_lies_in_the_bundle_executable_listed_and_described(built: Workplace) -> None:
    tool = built.root / "out/tools/installer"
    assert tool.read_bytes() == PROGRAM
    assert stat.S_IMODE(tool.stat().st_mode) == 0o755
    line = f"{Digest.of(PROGRAM).hex}  tools/installer\n"
    assert line in (built.root / "out/SHA256SUMS").read_text()
    with tarfile.open(built.root / "out.tar") as archive:
        assert archive.getmember("tools/installer").mode & 0o111


def test_sha256sum_finds_it_whole(built: Workplace) -> None:
    argv = ["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"]
    subprocess.run(argv, check=True, cwd=built.root / "out")


@pytest.mark.parametrize("form", ["out", "out.tar"])
def test_verify_reads_it_and_inspect_shows_it(built: Workplace, bundle: Cli, form: str) -> None:
    form = str(built.root / form)
    assert bundle("verify", form, "-k", str(built.public_key)).code == 0
    assert "tools/installer" in bundle("inspect", form).out


def test_a_changed_byte_of_it_is_found(built: Workplace, bundle: Cli) -> None:
    tool = built.root / "out/tools/installer"
    tool.write_bytes(PROGRAM[:-1] + b"?")
    done = bundle("verify", str(built.root / "out"), "-k", str(built.public_key))
    assert (done.code, "\ntools/installer\n" in done.out) == (10, True)


def test_it_is_no_file_of_the_app(built: Workplace) -> None:
    """A host places what the app carries; the tool stays on the medium, and the app the same."""
    with served_by(memory(app=APP)):
        tooled = built.build("out", installer=built.root / "downloaded").release
        bare = built.build("without").release
    assert [one.name for one in tooled.files] == ["files/notes.txt"]
    assert files_folder(Path("/s"), tooled) == files_folder(Path("/s"), bare)
    assert ([one.name for one in tooled.tools], bare.tools) == (["tools/installer"], ())


@pytest.mark.parametrize("content", [b"#!/bin/sh\n", b"", None])
def test_anything_but_a_program_is_refused(
    place: Workplace, tmp_path: Path, content: bytes | None
) -> None:
    place.write_app("registry.test/app:1")
    path = tmp_path / "script"
    if content is not None:
        path.write_bytes(content)
    with served_by(memory(app=APP)), pytest.raises(UsageError) as caught:
        place.build("out", installer=path)
    assert caught.value.code == "installer-file"
    assert "make installer" in (caught.value.hint or "")
    assert not (place.root / "out").exists()
