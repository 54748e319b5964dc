"""Kustomizations: rendered by the real program, and what is said where that can't be."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundler.discover import kustomize
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found, Problem
from manifests.appmanifest.sources import KustomizeSource
from tests.bundler.discover.programs import only_on_path, real, stand_in
from tests.support.renderers import kubectl_folder

INPUTS = Path(__file__).parent / "inputs/kustomize"
RENDERED = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: 'a:1'}]}\n"


def told(path: str, *image_paths: str) -> Found:
    return kustomize.discover(
        KustomizeSource(kustomize=path, image_paths=image_paths), DiskFolder(INPUTS)
    )


def only_problem(found: Found) -> Problem:
    (problem,) = found.problems
    return problem


@pytest.fixture
def _kubectl(monkeypatch: pytest.MonkeyPatch) -> None:
    only_on_path(monkeypatch, real(kubectl_folder))


@pytest.mark.usefixtures("_kubectl")
def test_an_overlay_is_rendered() -> None:
    found = told("overlays/site")
    assert [(str(one.place), one.written, one.by) for one in found.mentions] == [
        (
            "kustomize:overlays/site:9",
            "registry.internal:5000/nginx:1.27.2",
            "Deployment site-web, container web",
        )
    ]
    assert [(one.place.line, one.count) for one in found.gpus] == [(13, 1)]
    assert found.problems == ()
    (remark,) = found.remarks
    assert "ghcr.io/example/proxy:3, at spec.proxy of Mesh site-mesh" in remark.message


@pytest.mark.usefixtures("_kubectl")
def test_image_paths_reach_the_rendered_text() -> None:
    found = told("overlays/site", "Mesh:spec.proxy")
    assert [one.written for one in found.mentions][-1] == "ghcr.io/example/proxy:3"
    assert found.remarks == ()


@pytest.mark.usefixtures("_kubectl")
def test_nothing_is_fetched() -> None:
    problem = only_problem(told("remote"))
    assert (problem.code, str(problem.place)) == ("kustomize-failed", "remote:1")
    assert "https://example.org/manifests" in problem.message
    assert "`kustomize build remote > rendered.yaml` where it may use the network" in problem.hint
    assert "`kubernetes: rendered.yaml`" in problem.hint


@pytest.mark.usefixtures("_kubectl")
def test_charts_within_a_kustomization_need_an_option() -> None:
    problem = only_problem(told("charts"))
    assert "`kustomize build --enable-helm charts > rendered.yaml`" in problem.hint
    assert "run.go" not in problem.message


def test_neither_program_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only_on_path(monkeypatch, tmp_path)
    problem = only_problem(told("overlays/site"))
    assert problem.code == "kustomize-missing"
    assert problem.hint == (
        "run `kustomize build overlays/site > rendered.yaml` where one is installed,"
        " and name `kubernetes: rendered.yaml` instead"
    )


@pytest.mark.parametrize("path", ["none", "base/web.yaml", "overlays"])
def test_no_kustomization(path: str) -> None:
    assert only_problem(told(path)).code == "kustomize-not-found"


@pytest.mark.parametrize(("name", "arguments"), [("kustomize", "build"), ("kubectl", "kustomize")])
def test_arguments(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, arguments: str
) -> None:
    noted = f'echo "$@" > {tmp_path}/argv; env > {tmp_path}/env; pwd > {tmp_path}/cwd'
    script = f"{noted}\ncat <<E\n{RENDERED}E"
    only_on_path(monkeypatch, stand_in(tmp_path / "bin", name, script))
    monkeypatch.setenv("KUBECONFIG", "/secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    found = told("base")
    assert [str(one.place) for one in found.mentions] == ["kustomize:base:3"]
    assert (tmp_path / "argv").read_text() == f"{arguments} -- ./base\n"
    assert (tmp_path / "cwd").read_text() == f"{INPUTS}\n"
    assert "secret" not in (tmp_path / "env").read_text()


def test_kustomize_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(tmp_path, "kubectl", "exit 1")
    only_on_path(monkeypatch, stand_in(tmp_path, "kustomize", f"cat <<E\n{RENDERED}E"))
    assert told("base").problems == ()
