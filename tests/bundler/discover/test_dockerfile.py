"""Which images a Dockerfile names, and where."""

from __future__ import annotations

from bundler.discover.dockerfile import discover_text
from bundler.discover.found import Found
from manifests.platform import Platform


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
