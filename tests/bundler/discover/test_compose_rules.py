"""The Compose specification's rules, one small project a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bundler.discover.compose import discover
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found
from manifests.appmanifest.sources import ComposeSource

Files = dict[str, str]
APP = {"compose.yaml": "services: {a: {build: .}}\n"}


def find(
    tmp_path: Path, files: Files, environ: dict[str, str] | None = None, **options: Any
) -> Found:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    source = ComposeSource.model_validate({"compose": ("compose.yaml",), **options})
    return discover(source, DiskFolder(tmp_path), environ or {})


def written(found: Found) -> list[str]:
    return [one.written for one in found.mentions]


def only(found: Found) -> str:
    """Return the one problem: `place code message`."""
    (one,) = found.problems
    return f"{one.place} {one.code} {one.message}"


@pytest.mark.parametrize(
    ("folder", "environ", "options", "head", "expected"),
    [
        ("My.Shop_2-x", {}, {}, "", "myshop_2-x-a"),
        ("__9Lives", {}, {}, "", "9lives-a"),
        ("app", {}, {}, "name: Web.Shop\n", "webshop-a"),
        ("app", {"STAGE": "prod"}, {}, "name: shop-${STAGE:-dev}\n", "shop-prod-a"),
        ("app", {"COMPOSE_PROJECT_NAME": "outside"}, {}, "name: inside\n", "outside-a"),
        ("app", {"COMPOSE_PROJECT_NAME": "outside"}, {"project": "mine"}, "", "mine-a"),
        ("app", {}, {"environment": {"COMPOSE_PROJECT_NAME": "listed"}}, "", "listed-a"),
    ],
)
def test_what_is_built_is_named_after_the_project(
    tmp_path: Path,
    folder: str,
    environ: dict[str, str],
    options: dict[str, Any],
    head: str,
    expected: str,
) -> None:
    app = tmp_path / folder
    app.mkdir()
    found = find(app, {"compose.yaml": head + APP["compose.yaml"]}, environ, **options)
    assert written(found) == [expected]
    assert found.mentions[0].built


def test_the_first_file_names_the_project_by_its_folder(tmp_path: Path) -> None:
    files = {"Deploy/compose.yaml": APP["compose.yaml"], "b.yaml": "services: {b: {build: .}}"}
    found = find(tmp_path, files, compose=["./Deploy/compose.yaml", "b.yaml"])
    assert written(found) == ["deploy-a", "deploy-b"]
    assert str(found.mentions[0].place) == "Deploy/compose.yaml:1"


def test_a_project_name_that_compose_refuses(tmp_path: Path) -> None:
    found = find(tmp_path, APP, project="My Shop")
    assert only(found).startswith("compose.yaml:1 compose-project-name expected a project name of")
    assert found.problems[0].hint == "name it 'myshop' in `project:` of this source"


@pytest.mark.parametrize(
    ("environ", "options", "expected"),
    [
        ({}, {}, "x:file"),
        ({"TAG": "process"}, {}, "x:process"),
        ({"TAG": "process"}, {"environment": {"TAG": "source"}}, "x:source"),
        ({}, {"env_files": ["one.env"]}, "x:one"),
        ({}, {"env_files": ["one.env", "two.env"]}, "x:two-one"),
        ({"COMPOSE_ENV_FILES": "one.env,two.env"}, {}, "x:two-one"),
        ({"COMPOSE_DISABLE_ENV_FILE": "1"}, {}, "x:default"),
    ],
)
def test_where_a_variable_comes_from(
    tmp_path: Path, environ: dict[str, str], options: dict[str, Any], expected: str
) -> None:
    files = {
        "compose.yaml": "services: {a: {image: 'x:${TAG:-default}'}}",
        ".env": "TAG=file\n",
        "one.env": "TAG=one\n",
        "two.env": "TAG=two-${TAG}\n",
    }
    assert written(find(tmp_path, files, environ, **options)) == [expected]


def test_an_env_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    found = find(tmp_path, APP, env_files=["prod.env"])
    assert only(found).startswith("compose.yaml:1 compose-unreadable prod.env can't be read: No")


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ("{a: {image: 'new:1'}}", ["new:1", "v:1"]),
        ("{a: {image: }}", ["old:1", "v:1"]),
        ("{a: {image: !reset null, build: .}}", ["app-a", "v:1"]),
        ("{a: !reset null, b: {image: 'b:1'}}", ["b:1"]),
        ("{a: !override {image: 'only:1'}}", ["only:1"]),
        ("{a: {profiles: [more]}}", []),
        ("{a: {volumes: ['./here:/data']}}", ["old:1"]),
        (
            "{a: {volumes: [{type: image, source: 'v:2', target: /more}]}}",
            ["old:1", "v:1", "v:2"],
        ),
        ("{a: {volumes: !reset []}}", ["old:1"]),
        ("{a: {volumes: !override [{type: image, source: 'v:2', target: /x}]}}", ["old:1", "v:2"]),
    ],
)
def test_a_later_file_goes_over_an_earlier_one(
    tmp_path: Path, over: str, expected: list[str]
) -> None:
    below = "{a: {image: 'old:1', volumes: [{type: image, source: 'v:1', target: /data}]}}"
    files = {"compose.yaml": f"services: {below}", "over.yaml": f"services: {over}"}
    found = find(tmp_path, files, compose=["compose.yaml", "over.yaml"], project="app")
    assert written(found) == expected
    assert not found.problems


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ("services: !override {b: {image: 'b:1'}}", ["b:1"]),
        ("services: !reset {b: {image: 'b:1'}}\n---\nservices: {c: {image: 'c:1'}}", ["c:1"]),
    ],
)
def test_all_services_may_be_replaced(tmp_path: Path, over: str, expected: list[str]) -> None:
    files = {"compose.yaml": "services: {a: {image: 'a:1'}}", "over.yaml": over}
    assert written(find(tmp_path, files, compose=["compose.yaml", "over.yaml"])) == expected


def test_an_included_file_may_go_without_its_env_file(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "include: [{path: sub/b.yaml, env_file: /dev/null}]",
        "sub/b.yaml": "services: {a: {image: 'x:${T:-none}'}}",
        "sub/.env": "T=1",
    }
    assert written(find(tmp_path, files)) == ["x:none"]


def test_profiles_of_a_base_are_taken_over_too(tmp_path: Path) -> None:
    text = "services: {base: {image: 'b:1', profiles: [x]}, a: {extends: base}}"
    assert written(find(tmp_path, {"compose.yaml": text})) == []
    assert written(find(tmp_path, {"compose.yaml": text}, profiles=["x"])) == ["b:1", "b:1"]


def test_a_base_is_looked_for_in_one_file_only(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "services: {base: {image: 'b:1'}}",
        "over.yaml": "services:\n  a:\n    extends: base\n",
    }
    found = find(tmp_path, files, compose=["compose.yaml", "over.yaml"])
    assert only(found) == (
        "over.yaml:3 compose-extends service a extends base, which over.yaml does not define"
    )


def test_circles_are_told(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "include: [b.yaml]\nservices:\n  a: {extends: b}\n  b: {extends: a}\n",
        "b.yaml": "include:\n  - compose.yaml\n",
    }
    found = find(tmp_path, files)
    assert [f"{one.place} {one.code}" for one in found.problems] == [
        "b.yaml:2 compose-include",
        "compose.yaml:3 compose-extends",
    ]
    assert "a in compose.yaml -> b in compose.yaml -> a in" in found.problems[1].message


@pytest.mark.parametrize(
    "url",
    [
        "oci://registry.example/app:1",
        "https://git.example/app.git",
        "git@git.example:app.git",
        "github.com/example/app",
    ],
)
def test_files_on_other_machines_are_told(tmp_path: Path, url: str) -> None:
    text = f"include: ['{url}']\nservices:\n  a: {{extends: {{file: '{url}', service: a}}}}\n"
    found = find(tmp_path, {"compose.yaml": text})
    assert [f"{one.place} {one.code}" for one in found.problems] == [
        "compose.yaml:1 compose-remote",
        "compose.yaml:3 compose-remote",
    ]
    assert found.problems[0].hint.startswith("fetch it by hand")


def test_an_included_service_may_not_be_there_already(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "include: [b.yaml]\nservices:\n  a: {image: x}\n  same: {image: s}\n",
        "b.yaml": "services:\n  a: {image: y}\n  same: {image: s}\n",
    }
    assert only(find(tmp_path, files)).startswith("compose.yaml:3 compose-include service a is in")


def test_a_later_file_may_change_an_included_service(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "include: [b.yaml]",
        "b.yaml": "services: {a: {image: 'x:1'}}",
        "over.yaml": "services: {a: {image: 'x:2'}}",
    }
    assert written(find(tmp_path, files, compose=["compose.yaml", "over.yaml"])) == ["x:2"]


def test_the_including_project_wins_over_the_included_ones_env_file(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "include: [sub/b.yaml]",
        ".env": "A=outer\n",
        "sub/b.yaml": "services: {a: {image: 'x:$A-$B'}}",
        "sub/.env": "A=inner\nB=inner\n",
    }
    assert written(find(tmp_path, files)) == ["x:outer-inner"]


def test_a_path_with_a_variable_that_is_not_set(tmp_path: Path) -> None:
    text = "include:\n  - ${DIR}/b.yaml\nservices: {a: {extends: {file: $DIR/c, service: a}}}\n"
    found = find(tmp_path, {"compose.yaml": text})
    assert [f"{one.place} {one.code}" for one in found.problems] == [
        "compose.yaml:2 compose-variable-unset",
        "compose.yaml:3 compose-variable-unset",
    ]


def test_optional_dependencies_may_be_off(tmp_path: Path) -> None:
    text = """\
services:
  a: {image: a, depends_on: {b: {condition: service_started, required: false}}}
  b: {image: b, profiles: [x]}
"""
    assert not find(tmp_path, {"compose.yaml": text}).problems


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux/arm64/v8", "linux/arm64"),
        ("arm64", "linux/arm64"),
        ("linux", "None"),
        ("${NOT_SET}", "None"),
    ],
)
def test_platforms(tmp_path: Path, platform: str, expected: str) -> None:
    found = find(
        tmp_path, {"compose.yaml": f"services: {{a: {{image: x, platform: '{platform}'}}}}"}
    )
    assert str(found.mentions[0].platform) == expected
    assert not found.problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "compose.yaml:1 compose-malformed expected services, found none"),
        ("networks: {a: }", "compose.yaml:1 compose-malformed expected services, found none"),
        ("[a]", "compose.yaml:1 compose-malformed expected `services:` and other keys at the top,"),
        ("services: [a]", "compose.yaml:1 compose-malformed expected services by name under"),
        ("services:\n  a: b", "compose.yaml:2 compose-malformed expected a mapping for service a"),
        ("services: {a: {image: [x]}}", "compose.yaml:1 compose-malformed expected an image such"),
        ("services: {a: {image: x, gpus: 2}}", "compose.yaml:1 compose-malformed expected `all`"),
        ("include: x.yaml", "compose.yaml:1 compose-malformed expected a list of files, found 'x"),
        ("include: [{env_file: x}]", "compose.yaml:1 compose-malformed expected `path:` with a"),
        ("services: {a: {image: x}, a: }", "compose.yaml:1 compose-yaml duplicate key 'a'"),
        ("a: b: c", "compose.yaml:1 compose-yaml a second ':' in one line"),
        ("services: {a: {image: ''}}", "compose.yaml:1 compose-image-missing expected an image"),
    ],
)
def test_files_that_compose_would_not_take(tmp_path: Path, text: str, expected: str) -> None:
    assert only(find(tmp_path, {"compose.yaml": text})).startswith(expected)


@pytest.mark.parametrize(
    ("compose", "told"),
    [
        (["app/compose.yaml"], True),
        (["app/compose.yaml", "app/compose.override.yaml"], False),
        (["app/other.yaml"], False),
    ],
)
def test_an_override_file_that_is_not_named_is_remarked(
    tmp_path: Path, compose: list[str], *, told: bool
) -> None:
    names = ("compose.yaml", "compose.override.yaml", "other.yaml")
    found = find(tmp_path, {f"app/{name}": APP["compose.yaml"] for name in names}, compose=compose)
    assert [str(one.place) for one in found.remarks] == ["app/compose.override.yaml:1"] * told


def test_files_that_are_not_there(tmp_path: Path) -> None:
    found = find(tmp_path, {"b.yaml": "services: {b: {image: b}}"}, compose=["a.yaml", "b.yaml"])
    assert only(found).startswith("a.yaml:1 compose-unreadable a.yaml can't be read: No such file")
    assert written(found) == ["b"]


def test_a_build_elsewhere_has_no_dockerfile_to_read(tmp_path: Path) -> None:
    text = """\
services:
  a: {build: "https://git.example/app.git#main"}
  b: {build: ./gone}
"""
    found = find(tmp_path, {"compose.yaml": text}, bases=True, project="p")
    assert [f"{one.place} {one.code}" for one in found.problems] == [
        "compose.yaml:2 compose-build",
        "compose.yaml:3 compose-unreadable",
    ]
    assert written(found) == ["p-a", "p-b"]


def test_escapes_of_terminals_are_shown_and_not_sent(tmp_path: Path) -> None:
    text = 'services: {a: {image: "${X?\\e[31mred}", platform: "\\e]0;x/y\\a"}}'
    messages = [one.message for one in find(tmp_path, {"compose.yaml": text}).problems]
    assert len(messages) == 2
    assert all(message.isprintable() for message in messages)
