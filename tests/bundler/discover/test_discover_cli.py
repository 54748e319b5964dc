"""`bundle discover`: what it shows of a folder, as words and as JSON, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bundler.verbs.discover import discover_path
from manifests.appmanifest.app import App
from manifests.errors import ExitCode
from tests.bundler.builds import Cli

COMPOSE = """\
services:
  web:
    image: nginx:1.27
  api:
    build: api
    image: team/api:1
  render:
    image: ${RENDERER:-render:2}
    gpus: all
"""
WEB = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: web
      image: docker.io/library/nginx:1.27
"""
JOB = """\
#!/bin/bash
#SBATCH --gres=gpu:2
srun --container-image=registry.example#team/solver:3 solve
"""
MARATHON = '{"id": "/viz/db", "container": {"docker": {"image": "postgres:16"}}}\n'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "Web Shop"
    for name, text in {
        "compose.yaml": COMPOSE,
        "compose.prod.yaml": COMPOSE,
        "k8s/web.yaml": WEB,
        "jobs/solve.sbatch": JOB,
        "marathon/db.json": MARATHON,
        "images.txt": "redis:7\n",
        "api/Dockerfile": "FROM python:3.12-slim\n",
        "node_modules/a/Dockerfile": "FROM forgotten:1\n",
        "README.md": "docker run not/this:1\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_each_image_is_shown_with_all_its_places(shop: Path, bundle: Cli) -> None:
    said = bundle("discover", shop)
    assert said.code == ExitCode.DONE
    assert said.out == (
        "nginx:1.27\n"
        "  compose.yaml:3  service web\n"
        "  k8s/web.yaml:7  Pod web, container web\n"
        "postgres:16\n"
        "  marathon/db.json:1  app /viz/db\n"
        "python:3.12-slim\n"
        "  api/Dockerfile:1  FROM\n"
        "redis:7\n"
        "  images.txt:1  list\n"
        "render:2\n"
        "  compose.yaml:8  service render\n"
        "team/api:1\n"
        "  compose.yaml:6  service api  built by the app\n"
        "registry.example/team/solver:3\n"
        "  jobs/solve.sbatch:3  srun --container-image\n"
        "GPUs: all, compose.yaml:9  service render\n"
        "GPUs: 2, jobs/solve.sbatch:2  #SBATCH --gres\n"
        "\n"
        "not taken in, for you to choose:\n"
        "  compose.prod.yaml\n"
        "\n"
        "not looked at:\n"
        "  node_modules: holds dependencies\n"
        "\n"
        "7 images in 6 files\n"
    )


def test_json(shop: Path, bundle: Cli) -> None:
    document = json.loads(bundle("discover", shop, "--json").out)
    (nginx,) = (one for one in document["images"] if "nginx" in one["reference"])
    assert [(one["file"], one["line"]) for one in nginx["places"]] == [
        ("compose.yaml", 3),
        ("k8s/web.yaml", 7),
    ]
    assert {one["count"] for one in document["gpus"]} == {None, 2}
    assert document["problems"] == []
    assert document["choices"] == ["compose.prod.yaml"]
    assert document["skipped"] == [{"path": "node_modules", "reason": "holds dependencies"}]


def test_problems_are_shown_beside_everything_else(shop: Path, bundle: Cli) -> None:
    (shop / "jobs/other.sh").write_text("#!/bin/sh\ndocker run $IMAGE\ndocker run busybox:1\n")
    said = bundle("discover", shop)
    assert said.code == ExitCode.APP_MANIFEST
    assert "busybox:1\n  jobs/other.sh:3  docker run\n" in said.out
    assert "  jobs/other.sh:2:12: expected an image for docker run, found '$IMAGE'" in said.out
    assert "[slurm-variable]\n    next: give it beside `slurm:`" in said.out
    assert said.out.endswith("8 images in 7 files, 1 problem\n")
    as_json = bundle("discover", shop, "--json")
    assert as_json.code == ExitCode.APP_MANIFEST
    assert json.loads(as_json.out)["problems"][0]["code"] == "slurm-variable"


def test_variables_of_the_process_count(
    shop: Path, bundle: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RENDERER", "render:9")
    assert "\nrender:9\n" in bundle("discover", shop).out


def test_what_is_written_finds_the_same(shop: Path, bundle: Cli) -> None:
    app = shop / "deploy" / "app.yaml"
    app.parent.mkdir()
    said = bundle("discover", shop, "--write", app)
    assert said.code == ExitCode.DONE
    assert said.out.endswith(f"wrote {app}; read it, then run: bundle resolve {app}\n")
    manifest = App.parse(app.read_bytes(), "app.yaml")
    assert (manifest.name, manifest.version) == ("web-shop", "0.1.0")
    assert len(manifest.sources) == 6
    assert "    #   - ../compose.prod.yaml\n" in app.read_text()


def test_nothing_is_overwritten(shop: Path, bundle: Cli) -> None:
    app = shop / "app.yaml"
    app.write_text("mine")
    said = bundle("discover", shop, "--write", app)
    assert (said.code, app.read_text()) == (ExitCode.USAGE, "mine")
    assert "app-exists" in said.err


def test_a_single_file(shop: Path, bundle: Cli) -> None:
    said = bundle("discover", shop / "k8s/web.yaml")
    assert said.out == "nginx:1.27\n  web.yaml:7  Pod web, container web\n\n1 image in 1 file\n"


def test_nothing_found_and_no_such_path(tmp_path: Path, bundle: Cli) -> None:
    (tmp_path / "README.md").write_text("text")
    said = bundle("discover", tmp_path)
    assert said.code == ExitCode.APP_MANIFEST
    assert "discover-nothing" in said.err
    (tmp_path / "vendor").mkdir()
    assert "not looked at: vendor (holds dependencies)" in bundle("discover", tmp_path).err
    said = bundle("discover", tmp_path / "none")
    assert said.code == ExitCode.USAGE
    assert "path-not-found" in said.err


def test_terminal_escapes_are_shown_and_not_sent(shop: Path, bundle: Cli) -> None:
    (shop / "jobs/evil.sh").write_text("#!/bin/sh\ndocker run a:1\x1b[2J\n")
    said = bundle("discover", shop)
    assert "\x1b" not in said.out + said.err


def test_every_input_of_the_discoverers_can_be_shown(bundle: Cli) -> None:
    inputs = Path(__file__).parent / "inputs"
    for kind in ("compose", "dockerfile", "kubernetes", "marathon", "slurm"):
        discovery = discover_path(inputs / kind, {})
        assert discovery.merged.images, kind
        said = bundle("discover", inputs / kind)
        expected = ExitCode.APP_MANIFEST if discovery.merged.problems else ExitCode.DONE
        assert said.code == expected, kind
