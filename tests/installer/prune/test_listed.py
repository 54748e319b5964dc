"""A list of images is read as it is meant."""

from __future__ import annotations

from installer.engines.prunefacts import listed_images

BASE = {"Id": "sha256:" + "b" * 64, "ParentId": "", "RepoTags": ["<none>:<none>"], "Size": 1}
APP = {"Id": "sha256:" + "a" * 64, "ParentId": BASE["Id"], "RepoTags": ["acme/app:1"], "Size": 3}


def test_an_image_that_is_listed_twice_is_one() -> None:
    found = listed_images([APP, BASE, APP])
    assert [(one.names, one.size) for one in found] == [(("docker.io/acme/app:1",), 3)]


def test_a_step_without_a_name_is_none_and_one_with_a_name_is_one() -> None:
    named = {**BASE, "RepoTags": ["acme/base:1"]}
    found = listed_images([APP, named])
    assert [one.names for one in found] == [("docker.io/acme/app:1",), ("docker.io/acme/base:1",)]
