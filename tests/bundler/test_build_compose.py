"""A bundle holds what Docker Compose itself names, no image more and none less."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from manifests.reference import Reference
from tests.bundler.builds import MemorySource, Workplace, served_by
from tests.support.dockercompose import config_images
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec

INPUTS = Path(__file__).parent / "discover" / "inputs" / "compose"


@pytest.mark.engine
@pytest.mark.parametrize(("name", "profiles"), [("overrides", []), ("gpus", []), ("gpus", ["*"])])
def test_the_images_of_a_compose_file(
    place: Workplace, docker_compose: list[str], name: str, profiles: list[str]
) -> None:
    shutil.copytree(INPUTS / name, place.root, dirs_exist_ok=True)
    place.app.write_text(
        "schema: 1\nname: shop\nversion: '1'\nplatforms: [linux/amd64]\n"
        f"sources: [{{compose: compose.yaml, profiles: {profiles}}}]\n"
    )
    words = [word for profile in profiles for word in ("--profile", profile)]
    named = config_images(docker_compose, place.root, words, {})
    wanted = {str(Reference.parse(one)) for one in named}
    images = {one: ImageSpec((LayerSpec({"name": one.encode()}),)).build() for one in wanted}
    with served_by(MemorySource(images)):
        release = place.build(environ={}).release
    assert wanted
    assert {image.name for image in release.images} == wanted
