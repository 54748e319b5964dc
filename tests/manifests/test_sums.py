"""SHA256SUMS: one form, read by coreutils too; names that are safe on every file system."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.bundle.layout import blob_name, is_signature
from manifests.bundle.sums import (
    MAX_BYTES,
    MAX_LINES,
    MAX_NAME,
    MalformedSums,
    Sums,
    check_component,
    check_name,
    signature_name,
)
from manifests.digest import Digest
from manifests.errors import MoonliftError
from manifests.seals.sshsig import MAX_SIGNATURES

HEX = "0123456789abcdef" * 4
DIGEST = Digest(HEX)
GOOD_NAMES = [
    "release.json",
    "oci-layout",
    "index.json",
    "manifest.json",
    blob_name(DIGEST),
    "files/a.b-c_D",
    "files/_x",
    "a" * 64,
    "files/console",
    "files/com10",
    "/".join(["d" * 49] * 4),
    "files/SHA256SUMS",
    "sha256",
]
BAD_NAMES = [
    "",
    "/",
    "/etc/passwd",
    "files/",
    "files//x",
    ".",
    "..",
    "files/../x",
    "files/./x",
    ".hidden",
    "files/.hidden",
    "-rf",
    "files/-rf",
    "trailing.",
    "files./x",
    "two words",
    "back\\slash",
    "c:",
    "star*",
    "nul\0",
    "line\nfeed",
    "umlaut-ä",
    "a" * 65,
    "/".join(["d" * 40] * 5),
    "con",
    "CON",
    "aux.txt",
    "files/NUL",
    "Com1.tar.gz",
    "lpt9",
    "prn/x",
    "SHA256SUMS",
    "sha256sums",
    "SHA256SUMS.1.sig",
    "Sha256Sums.old",
]


def line(name: str, hex_digits: str = HEX) -> bytes:
    return f"{hex_digits}  {name}\n".encode()


def refused(data: bytes) -> str:
    with pytest.raises(MalformedSums) as caught:
        Sums.parse(data)
    assert caught.value.code == "sums-malformed"
    return str(caught.value)


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_good_name(name: str) -> None:
    assert check_name(name) == name
    assert dict(Sums.parse(line(name)).files) == {name: DIGEST}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_name(name: str) -> None:
    with pytest.raises(MalformedSums):
        check_name(name)
    with pytest.raises(MalformedSums):
        Sums({name: DIGEST})
    refused(line(name))


def test_name_length_is_exact() -> None:
    longest = "/".join(["d" * 49] * 3 + ["d" * 50])
    assert len(longest) == MAX_NAME
    assert check_name(longest)
    with pytest.raises(MalformedSums):
        check_name(longest + "d")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "cut short"),
        (line("a")[:-1], "cut short"),
        (line("a") + b"\n", "line 2"),
        (b"\n", "line 1"),
        (line("a").replace(b"\n", b"\r\n"), "line 1"),
        (line("a").replace(b"  ", b" *"), "line 1"),
        (line("a").replace(b"  ", b" "), "line 1"),
        (line("a").replace(b"  ", b"   "), "line 1"),
        (line("a").replace(b"a", b"A", 1), "line 1"),
        (line("a", HEX[:-1]), "line 1"),
        (line("a", HEX + "0"), "line 1"),
        (b"\\" + line("a"), "line 1"),
        (line("b") + line("a"), "not sorted"),
        (line("a") + line("a"), "twice"),
        (line("B") + line("a") + line("A"), "line 3"),
        (line("a") + b"# comment\n", "line 2"),
        (line("a").replace(b"a\n", b"\xc3\xa4\n"), "not ASCII"),
        (b"\xef\xbb\xbf" + line("a"), "not ASCII"),
        (f"SHA256 (a) = {HEX}\n".encode(), "line 1"),
    ],
)
def test_other_forms_are_refused(text: bytes, why: str) -> None:
    assert why in refused(text)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["A", "a"], "only in case"),
        (["files/Readme", "files/readme"], "only in case"),
        (["files/A/x", "files/a/y"], "also written otherwise"),
        (["files", "files/x"], "both a file and a directory"),
        (["Files", "files/x"], "both a file and a directory"),
    ],
)
def test_names_that_fall_together_are_refused(names: list[str], why: str) -> None:
    assert why in refused(b"".join(map(line, names)))


def test_size_limits_are_exact() -> None:
    names = [f"f{number:06}" for number in range(MAX_LINES + 1)]
    files = dict.fromkeys(names[:-1], DIGEST)
    assert len(Sums.parse(Sums(files).render()).files) == MAX_LINES
    assert "100000" in refused(b"".join(map(line, names)))
    with pytest.raises(MalformedSums, match="100001"):
        Sums(dict.fromkeys(names, DIGEST))
    assert "larger" in refused(b"x" * (MAX_BYTES + 1))
    long_names = {f"files/{number:06}-{'x' * 50}": DIGEST for number in range(70_000)}
    with pytest.raises(MalformedSums, match=str(MAX_BYTES)):
        Sums(long_names).render()


def test_empty_list_is_refused() -> None:
    with pytest.raises(MalformedSums):
        Sums({})


def test_files_can_not_be_changed_afterwards() -> None:
    files = {"b": DIGEST, "a": DIGEST}
    sums = Sums(files)
    files["c"] = DIGEST
    assert list(sums.files) == ["a", "b"]
    with pytest.raises(TypeError):
        sums.files["c"] = DIGEST  # type: ignore[index]


def test_coreutils_agrees(tmp_path: Path) -> None:
    contents = {"release.json": b"{}", "files/x": b"", "blobs/sha256/" + "f" * 64: b"layer"}
    for name, data in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    rendered = Sums({name: Digest.of(data) for name, data in contents.items()}).render()
    (tmp_path / "SHA256SUMS").write_bytes(rendered)
    check = ["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"]
    subprocess.run(check, cwd=tmp_path, check=True)
    made = subprocess.run(
        ["sha256sum", *sorted(contents)], cwd=tmp_path, capture_output=True, check=True
    )
    assert made.stdout == rendered
    (tmp_path / "files/x").write_bytes(b"changed")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_signature_names() -> None:
    assert signature_name(1) == "SHA256SUMS.1.sig"
    assert all(is_signature(signature_name(n)) for n in range(1, MAX_SIGNATURES + 1))
    for number in (0, -1, MAX_SIGNATURES + 1):
        with pytest.raises(ValueError, match="of at most"):
            signature_name(number)


def test_every_changed_byte_changes_the_list() -> None:
    """No two byte strings mean the same list."""
    files = {f"files/{n:02}": Digest.of(bytes([n])) for n in range(27)}
    good = Sums(files).render()
    assert 1900 < len(good) < 2100
    for at in range(len(good)):
        changed = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        try:
            parsed = Sums.parse(changed)
        except MalformedSums:
            continue
        assert parsed != Sums(files)


COMPONENTS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,12}", fullmatch=True)
NAMES = st.lists(COMPONENTS, min_size=1, max_size=3).map("/".join)


@pytest.mark.property
@settings(deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=4).map(Digest.of), max_size=8))
def test_round_trip(files: dict[str, Digest]) -> None:
    try:
        sums = Sums(files)
    except MalformedSums:
        return
    assert Sums.parse(sums.render()) == sums
    assert sums.render() == b"".join(
        f"{files[name].hex}  {name}\n".encode() for name in sorted(files, key=str.encode)
    )


@pytest.mark.property
@settings(deadline=None)
@given(st.binary(max_size=200))
def test_only_our_errors_come_out_of_any_bytes(data: bytes) -> None:
    for text in (data, data + b"\n", HEX.encode() + b"  " + data + b"\n"):
        try:
            sums = Sums.parse(text)
        except MoonliftError:
            continue
        assert sums.render() == text


@pytest.mark.property
@settings(deadline=None)
@given(st.text("aA./-\\_ ~\0\n:con1ä", max_size=12))
def test_accepted_components_are_safe(text: str) -> None:
    try:
        check_component(text)
    except MalformedSums:
        return
    assert re.fullmatch(r"\w[\w.-]*", text, re.ASCII)
    assert not text.endswith(".")
    assert Path("/base").joinpath(text).parent == Path("/base")
