"""Which images a Dockerfile names, and where."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.discover.dockerfile import discover, discover_text
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found
from manifests.appmanifest.sources import DockerfileSource
from manifests.platform import Platform
from tests.support.endless import not_endless
from tests.support.memory import growing_at_most

INPUTS = DiskFolder(Path(__file__).parent / "inputs/dockerfile")
UV = "ghcr.io/astral-sh/uv:0.4.18"
POWERSHELL = "mcr.microsoft.com/powershell:7.4-windowsservercore-ltsc2022"
IMAGES: dict[str, list[tuple[int, int, str, str]]] = {
    "go": [
        (1, 10, "# syntax=", "docker/dockerfile:1.7"),
        (6, 32, "FROM", "golang:1.22-alpine3"),
        (11, 28, "RUN --mount=from=", "golangci/golangci-lint:v1.59"),
        (18, 6, "FROM", "gcr.io/distroless/static:nonroot"),
    ],
    "cuda": [
        (4, 6, "FROM", "nvidia/cuda:12.4.1-cudnn-runtime-ubuntu22.04"),
        (5, 20, "COPY --from=", UV),
    ],
    "windows": [
        (3, 6, "FROM", "mcr.microsoft.com/windows/servercore:ltsc2022"),
        (6, 13, "COPY --from=", POWERSHELL),
    ],
    "arches": [(1, 29, "FROM", "debian:12")],
    "onbuild": [
        (1, 6, "FROM", "node:20-slim"),
        (2, 21, "ONBUILD COPY --from=", "example.com/assets:3"),
    ],
    "args": [
        (3, 6, "FROM", "docker.io/library/alpine:3.20"),
        (6, 13, "COPY --from=", "docker.io/tools:1"),
        (7, 6, "FROM", "docker.io/library/python:3.12-slim"),
    ],
}


def read_file(name: str, target: str = "", **args: str) -> Found:
    """What a file tells."""
    source = DockerfileSource(dockerfile=(f"{name}.Dockerfile",), args=args, target=target)
    return discover(source, INPUTS)


def read(text: str, target: str = "", **args: str) -> Found:
    """What a Dockerfile's text tells."""
    return discover_text(text.encode(), "Dockerfile", args, target)


def images(found: Found) -> list[tuple[int, str, str]]:
    """The images with their lines and who names them; nothing else may be wrong."""
    assert not found.problems
    return [(one.place.line, one.by, one.written) for one in found.mentions]


def test_an_image_is_named_by_from_copy_mount_and_syntax() -> None:
    text = """\
# syntax=docker/dockerfile:1
FROM alpine:3.20
COPY --from=busybox:1.36 /bin/busybox /bin/
RUN --mount=type=bind,from=ghcr.io/astral-sh/uv:0.4,target=/uv true
"""
    assert images(read(text)) == [
        (1, "# syntax=", "docker/dockerfile:1"),
        (2, "FROM", "alpine:3.20"),
        (3, "COPY --from=", "busybox:1.36"),
        (4, "RUN --mount=from=", "ghcr.io/astral-sh/uv:0.4"),
    ]


def test_arguments_before_the_first_from_are_filled_in() -> None:
    text = 'ARG TAG=3.20\nARG BASE="alpine"\nFROM ${BASE}:${TAG%.*}-$SUFFIX\n'
    problem = read(text).problems[0]
    assert (problem.place.line, problem.place.column) == (3, 6)
    assert "SUFFIX" in problem.message
    assert images(read("ARG SUFFIX\n" + text, SUFFIX="x")) == [(4, "FROM", "alpine:3-x")]


def test_only_the_stages_that_the_target_needs_count() -> None:
    text = """\
FROM golang:1.22 AS Build
FROM alpine AS test
FROM scratch
COPY --from=build /x /x
"""
    found = read(text)
    assert images(found) == [(1, "FROM", "golang:1.22")]
    assert [remark.place.line for remark in found.remarks] == [2]
    assert images(read(text, "TEST")) == [(2, "FROM", "alpine")]
    assert [one.code for one in read(text, "prod").problems] == ["dockerfile-target"]


def test_a_platform_is_told_unless_the_build_decides_it() -> None:
    assert read("FROM --platform=arm64 alpine").mentions[0].platform == Platform("linux", "arm64")
    assert read("FROM --platform=$BUILDPLATFORM alpine").mentions[0].platform is None


@pytest.mark.parametrize("name", IMAGES)
def test_each_image_of_a_file_is_told_with_its_place(name: str) -> None:
    found = read_file(name)
    assert not found.problems
    told = [(one.place.line, one.place.column, one.by, one.written) for one in found.mentions]
    assert told == IMAGES[name]


def test_given_arguments_win_over_defaults() -> None:
    found = read_file("args", REGISTRY="r.example:5000", BASE="base:1")
    assert [one.written for one in found.mentions] == [
        "r.example:5000/base:1",
        "r.example:5000/tools:1",
        "r.example:5000/library/python:3.12-slim",
    ]


def test_an_architecture_that_is_assumed_is_remarked_and_can_be_given() -> None:
    assumed = [one.message for one in read_file("arches").remarks if "TARGETARCH" in one.message]
    message = "base-amd64: TARGETARCH read as on linux/amd64; 'args:' can say otherwise"
    assert assumed == [message, message]
    found = read_file("arches", TARGETARCH="arm64")
    assert [(one.written, str(one.platform)) for one in found.mentions] == [
        ("arm64v8/debian:12", "linux/arm64"),
    ]
    assert [one.message for one in found.remarks] == [
        "left out: debian:12, since the last stage does not need stage base-amd64",
    ]


def test_a_name_after_onbuild_that_may_be_a_stage_is_remarked() -> None:
    assert [(one.place.line, "tools" in one.message) for one in read_file("onbuild").remarks] == [
        (3, True)
    ]


def test_all_that_is_wrong_is_told_at_once_and_how_to_mend_it() -> None:
    found = read_file("wrong", GIVEN="x:1")
    assert [(one.place.line, one.message) for one in found.problems] == [
        (2, "expected FROM before RUN"),
        (3, "ARG TAG, line 1, has no default and none is given for it"),
        (5, "ARG LATE, line 4, stands within a stage, where FROM can't see it"),
        (6, "a value is given for GIVEN, but no ARG before the first FROM takes it"),
        (7, "expected '}', found the end"),
        (8, "expected 'FROM image' or 'FROM image AS stage', found 'FROM busybox latest'"),
        (
            9,
            "expected the name of a stage, a letter and then letters, digits, . _ -, found '1st'",
        ),
        (
            15,
            "no ARG of this stage gives LATE a value; builders differ on variables in COPY --from=",
        ),
        (17, "expected an instruction such as FROM or RUN, found 'FORM'"),
    ]
    assert "args: {TAG: ...}" in found.problems[1].hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "expected FROM, found none"),
        (b"FROM a\nRUN \0", "expected text in UTF-8, found a byte 0x00"),
        ("FROM a".encode("utf-16"), "expected text in UTF-8, found a byte 0x00"),
        (b"FROM a\nRUN <<EOT\nx\n", "a here-document without its end, 'EOT'"),
        (b"# escape=x\nFROM a", "expected '# escape=' with \\ or `, found 'x'"),
        (b"#syntax=a\n#syntax=b\nFROM a", "a second '# syntax=': only one is read"),
        (b"FROM ''", "expected an image or a stage after FROM, found nothing"),
        (b"FROM '$x'", "expected an image or a stage after FROM, found '$x'"),
        (b"FROM --platform=a/b/c/d x", "expected os/architecture[/variant]"),
    ],
)
def test_what_is_no_dockerfile_is_told(text: bytes, message: str) -> None:
    problems = discover_text(text, "Dockerfile", {}, "").problems
    assert [one.message.startswith(message) for one in problems] == [True]


def test_old_encodings_in_comments_do_no_harm() -> None:
    found = discover_text(b"# Jos\xe9\nFROM alpine\n", "Dockerfile", {}, "")
    assert images(found) == [(2, "FROM", "alpine")]


def test_a_stage_is_found_by_number_and_a_name_by_its_last_stage() -> None:
    text = "FROM a AS x\nFROM b AS x\nFROM scratch\nCOPY --from=X / /\nCOPY --from=0 / /\n"
    assert images(read(text)) == [(1, "FROM", "a"), (2, "FROM", "b")]
    assert images(read(text, "1")) == [(2, "FROM", "b")]
    assert images(read("FROM nginx AS nginx\nFROM nginx\n")) == [(1, "FROM", "nginx")]


def test_the_frontend_can_be_given_as_an_argument() -> None:
    found = read("FROM a", BUILDKIT_SYNTAX="docker/dockerfile:labs")
    assert images(found)[0] == (1, "# syntax=", "docker/dockerfile:labs")


def test_a_missing_file_and_a_folder_are_told() -> None:
    source = DockerfileSource(dockerfile=("none", "."))
    problems = discover(source, INPUTS).problems
    assert [one.code for one in problems] == ["dockerfile-unreadable"] * 2
    assert problems[1].hint == "name the file: ./Dockerfile"


HALF = 512 * 1024
HOSTILE = {
    "large": lambda: b"FROM a\n" * 1_500_000,
    "instructions": lambda: b"FROM a\n" * 70_000,
    "continued": lambda: (b"FROM a\nRUN " + b"a\\\n" * HALF)[:HALF],
    "names": lambda: (b"FROM a\nRUN --mount=" + b"from=a," * HALF)[:HALF],
    "flags": lambda: (b"FROM a\nRUN " + b"--mount=from=a \\\n" * HALF)[:HALF],
    "growing": lambda: (
        b"ARG A0=xx\n"
        + b"".join(b"ARG A%d=$A%d$A%d\n" % (at, at - 1, at - 1) for at in range(1, 9000))
        + b"FROM $A8999"
    ),
    "patterns": lambda: (
        b"ARG A=" + b"a" * 256 + b"\n" + (b"ARG B=${A//" + b"*a" * 31 + b"b/x}\n") * 6000
    ),
    "heredocs": lambda: (b"FROM a\nRUN " + b"<<A " * HALF)[:HALF],
    "quotes": lambda: (b"FROM a\nRUN --mount=" + b"'a\" " * HALF)[:HALF],
    "controls": lambda: bytes(range(1, 256)) * 2000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_long_or_much_memory(name: str) -> None:
    data = HOSTILE[name]()
    with not_endless(), growing_at_most(64 * 1024 * 1024):
        discover_text(data, "Dockerfile", {}, "")


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "FROM ",
                "a:1",
                " AS b",
                "\n",
                "\\\n",
                "ARG A=",
                "$A",
                "${A:-",
                "}",
                "COPY --from=",
                "RUN --mount=from=",
                "<<E",
                "\nE\n",
                "# escape=`\n",
                "`",
                "ONBUILD ",
                '"',
                "'",
                "0",
            ]
        )
    ).map("".join)
)
def test_no_text_can_crash_it(text: str) -> None:
    found = read(text, A="x")
    lines = text.count("\n") + 1
    places = [one.place for one in found.mentions] + [one.place for one in found.problems]
    assert all(1 <= place.line <= lines for place in places)
