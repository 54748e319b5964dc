"""The self-test's image: what is sent to the engine, and what is read of its answer."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from bundler.verbs.selftestimage import build_context, package_folder, read_answer
from manifests.digest import Digest
from manifests.errors import SourceFailed, UsageError

MADE = Digest.of(b"image")


def names(context: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(context)) as archive:
        return archive.getnames()


def test_the_context_is_the_package_with_its_dockerfile_and_nothing_compiled() -> None:
    found = names(build_context(package_folder()))
    assert {"Dockerfile", "__main__.py", "digests.json", "kernels/cpu.cl"} <= set(found)
    assert not [name for name in found if "__pycache__" in name or name.endswith(".pyc")]


def test_the_same_files_make_the_same_context_wherever_they_are(tmp_path: Path) -> None:
    made = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__/x.pyc").write_bytes(folder.name.encode())
        (folder / "x.py").write_text("print()")
        (folder / "Dockerfile").write_text("FROM scratch")
        made.append(build_context(folder))
    assert made[0] == made[1]


def wheel(path: Path, *files: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in files:
            archive.writestr(name, name)
    return path


def test_pycuda_comes_along_where_it_is_given(tmp_path: Path) -> None:
    files = ("pycuda/driver.py", "pycuda/_driver.cpython-313.so", "pycuda-2026.1.dist-info/WHEEL")
    given = wheel(tmp_path / "pycuda-2026.1-cp313-cp313-linux_x86_64.whl", *files)
    found = set(names(build_context(package_folder(), given)))
    assert found - set(names(build_context(package_folder()))) == {f"site/{one}" for one in files}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["numpy/__init__.py"], "found the file numpy/__init__.py"),
        (["pycuda/driver.py"], "found no pycuda/_driver"),
        (
            ["pycuda/_driver.so", "pycuda/../../etc/passwd"],
            "found the file pycuda/../../etc/passwd",
        ),
        (["pycuda/_driver.so", "/pycuda/x"], "found the file /pycuda/x"),
    ],
)
def test_what_is_no_wheel_of_pycuda_is_refused(
    tmp_path: Path, files: list[str], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        build_context(package_folder(), wheel(tmp_path / "x.whl", *files))
    assert caught.value.code == "pycuda-wheel"
    assert words in str(caught.value)


def test_what_is_no_wheel_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"no archive")
    for path in (tmp_path / "x.whl", tmp_path / "none"):
        with pytest.raises(UsageError, match="expected a wheel of pycuda"):
            build_context(package_folder(), path)


def test_the_last_id_of_the_answer_is_the_image() -> None:
    told: list[str] = []
    lines: list[dict[str, object]] = [
        {"stream": "Step 1/2 : FROM x\n"},
        {"status": "Pulling from library/debian", "id": "13"},
        {"stream": " ---> \x1b[31mred\x1b[0m\n\x1b[0m\n"},
        {"stream": " ---> \x1b]0;title\n"},
        {"aux": {"ID": str(Digest.of(b"other"))}},
        {"aux": {"ID": str(MADE)}},
        {"stream": "Successfully built\n"},
    ]
    assert read_answer(lines, told.append) == MADE
    assert told[0] == "Step 1/2 : FROM x"
    assert told[2:4] == [" ---> red", " ---> \\x1b]0;title"]
    assert "\x1b" not in "".join(told)


def test_a_build_that_fails_is_told_with_its_last_lines() -> None:
    lines: list[dict[str, object]] = [{"stream": f"line {n}\n"} for n in range(100)]
    failed: dict[str, object] = {"error": "returned a non-zero code: 100", "errorDetail": {}}
    with pytest.raises(SourceFailed) as caught:
        read_answer((*lines, failed), lambda _: None)
    assert caught.value.code == "selftest-image-failed"
    assert "non-zero code: 100" in str(caught.value)
    assert "line 99" in str(caught.value)
    assert "line 5\n" not in str(caught.value)


@pytest.mark.parametrize("aux", [None, {}, {"ID": "x"}, "x"])
def test_an_answer_that_names_no_image_is_a_failure(aux: object) -> None:
    with pytest.raises(SourceFailed, match="names no image"):
        read_answer([{"aux": aux}], lambda _: None)
