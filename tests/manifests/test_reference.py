"""References as people and engines write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.digest import Digest
from manifests.reference import MAX_LENGTH, MalformedReference, Reference

DIGEST = "sha256:" + "0123456789abcdef" * 4
HEX = "0" * 64

# written, full form, familiar form
GOOD = [
    ("nginx", "docker.io/library/nginx:latest", "nginx:latest"),
    ("nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25"),
    ("library/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
    ("docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
    ("index.docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
    ("bitnami/nginx", "docker.io/bitnami/nginx:latest", "bitnami/nginx:latest"),
    ("docker.io/a/b/c:1", "docker.io/a/b/c:1", "a/b/c:1"),
    ("docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
    ("docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest"),
    ("docker.io/localhost/c", "docker.io/localhost/c:latest", "docker.io/localhost/c:latest"),
    ("docker.io/localhost", "docker.io/library/localhost:latest", "localhost:latest"),
    ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
    ("localhost:5000/app:2", "localhost:5000/app:2", "localhost:5000/app:2"),
    ("registry:2", "docker.io/library/registry:2", "registry:2"),
    ("host:5000", "docker.io/library/host:5000", "host:5000"),
    ("127.0.0.1:5000/a/b:x", "127.0.0.1:5000/a/b:x", "127.0.0.1:5000/a/b:x"),
    ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
    ("[fe80::1]/app:1", "[fe80::1]/app:1", "[fe80::1]/app:1"),
    ("HOST/app", "HOST/app:latest", "HOST/app:latest"),
    ("ghcr.io/o/a__b/c-d.e---f", "ghcr.io/o/a__b/c-d.e---f:latest", None),
    ("a:" + "t" * 128, "docker.io/library/a:" + "t" * 128, None),
    ("a:_x.Y-", "docker.io/library/a:_x.Y-", "a:_x.Y-"),
    (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}", f"nginx@{DIGEST}"),
    (f"nginx:1@{DIGEST}", f"docker.io/library/nginx:1@{DIGEST}", f"nginx:1@{DIGEST}"),
    (f"a{HEX[1:]}b", f"docker.io/library/a{HEX[1:]}b:latest", None),
]  # fmt: skip
BAD = [
    "",
    " ",
    ":",
    "/",
    "@",
    ":1",
    "a:",
    "a@",
    "a//b",
    "/a",
    "a/",
    "a b",
    " a",
    "a ",
    "a\n",
    "a\0",
    "A",
    "a/B",
    "a/B:1",
    "-a",
    "a-",
    ".a",
    "a..b",
    "a._b",
    "a___b",
    "_a",
    "\u00e4",
    "a:-x",
    "a:.x",
    "a:x y",
    "a:" + "t" * 129,
    "a:1:2",
    "a:\u0661",
    "a@sha256",
    "a@sha256:12",
    f"a@sha512:{HEX}{HEX}",
    f"a@{DIGEST.upper()}",
    f"a@{DIGEST}@{DIGEST}",
    f"@{DIGEST}",
    "host.x:/a",
    "host.x:port/a",
    "host.x:123456/a",
    "-host.x/a",
    "host-.x/a",
    "host..x/a",
    "ho_st.x/a",
    "[::1/a",
    "[::g]/a",
    "[]:1/a",
    "http://host.x/a",
    "https://host.x/a:1",
    "user@host.x/a",
    "host.x/../a",
    "host.x/./a",
    "$(id)",
    "a;b",
    HEX,
    f"{HEX}:latest",
]


@pytest.mark.parametrize(("text", "full", "familiar"), GOOD)
def test_good(text: str, full: str, familiar: str | None) -> None:
    reference = Reference.parse(text)
    assert str(reference) == full
    assert Reference.parse(full) == reference
    assert Reference.parse(reference.familiar) == reference
    if familiar is not None:
        assert reference.familiar == familiar


@pytest.mark.parametrize("text", BAD)
def test_bad(text: str) -> None:
    with pytest.raises(MalformedReference) as caught:
        Reference.parse(text)
    assert caught.value.code == "reference-malformed"
    assert "is not an image: " in str(caught.value)


def test_reason_names_the_part() -> None:
    for text, reason in [
        ("NGINX", "'NGINX' is not a repository"),
        ("a:b c", "'b c' is not a tag"),
        ("ho_st.x/a", "'ho_st.x' is not a registry's host[:port]"),
        ("a@sha256:1", "expected sha256:<64 hex digits>, found 'sha256:1'"),
        (HEX, "an image ID is no name"),
    ]:
        with pytest.raises(MalformedReference) as caught:
            Reference.parse(text)
        assert reason in str(caught.value)


def test_length_has_a_limit() -> None:
    room = MAX_LENGTH - len("host.x/")
    Reference.parse(f"host.x/{'a' * room}:tag")
    with pytest.raises(MalformedReference, match="longer than 255"):
        Reference.parse(f"host.x/{'a' * (room + 1)}")


def test_parts() -> None:
    reference = Reference.parse(f"ghcr.io/o/app:1@{DIGEST}")
    assert reference.name == "ghcr.io/o/app"
    assert reference.tagged == "ghcr.io/o/app:1"
    assert reference.at(Digest.of(b"")) == f"ghcr.io/o/app@{Digest.of(b'')}"
    assert Reference.parse(f"a@{DIGEST}").tagged is None


def test_can_be_sorted_with_and_without_tags() -> None:
    texts = [f"a@{DIGEST}", "b:1", "a:1", f"a:1@{DIGEST}", "ghcr.io/a:1"]
    references = sorted(map(Reference.parse, texts))
    assert [str(one) for one in references] == sorted(str(Reference.parse(one)) for one in texts)


COMPONENT = st.from_regex(r"[a-z0-9]{1,5}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
REPOSITORY = st.lists(COMPONENT, min_size=1, max_size=4).map("/".join)
HOST = st.one_of(
    st.from_regex(r"[A-Za-z0-9]{1,5}(?:\.[a-z0-9]{1,4}){1,2}(?::[0-9]{1,5})?", fullmatch=True),
    st.sampled_from(["localhost", "localhost:1", "docker.io", "[::1]:5000", "A"]),
)
TAG = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
DIGESTS = st.none() | st.binary().map(Digest.of)


@st.composite
def written(draw: st.DrawFn) -> str:
    repository = draw(REPOSITORY)
    short = "/" not in repository or re.fullmatch("[a-z0-9_-]+", repository.partition("/")[0])
    host = draw(HOST.map("{}/".format) | (st.just("") if short else st.nothing()))
    tag, digest = draw(TAG), draw(DIGESTS)
    return f"{host}{repository}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"


@pytest.mark.property
@given(written())
def test_round_trips(text: str) -> None:
    reference = Reference.parse(text)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference
    assert reference.tag or reference.digest
    if reference.tagged:
        assert Reference.parse(reference.tagged).name == reference.name


@pytest.mark.property
@given(st.text() | st.text("aB1.:/@_-[]", max_size=30))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except MalformedReference:
        return
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference
