"""Side by side with the real Docker Compose: both name the same images."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from bundler.discover.compose import discover
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found
from manifests.appmanifest.sources import ComposeSource
from tests.support.dockercompose import ComposeError, config_images

INPUTS = Path(__file__).parent / "inputs" / "compose"
pytestmark = pytest.mark.engine


def ours(folder: Path, environ: dict[str, str], options: dict[str, Any]) -> Found:
    source = ComposeSource.model_validate({"compose": ("compose.yaml",), **options})
    return discover(source, DiskFolder(folder), environ)


def theirs(
    docker_compose: list[str], folder: Path, environ: dict[str, str], options: dict[str, Any]
) -> set[str]:
    words: list[str] = []
    for file in options.get("compose", ("compose.yaml",)):
        words += ["-f", file]
    for profile in options.get("profiles", ()):
        words += ["--profile", profile]
    for file in options.get("env_files", ()):
        words += ["--env-file", file]
    if "project" in options:
        words += ["-p", options["project"]]
    return config_images(docker_compose, folder, words, environ | options.get("environment", {}))


@pytest.mark.parametrize(
    ("name", "environ", "options"),
    [
        ("web-shop", {}, {}),
        ("web-shop", {"NGINX_TAG": "", "REGISTRY": "r.example"}, {"profiles": ["debug"]}),
        ("web-shop", {"COMPOSE_PROFILES": "nightly"}, {"project": "other"}),
        ("web-shop", {}, {"profiles": ["*"]}),
        ("overrides", {}, {"profiles": ["dev"]}),
        ("overrides", {}, {"compose": ["compose.yaml", "compose.prod.yaml"]}),
        ("monorepo", {}, {}),
        ("monorepo", {"AUTH": "process", "BILLING": "process"}, {}),
        ("extends", {}, {}),
        ("swarm", {"TAG": "2"}, {"compose": ["stack.yml"]}),
        ("version2", {}, {"compose": ["docker-compose.yml"]}),
        ("builds", {}, {}),
        ("builds", {"COMPOSE_PROJECT_NAME": "mine"}, {}),
        ("variables", {"MINOR": "1"}, {"env_files": ["release.env"]}),
        ("variables", {"TAG": "7"}, {"environment": {"MIRROR": "x", "EMPTY": "e"}}),
        ("documents", {}, {}),
    ],
)
def test_the_same_images(
    docker_compose: list[str],
    tmp_path: Path,
    name: str,
    environ: dict[str, str],
    options: dict[str, Any],
) -> None:
    folder = tmp_path / name
    shutil.copytree(INPUTS / name, folder)
    found = ours(folder, environ, options)
    assert not found.problems
    services = {one.written for one in found.mentions if "volume" not in one.by}
    assert services == theirs(docker_compose, folder, environ, options)


@pytest.mark.parametrize(
    "text",
    [
        "services: {a: {image: x, depends_on: [b]}, b: {image: y, profiles: [p]}}",
        "services: {a: {extends: b}, b: {extends: a}}",
        "services: {a: {extends: b}}",
        "services: {a: {command: x}}",
        "services: {a: {image: 1.10}}",
        "services: {a: {image: 'x:${TAG:?}'}}",
        "services: {a: {image: 'x:${TAG'}}",
        "services: {a: {image: x}, a: {image: y}}",
        "services: {a: }",
        "include: [gone.yaml]",
        "include: [compose.yaml]",
        "name: 'a: b",
    ],
)
def test_what_compose_refuses_is_a_problem(
    docker_compose: list[str], tmp_path: Path, text: str
) -> None:
    (tmp_path / "compose.yaml").write_text(text)
    with pytest.raises(ComposeError):
        theirs(docker_compose, tmp_path, {}, {})
    assert ours(tmp_path, {}, {}).problems


FORMS = """
    $V-${V} $A${A} $v.b $$V|$${V}|$$$V $5|$-|a$ ${A:-d}${E:-d}${V:-d} ${A-d}${E-d}${V-d}x
    ${A:+r}${E:+r}${V:+r} ${A+r}${E+r}${V+r} ${V:?m}${E?m} ${A:-}x ${A:-x:-y?z} p${A:-x}m${B:-y}s
    ${A:-${B:-${C:-deep}}} ${V+x${V}y${A:-u}} ${A:-b$$c} ${A-{"j":1}} ${V-{"j":1}} ${V:-x}} ${A:-{}
"""


def test_the_same_values_of_variables(docker_compose: list[str], tmp_path: Path) -> None:
    services = "".join(
        f"  s{number}: {{image: 'i{number}:{form}'}}\n" for number, form in enumerate(FORMS.split())
    )
    (tmp_path / "compose.yaml").write_text(f"services:\n{services}")
    environ = {"V": "v", "E": "", "A": ""}
    found = ours(tmp_path, environ, {"environment": {"B": "", "C": "", "v": ""}})
    assert not found.problems
    assert {one.written for one in found.mentions} == theirs(
        docker_compose, tmp_path, environ | {"B": "", "C": "", "v": ""}, {}
    )


ENV = r"""
A=un # comment
B="q ${A} \"y\" \$A $$A"   # c
C='s ${A} \n'
export D=${B:-z}${GONE:-def}
E: yaml
  F = spaced
G=a#b
H='it\'s'
I=
A=again
J=$A
"""


def test_the_same_values_of_env_files(docker_compose: list[str], tmp_path: Path) -> None:
    services = "".join(f"  s{name}: {{image: 'i:[${name}]'}}\n" for name in "ABCDEFGHIJ")
    (tmp_path / "compose.yaml").write_text(f"services:\n{services}")
    (tmp_path / ".env").write_text(ENV)
    found = {one.written for one in ours(tmp_path, {}, {}).mentions}
    words = {word for one in found for word in one.split()}
    assert words == theirs(docker_compose, tmp_path, {}, {})
