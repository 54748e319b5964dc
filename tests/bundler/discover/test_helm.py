"""Charts: rendered by the real helm, read without it, and what is said where neither works."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import tarfile
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.discover import helm
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found, Problem
from bundler.discover.helm.chart import UNPACKED_LIMIT, read_charts
from bundler.discover.helm.places import Rendered
from bundler.discover.kubernetes import discover_text
from manifests.appmanifest.sources import HelmSource
from tests.bundler.discover.programs import only_on_path, real, stand_in
from tests.support.renderers import helm_folder

INPUTS = Path(__file__).parent / "inputs/helm"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: a, image: 'a:1'}]}
"""
LISTED = [
    ("shop/Chart.yaml:16", "ghcr.io/shop/web:2.4.1"),
    ("shop/Chart.yaml:20", "ghcr.io/shop/reports:2.4.1"),
    ("shop/charts/cache/Chart.yaml:7", "docker.io/valkey/valkey:8.0"),
]


def told(folder: Path, chart: str = "shop", **options: Any) -> Found:
    return helm.discover(HelmSource(helm=chart, **options), DiskFolder(folder))


def images(found: Found) -> list[tuple[str, str]]:
    return [(str(one.place), one.written) for one in found.mentions]


def only_problem(found: Found) -> Problem:
    (problem,) = found.problems
    return problem


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


@pytest.fixture
def real_helm(monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = real(helm_folder)
    only_on_path(monkeypatch, folder)
    return folder / "helm"


@pytest.fixture
def _no_helm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only_on_path(monkeypatch, tmp_path / "nothing")


@pytest.mark.usefixtures("real_helm")
def test_a_chart_with_values() -> None:
    found = told(INPUTS, values=("site.yaml",), release="r")
    assert [(str(one.place), one.written, one.by) for one in found.mentions[:5]] == [
        (
            "shop/templates/web.yaml:15",
            "envoyproxy/envoy:v1.31.2",
            "Deployment r-web, init container proxy",
        ),
        (
            "shop/templates/web.yaml:19",
            "ghcr.io/shop/web:2.4.1",
            "Deployment r-web, container web",
        ),
        (
            "shop/charts/cache/templates/valkey.yaml:10",
            "docker.io/valkey/valkey:8.0",
            "StatefulSet r-sessions, container valkey",
        ),
        (
            "shop/templates/tests/answers.yaml:10",
            "busybox:1.36",
            "Pod r-answers (helm hook test), container wget",
        ),
        (
            "shop/templates/migrate.yaml:12",
            "registry.internal:5000/shop/migrate:2.4.0",
            "Job r-migrate (helm hook pre-install,pre-upgrade), container migrate",
        ),
    ]
    assert images(found)[5:] == LISTED
    assert [(str(one.place), one.count) for one in found.gpus] == [
        ("shop/templates/web.yaml:22", 1)
    ]
    assert found.problems == ()


@pytest.mark.usefixtures("real_helm")
def test_what_is_switched_off_is_told() -> None:
    found = told(INPUTS)
    metrics, backup = found.remarks
    assert str(metrics.place) == "shop/charts/metrics/Chart.yaml:1"
    assert metrics.message.endswith("left out: quay.io/prometheus/statsd-exporter:v0.27.2")
    assert str(backup.place) == "shop/values.yaml:14"
    assert backup.message == ("no rendered template uses docker.io/shop/backup:7, at backup.image")


@pytest.mark.usefixtures("real_helm")
def test_a_repository_whose_tag_stands_elsewhere_is_used(tmp_path: Path) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n"
    files = {
        "shop/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
        "shop/values.yaml": "image: r.example/shop/web\ntag: '2'\nother: r.example/shop/gone\n",
        "shop/templates/pod.yaml": pod + "    image: {{ .Values.image }}:{{ .Values.tag }}\n",
    }
    found = told(write(tmp_path, files))
    assert [one.written for one in found.mentions] == ["r.example/shop/web:2"]
    assert not [one for one in found.remarks if "shop/web" in one.message]


@pytest.mark.usefixtures("real_helm")
def test_single_values() -> None:
    found = told(
        INPUTS, set={"metrics.enabled": "true", "backup.image.tag": "8", "image.tag": "a,b"}
    )
    assert ("shop/charts/metrics/Chart.yaml:6", "quay.io/prometheus/statsd-exporter:v0.27.2") in (
        images(found)
    )
    assert "ghcr.io/shop/web:a,b" in [one.written for one in found.mentions]
    assert found.remarks == ()


def test_an_archive(real_helm: Path, tmp_path: Path) -> None:
    argv = [str(real_helm), "package", str(INPUTS / "shop"), "--destination", str(tmp_path)]
    subprocess.run(argv, check=True, capture_output=True)
    found = told(tmp_path, "shop-1.4.0.tgz")
    assert found.problems == ()
    by = {one.written: one for one in found.mentions}["busybox:1.36"]
    assert by.by.endswith("container wget (shop/templates/tests/answers.yaml)")
    assert by.place.file == "helm:shop-1.4.0.tgz"
    assert [(one.place.file, one.written) for one in found.mentions][-3:] == [
        (f"shop-1.4.0.tgz/{place.partition(':')[0]}", image) for place, image in LISTED
    ]
    (line,) = [one.place.line for one in found.mentions if "reports" in one.written]
    assert b"reports:2.4.1" in read_line(tmp_path / "shop-1.4.0.tgz", "shop/Chart.yaml", line)


def read_line(path: Path, name: str, line: int) -> bytes:
    with tarfile.open(path) as tar:
        content = tar.extractfile(name)
        assert content is not None
        return content.read().split(b"\n")[line - 1]


def test_a_chart_with_an_archived_sub_chart(real_helm: Path, tmp_path: Path) -> None:
    shutil.copytree(INPUTS / "shop", tmp_path / "shop")
    charts = tmp_path / "shop/charts"
    argv = [str(real_helm), "package", str(charts / "cache"), "--destination", str(charts)]
    subprocess.run(argv, check=True, capture_output=True)
    shutil.rmtree(charts / "cache")
    found = told(tmp_path)
    assert found.problems == ()
    listed = found.mentions[-1]
    assert (listed.place.file, listed.written) == (
        "shop/charts/cache-0.3.0.tgz/cache/Chart.yaml",
        "docker.io/valkey/valkey:8.0",
    )
    (valkey,) = [one for one in found.mentions if one.by.startswith("StatefulSet")]
    assert valkey.place.file == "helm:shop"


@pytest.mark.usefixtures("real_helm")
def test_a_template_that_refuses_is_told_with_its_place() -> None:
    found = told(INPUTS, set={"migrations.image.tag": ""})
    problem = only_problem(found)
    assert (problem.code, str(problem.place)) == ("helm-failed", "shop/templates/migrate.yaml:12")
    assert "migrations.image.tag is needed" in problem.message
    assert LISTED[0] in images(found)


@pytest.mark.usefixtures("real_helm")
def test_sub_charts_that_are_missing(tmp_path: Path) -> None:
    shutil.copytree(INPUTS / "shop", tmp_path / "shop")
    shutil.rmtree(tmp_path / "shop/charts")
    problem = only_problem(told(tmp_path))
    assert problem.code == "helm-dependencies"
    assert problem.hint == "run `helm dependency build shop`"


@pytest.mark.usefixtures("real_helm")
def test_a_chart_that_renders_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"a/Chart.yaml": "apiVersion: v2\nname: a\nversion: 1.0.0\n"})
    found = told(tmp_path, "a")
    assert (found.problems, found.mentions) == ((), ())
    assert "rendered nothing" in found.remarks[0].message


@pytest.mark.usefixtures("_no_helm")
def test_without_helm_the_lists_are_read_and_the_command_is_told() -> None:
    found = told(
        INPUTS, values=("site.yaml",), set={"a.b": "x, y"}, release="r", kube_version="1.31"
    )
    problem = only_problem(found)
    assert (problem.code, str(problem.place)) == ("helm-missing", "shop:1")
    assert problem.hint == (
        "run `helm template r shop --namespace=default --values=site.yaml"
        " '--set-string=a.b=x\\, y' --kube-version=1.31 > rendered.yaml` where helm is installed,"
        " and name `kubernetes: rendered.yaml` instead"
    )
    assert images(found)[:3] == LISTED


@pytest.mark.usefixtures("_no_helm")
@pytest.mark.parametrize("chart", ["none", "shop/templates", "site.yaml", "none.tgz"])
def test_no_chart(chart: str) -> None:
    assert only_problem(told(INPUTS, chart)).code == "helm-not-found"


@pytest.mark.usefixtures("real_helm")
def test_all_missing_files_of_values_are_told() -> None:
    found = told(INPUTS, values=("a.yaml", "https://example.org/values.yaml"))
    assert [str(one.place) for one in found.problems] == [
        "a.yaml:1",
        "https://example.org/values.yaml:1",
    ]


def test_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path, {"c/Chart.yaml": "name: c\n", "a,b.yaml": "", 'x"y.yaml': ""})
    script = f"printf '%s\\n' \"$@\" > {tmp_path}/argv\ncat <<'E'\n{POD}E"
    only_on_path(monkeypatch, stand_in(tmp_path / "bin", "helm", script))
    found = told(
        tmp_path,
        "c",
        values=("a,b.yaml", 'x"y.yaml'),
        set={"a.b": "1,2\\", "list": "{x,y}"},
        release="-x",
        namespace="ns",
        kube_version="1.30",
        api_versions=("a/v1", "b/v1"),
    )
    assert images(found) == [("helm:c:4", "a:1")]
    assert (tmp_path / "argv").read_text().split("\n")[:-1] == [
        "template",
        "--namespace=ns",
        '--values="a,b.yaml"',
        '--values="x""y.yaml"',
        "--set-string=a.b=1\\,2\\\\",
        "--set-string=list={x,y}",
        "--kube-version=1.30",
        "--api-versions=a/v1",
        "--api-versions=b/v1",
        "--include-crds",
        "--",
        "-x",
        "./c",
    ]


def test_a_source_that_leads_out_of_the_chart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path, {"c/Chart.yaml": "name: c\n", "secret.yaml": "image: 'a:1'\n"})
    script = f"echo '# Source: c/../secret.yaml'\ncat <<'E'\n{POD}E"
    only_on_path(monkeypatch, stand_in(tmp_path / "bin", "helm", script))
    (mention,) = told(tmp_path, "c").mentions
    assert str(mention.place) == "helm:c:5"
    assert mention.by == "Pod p, container a (c/../secret.yaml)"


@pytest.mark.property
@given(st.lists(st.sampled_from([POD, "---\n", "# Source: c/t.yaml\n", "\n", "{{", "image: a\n"])))
def test_no_output_makes_it_fail(
    tmp_path_factory: pytest.TempPathFactory, output: list[str]
) -> None:
    folder = write(tmp_path_factory.getbasetemp(), {"c/t.yaml": "image: 'a:1'\n{{\n"})
    data = "".join(output).encode()
    rendered = Rendered(data, "c", {"c": "c"}, DiskFolder(folder))
    for mention in rendered.placed(discover_text(data, rendered.file)).mentions:
        assert mention.place.file in ("c/t.yaml", "helm:c")


@pytest.mark.parametrize(
    ("annotation", "place", "message"),
    [
        ("  images: |\n    - image: [\n", "c/Chart.yaml:5", "expected a list of images"),
        ("  images: |\n\n    - name: a\n      image:\n", "c/Chart.yaml:6", "found nothing"),
        ("  images: '- image: 7'\n", "c/Chart.yaml:3", "found the number 7"),
    ],
)
@pytest.mark.usefixtures("_no_helm")
def test_annotations_that_can_not_be_read(
    tmp_path: Path, annotation: str, place: str, message: str
) -> None:
    write(tmp_path, {"c/Chart.yaml": f"name: c\nannotations:\n{annotation}"})
    missing, problem = sorted(told(tmp_path, "c").problems, key=lambda one: -len(one.code))[::-1]
    problem = problem if problem.code != "helm-missing" else missing
    assert message in problem.message
    assert str(problem.place) == place


@pytest.mark.usefixtures("_no_helm")
def test_a_chart_that_is_no_yaml(tmp_path: Path) -> None:
    write(tmp_path, {"c/Chart.yaml": "a: b: c\n", "c/charts/x.tgz": "no archive"})
    codes = [one.code for one in told(tmp_path, "c").problems]
    assert codes == ["helm-chart-malformed", "helm-chart-malformed", "helm-missing"]


def archive(files: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return data.getvalue()


def test_an_archive_that_unpacks_without_end(tmp_path: Path) -> None:
    (tmp_path / "bomb.tgz").write_bytes(archive({"bomb/x": bytes(UNPACKED_LIMIT)}))
    tracemalloc.start()
    try:
        (problem,) = read_charts(DiskFolder(tmp_path), "bomb.tgz").problems
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert "unpacks to more than" in problem.message


def test_archives_within_each_other(tmp_path: Path) -> None:
    data = archive({"c/Chart.yaml": b"name: c\n"})
    for _ in range(8):
        data = archive({"c/Chart.yaml": b"name: c\n", "c/charts/c.tgz": data})
    (tmp_path / "c.tgz").write_bytes(data)
    found = read_charts(DiskFolder(tmp_path), "c.tgz")
    assert found.problems == ()
    assert len(found.charts) == 5


def test_links_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        member = tarfile.TarInfo("c/Chart.yaml")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    (tmp_path / "c.tgz").write_bytes(data.getvalue())
    assert read_charts(DiskFolder(tmp_path), "c.tgz").charts == ()


@pytest.mark.property
@given(
    st.one_of(
        st.binary(max_size=600),
        st.binary(max_size=600).map(gzip.compress),
        st.dictionaries(
            st.sampled_from(["c/Chart.yaml", "c/values.yaml", "c/charts/d.tgz", "Chart.yaml"]),
            st.binary(max_size=50),
        ).map(archive),
    ),
    st.integers(0, 2000),
    st.binary(max_size=4),
)
def test_no_archive_makes_it_fail(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int, change: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "fuzz.tgz").write_bytes(data[:at] + change + data[at + len(change) :])
    read_charts(DiskFolder(folder), "fuzz.tgz")
