"""What a folder holds: kinds by name and by text, what belongs together, what is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.discover import tree
from bundler.discover.detect import Chart, Detected, Project, detect_file, detect_folder
from bundler.discover.propose import MAX_FILES, proposal
from bundler.discover.recognise import Kind, by_name, by_text, is_candidate
from bundler.discover.tree import Skipped, list_tree
from manifests.appmanifest.app import App
from manifests.appmanifest.sources import ComposeSource, HelmSource, KubernetesSource
from manifests.errors import AppManifestError
from tests.support.endless import not_endless

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
SERVICES = "services:\n  web:\n    image: nginx:1.27\n"


def lay(base: Path, **files: str) -> None:
    """Write files; `__` in a name stands for `/`."""
    write(base, {name.replace("__", "/"): text for name, text in files.items()})


def write(base: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("compose.yaml", Kind.COMPOSE),
        ("a/docker-compose.prod.yml", Kind.COMPOSE),
        ("docker-compose-dev.yaml", Kind.COMPOSE),
        ("composer.yaml", None),
        ("compose.json", None),
        ("Chart.yaml", Kind.HELM),
        ("chart.yaml", None),
        ("x/kustomization.yml", Kind.KUSTOMIZE),
        ("Kustomization", Kind.KUSTOMIZE),
        ("Dockerfile", Kind.DOCKERFILE),
        ("Dockerfile.gpu", Kind.DOCKERFILE),
        ("api.dockerfile", Kind.DOCKERFILE),
        ("Containerfile", Kind.DOCKERFILE),
        ("Dockerfile.dockerignore", None),
        ("Dockerfile.md", None),
    ],
)
def test_names(name: str, kind: Kind | None) -> None:
    assert by_name(name) is kind


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("web.yaml", POD, Kind.KUBERNETES),
        ("web.yaml", f"# comment\n---\n{POD}", Kind.KUBERNETES),
        ("web.json", '{"apiVersion": "v1",\n "kind": "Pod"}', Kind.KUBERNETES),
        ("web.json", '{\n  "apiVersion": "v1",\n  "kind": "Pod"}', Kind.KUBERNETES),
        ("web.json", '{"kind": "Pod", "apiVersion": "v1"}', Kind.KUBERNETES),
        ("web.yml", "kind: Pod\n", None),
        ("stack.yml", f"version: '3'\n{SERVICES}", Kind.COMPOSE),
        ("settings.yml", "services:\n  web: {port: 80}\n", None),
        ("app.json", '{"id": "/a", "container": {}}', Kind.MARATHON),
        ("apps.json", '[{"id": "/a", "containers": []}]', Kind.MARATHON),
        ("apps.json", '{"apps": [{"id": "/a", "container": {}}]}', Kind.MARATHON),
        ("package.json", '{"name": "a", "container": 1}', None),
        ("broken.json", '{"id": "/a", "container": {', None),
        ("job.sh", "#!/bin/sh\nsrun --container-image=a x\n", Kind.SLURM),
        ("job.py", "#!/usr/bin/python\n#SBATCH --container-image=a\n", Kind.SLURM),
        ("start", "#!/bin/bash\nsudo docker compose pull\n", Kind.SLURM),
        ("start", "#!/bin/bash\nsudo docker ps\n", None),
        ("start", "docker run a\n", None),
        ("images.txt", "nginx:1.27\n# more\nredis:7 # cache\n", Kind.LIST),
        ("images.txt", "one\ntwo\n", None),
        ("images.txt", "see: the list\n", None),
        ("notes.txt", "nginx:1.27\n", None),
    ],
)
def test_texts(name: str, text: str, kind: Kind | None) -> None:
    assert is_candidate(name) or kind is None
    assert by_text(name, text) is kind


@pytest.mark.property
@given(st.sampled_from(["a.json", "a.yaml", "images.txt", "job.sh", "a"]), st.text())
def test_no_text_is_too_odd(name: str, text: str) -> None:
    by_text(name, text)


def test_compose_files_of_a_folder_are_one_project(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "compose.yaml": SERVICES + "    profiles: [x]\n",
            "compose.override.yaml": SERVICES,
            "compose.prod.yaml": SERVICES,
            "swarm/one.yml": SERVICES,
            "swarm/two.yml": SERVICES,
        },
    )
    assert detect_folder(tmp_path).projects == (
        Project(("compose.yaml", "compose.override.yaml"), ("compose.prod.yaml",), profiles=True),
        Project(("swarm/one.yml",)),
        Project(("swarm/two.yml",)),
    )


def test_compose_files_that_others_take_in_are_no_projects(tmp_path: Path) -> None:
    extends = "services:\n  b:\n    extends: {file: base/compose.yaml, service: web}\n"
    write(
        tmp_path,
        {
            "compose.yaml": f"include:\n  - a/compose.yaml\n  - path: [b/compose.yaml]\n{extends}",
            "a/compose.yaml": SERVICES,
            "b/compose.yaml": "include: [compose.yaml]\n" + SERVICES,
            "base/compose.yaml": SERVICES,
        },
    )
    assert [one.files for one in detect_folder(tmp_path).projects] == [("compose.yaml",)]


def test_charts_stand_for_what_is_in_them(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "charts/web/Chart.yaml": "name: web\n",
            "charts/web/values.yaml": "a: 1\n",
            "charts/web/values-site.yaml": "a: 2\n",
            "charts/web/templates/pod.yaml": POD,
            "charts/web/charts/db/Chart.yaml": "name: db\n",
            "charts/common/Chart.yaml": "type: library\n",
            "pod.yaml": POD,
        },
    )
    found = detect_folder(tmp_path)
    assert found.charts == (Chart("charts/web", ("charts/web/values-site.yaml",)),)
    assert found.files == {Kind.KUBERNETES: ("pod.yaml",)}


def test_kustomizations_stand_for_what_they_name(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "base/kustomization.yaml": "resources:\n  - pod.yaml\n",
            "base/pod.yaml": POD,
            "base/forgotten.yaml": POD,
            "site/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml}]\n",
            "site/patch.yaml": POD,
            "broken/kustomization.yaml": "resources: [\n",
        },
    )
    found = detect_folder(tmp_path)
    assert found.kustomizations == ("broken", "site")
    assert found.files == {Kind.KUBERNETES: ("base/forgotten.yaml",)}


def test_dependencies_and_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pod.yaml": POD,
            ".git/pod.yaml": POD,
            "web/node_modules/a/Dockerfile": "FROM a\n",
            "go/vendor/b/compose.yaml": SERVICES,
            "env/pyvenv.cfg": "",
            "env/pod.yaml": POD,
        },
    )
    (tmp_path / "link").symlink_to(tmp_path)
    found = detect_folder(tmp_path)
    assert found.files == {Kind.KUBERNETES: ("pod.yaml",)}
    assert found.projects == ()
    assert found.skipped == (
        Skipped("env", "a Python environment"),
        Skipped("go/vendor", "holds dependencies"),
        Skipped("web/node_modules", "holds dependencies"),
    )


def test_large_and_odd_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b"a" * (4 * 1024 * 1024 + 1))
    (tmp_path / "odd\n.yaml").write_text(POD)
    (tmp_path / "nul.yaml").write_bytes(POD.encode() + b"\0")
    found = detect_folder(tmp_path)
    assert found.is_empty
    assert [one.path for one in found.skipped] == ["odd\n.yaml", "large.yaml"]


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_FILES", 50)
    monkeypatch.setattr(tree, "MAX_FOLDERS", 8)


@pytest.mark.usefixtures("small_limits")
def test_a_folder_without_end_is_bounded(tmp_path: Path) -> None:
    for number in range(10):
        lay(tmp_path, **{f"{number}__{one}": "" for one in range(9)})
    found = list_tree(tmp_path)
    assert len(found.files) <= 50
    assert "discover smaller folders" in found.skipped[0].reason


def test_many_files_are_listed_soon(tmp_path: Path) -> None:
    for number in range(20):
        folder = tmp_path / f"data{number}"
        folder.mkdir()
        for one in range(500):
            (folder / f"{one}.bin").touch()
    write(tmp_path, {"pod.yaml": POD})
    with not_endless():
        assert detect_folder(tmp_path).files == {Kind.KUBERNETES: ("pod.yaml",)}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("compose.yaml", SERVICES, Detected(projects=(Project(("compose.yaml",)),))),
        ("Chart.yaml", "", Detected(charts=(Chart("."),))),
        ("kustomization.yaml", "", Detected(kustomizations=(".",))),
        ("any.txt", "#!/bin/sh\ndocker run a\n", Detected(files={Kind.SLURM: ("any.txt",)})),
        ("Dockerfile", "FROM a\n", Detected(files={Kind.DOCKERFILE: ("Dockerfile",)})),
        ("notes.txt", "text", Detected()),
    ],
)
def test_single_files(tmp_path: Path, name: str, text: str, expected: Detected) -> None:
    write(tmp_path, {name: text})
    assert detect_file(tmp_path, name) == expected


def test_a_proposal_is_an_app_manifest() -> None:
    detected = Detected(
        projects=(Project(("compose.yaml",), ("compose.prod.yaml",), profiles=True),),
        charts=(Chart("chart", ("chart/values-a.yaml",)),),
        kustomizations=("over",),
        files={Kind.KUBERNETES: ("a: b.yaml", "null", "ünï.yaml"), Kind.LIST: ("1.0",)},
    )
    app = App.parse(proposal(detected, "viz", "..").encode(), "app.yaml")
    assert (app.name, app.version) == ("viz", "0.1.0")
    compose, helm, *_, listed, kubernetes = (*app.sources[:3], app.sources[4], app.sources[3])
    assert isinstance(compose, ComposeSource)
    assert (compose.compose, compose.profiles) == (("../compose.yaml",), ("*",))
    assert isinstance(helm, HelmSource)
    assert helm.values == ()
    assert isinstance(kubernetes, KubernetesSource)
    assert kubernetes.kubernetes == ("../a: b.yaml", "../null", "../ünï.yaml")
    assert listed.model_dump()["list"] == ("../1.0",)


def test_a_proposal_of_too_many_files_is_refused() -> None:
    paths = tuple(f"{number}.yaml" for number in range(MAX_FILES + 1))
    with pytest.raises(AppManifestError) as caught:
        proposal(Detected(files={Kind.KUBERNETES: paths}), "viz", ".")
    assert caught.value.code == "discover-too-many"


@pytest.mark.property
@given(st.lists(st.text(min_size=1).filter(str.isprintable), min_size=1, max_size=5))
def test_any_name_of_a_file_can_be_proposed(names: list[str]) -> None:
    paths = tuple(name.lstrip("/") or "a" for name in names)
    text = proposal(Detected(files={Kind.KUBERNETES: paths}), "viz", ".")
    (source,) = App.parse(text.encode(), "app.yaml").sources
    assert isinstance(source, KubernetesSource)
    assert len(source.kubernetes) == len(paths)
