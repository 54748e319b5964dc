"""References against an expression of their own, written down from the specifications.

Sources: OCI distribution-spec 1.1, "Pulling manifests" (`<name>` and `<reference>` as a tag), and
the grammar that Docker's reference library documents for hosts and for which first component is
one. Stricter here, on purpose: only sha256 digests, ports of at most five digits, 255 characters
of name, no image IDs.
"""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from manifests.reference import MAX_LENGTH, MalformedReference, Reference

NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
TAG = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
HOST = rf"(?:{PART}(?:\.{PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]{{1,5}})?"
IS_HOST = r"(?:[^/@]*[.:A-Z][^/@]*|localhost)/"
WHOLE = re.compile(
    rf"(?:(?={IS_HOST})(?P<host>{HOST})/|(?!{IS_HOST}))(?P<name>{NAME})"
    r"(?::(?P<tag>" + TAG + r"))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
IMAGE_ID = re.compile(r"(?:library/)?[0-9a-f]{64}", re.ASCII)
TAG_LETTERS = string.ascii_letters + string.digits + "._-"
DIGEST = "@sha256:" + "0123456789abcdef" * 4

words = st.text("abz019", min_size=1, max_size=5)
separators = st.sampled_from([".", "_", "__", "-", "--", "----"])
components = st.builds(lambda one, more: one + "".join(map("".join, more)), words,
                       st.lists(st.tuples(separators, words), max_size=3))  # fmt: skip
names = st.lists(components, min_size=1, max_size=4).map("/".join)
tags = st.text(TAG_LETTERS, min_size=1, max_size=128).filter(re.compile(TAG, re.ASCII).fullmatch)
labels = st.text("abZ09-", min_size=1, max_size=6).filter(re.compile(PART, re.ASCII).fullmatch)
hosts = st.builds(
    "{}:{}".format,
    st.lists(labels, min_size=1, max_size=4).map(".".join) | st.sampled_from(["[::1]", "[FE80::]"]),
    st.integers(0, 65535),
)
PIECES = ["a", "B", "0", ".", "..", "_", "__", "___", "-", "--", "/", ":", "@", "[", "]", "::1",
          "localhost", "docker.io", "library", "latest", DIGEST, DIGEST[1:], " ", "\n"]  # fmt: skip
near = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


@pytest.mark.property
@given(host=hosts, name=names, tag=tags)
def test_every_name_and_tag_of_the_specification_is_taken_as_it_is(
    host: str, name: str, tag: str
) -> None:
    assert re.fullmatch(rf"(?:{HOST})/(?:{NAME}):(?:{TAG})", f"{host}/{name}:{tag}", re.ASCII)
    reference = Reference.parse(f"{host}/{name}:{tag}")
    assert (reference.registry, reference.repository, reference.tag) == (host, name, tag)


@pytest.mark.property
@example("a.b_c/x")
@example("A/b")
@example("a:1/b")
@example("[::1]/b")
@example("localhost/b")
@example("localhost")
@example("a:" + "t" * 129)
@given(near | st.text(max_size=20) | st.builds("{}/{}:{}".format, near, names, tags))
def test_what_is_taken_is_what_the_specifications_allow(text: str) -> None:
    expected = WHOLE.fullmatch(text)
    try:
        found = Reference.parse(text)
    except MalformedReference:
        is_id = expected is not None and IMAGE_ID.fullmatch(expected["name"])
        assert expected is None or is_id or len(text) > MAX_LENGTH - len("docker.io/library/")
        return
    assert expected is not None, text
    assert found.tag == (expected["tag"] or (None if expected["digest"] else "latest"))
    assert (str(found.digest) if found.digest else None) == expected["digest"]
    assert found.repository.removeprefix("library/") == expected["name"].removeprefix("library/")
    assert found.registry == (expected["host"] or "docker.io").replace("index.docker", "docker")


@pytest.mark.property
@given(near)
def test_the_full_form_means_the_same_and_stays(text: str) -> None:
    try:
        found = Reference.parse(text)
    except MalformedReference:
        return
    again = Reference.parse(str(found))
    assert (again, str(again)) == (found, str(found))
