"""Kubernetes documents: which images and GPUs they name, where, and what is told of the rest."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.discover import kubernetes
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found, Problem, Remark
from manifests.appmanifest.sources import KubernetesSource
from tests.support.endless import LIMIT_S

INPUTS = Path(__file__).parent / "inputs/kubernetes"
ROOT = Path(__file__).parents[3]
ENVOY = (
    "registry.internal:5000/shop/envoy"
    "@sha256:b3a1c6a0f7d0a2b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c"
)
PROXY = ENVOY.replace("registry.internal:5000/shop/envoy", "example.org/proxy")
HELLO = "ghcr.io/knative/helloworld-go:latest"

MENTIONS: dict[str, list[tuple[int, str, str]]] = {
    "web.yaml": [
        (22, "ghcr.io/shop/api:2.4.1", "Deployment api, init container migrate"),
        (26, "fluent/fluent-bit:3.1.9", "Deployment api, init container log-shipper"),
        (29, "ghcr.io/shop/api:2.4.1", "Deployment api, container api"),
        (35, ENVOY, "Deployment api, container proxy"),
        (50, "postgres:16.4-alpine", "StatefulSet db, container postgres"),
        (
            56,
            "quay.io/prometheus/node-exporter:v1.8.2",
            "DaemonSet node-exporter, container exporter",
        ),
        (71, "postgres:16.4-alpine", "CronJob backup, container dump"),
        (81, "ghcr.io/shop/seed", "Job seed-, container seed"),
    ],
    "older.yaml": [
        (9, "busybox:1.36", "Pod debug, container shell"),
        (9, "busybox:1.36", "Pod debug, container second"),
        (14, "nicolaka/netshoot:v0.13", "Pod debug, ephemeral container debugger"),
        (19, "quay.io/models/resnet50:2.1", "Pod debug, volume weights"),
        (30, "example.org/worker:1", "PodTemplate worker, container worker"),
        (39, "php:5.6-apache", "ReplicationController legacy, container php"),
        (48, "nginx:1.13", "Deployment old, container old"),
        (57, "nginx:1.14", "ReplicaSet rs, container rs"),
    ],
    "lists.yaml": [
        (12, "one:1", "Deployment one, container one"),
        (22, "two:2", "Pod two, container two"),
        (31, "three:3", "Pod three, container three"),
        (53, "four:4", "Pod four, container four"),
    ],
    "cluster.json": [
        (19, "nginx:1.27", "Deployment web, container web"),
        (31, "a:1", "Pod a, container a"),
        (33, "b:1", "Pod b, container b"),
        (34, "c:1", "Pod c, container c"),
    ],
    "crlf.yaml": [
        (8, "a:1", "Pod crlf, container a"),
        (16, "b:1", "Pod second, container b"),
    ],
    "crds.yaml": [(21, "after:1", "Pod after, container after")],
    "operators.yaml": [
        (5, "quay.io/prometheus/prometheus:v2.54.1", "Prometheus main, spec.image"),
        (7, "quay.io/thanos/thanos:v0.36.1", "Prometheus main, spec.thanos.image"),
        (
            12,
            "quay.io/brancz/kube-rbac-proxy:v0.18.1",
            "Prometheus main, spec.containers[].image",
        ),
        (
            29,
            "python:3.12-alpine",
            "WorkflowTemplate pipeline, spec.templates[].script.image",
        ),
        (33, "alpine:3.20", "WorkflowTemplate pipeline, spec.templates[].container.image"),
        (
            35,
            "docker:27-dind",
            "WorkflowTemplate pipeline, spec.templates[].sidecars[].image",
        ),
        (43, "gcr.io/kaniko-project/executor:v1.23.2", "Task build, spec.steps[].image"),
        (54, HELLO, "Service hello, container"),
        (63, "nginx:1.27", "Rollout canary, container web"),
        (73, "rayproject/ray:2.37.0", "RayCluster ray, container head"),
        (80, "rayproject/ray:2.37.0-gpu", "RayCluster ray, container worker"),
        (
            88,
            "nvcr.io/nvidia/k8s-device-plugin:v0.16.2",
            "ClusterPolicy cluster-policy, spec.devicePlugin",
        ),
        (
            105,
            "quay.io/containerdisks/fedora:40",
            "VirtualMachine vm, spec.template.spec.volumes[].containerDisk.image",
        ),
    ],
    "broken.yaml": [
        (30, "good:1", "Pod good, container good"),
        (31, "auto", "Pod good, container gateway"),
    ],
    "scan.yaml": [
        (
            16,
            "quay.io/prometheus-operator/prometheus-operator:v0.76.2",
            "Deployment prometheus-operator, container operator",
        ),
        (74, "docker:27", "Pod puller, container docker"),
    ],
}


def told(name: str, image_paths: Sequence[str] = ()) -> Found:
    return kubernetes.discover_text((INPUTS / name).read_bytes(), name, image_paths)


def text(document: str, *image_paths: str) -> Found:
    return kubernetes.discover_text(document.encode(), "a.yaml", image_paths)


def shown(found: Sequence[Problem | Remark]) -> list[str]:
    return [f"{one.place}: {one.message}" for one in found]


def pod(image: str) -> str:
    return (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
        f"spec:\n  containers:\n    - name: c\n      image: {image}\n"
    )


def only_problem(found: Found) -> Problem:
    (problem,) = found.problems
    return problem


@pytest.mark.parametrize("name", sorted(MENTIONS))
def test_images_and_their_lines(name: str) -> None:
    found = told(name)
    assert [(one.place.line, one.written, one.by) for one in found.mentions] == MENTIONS[name]
    assert {one.place.file for one in found.mentions} == {name}


@pytest.mark.parametrize("name", sorted({*MENTIONS} - {"web.yaml", "operators.yaml"}))
def test_the_column_is_that_of_the_name(name: str) -> None:
    lines = (INPUTS / name).read_text().split("\n")
    for mention in told(name).mentions:
        rest = lines[mention.place.line - 1][mention.place.column - 1 :]
        assert rest.lstrip("\"'").startswith(mention.written)


@pytest.mark.parametrize("name", ["web.yaml", "older.yaml", "lists.yaml", "cluster.json"])
def test_nothing_more_is_said_of_plain_documents(name: str) -> None:
    found = told(name)
    assert (found.problems, found.remarks, found.gpus) == ((), (), ())


def test_gpus() -> None:
    found = told("gpu.yaml")
    assert [(one.place.line, one.count, one.by) for one in found.gpus] == [
        (16, 4, "Job train, container train"),
        (21, 2, "Job train, container render, nvidia.com/mig-1g.10gb"),
        (26, 1, "Job train, container rocm, amd.com/gpu"),
        (30, 1, "Job train, container arc, gpu.intel.com/i915"),
        (40, None, "Pod k3s"),
        (51, 2, "ResourceClaimTemplate two-gpus"),
    ]
    assert found.remarks == ()


def test_a_number_of_gpus_that_can_not_be_read() -> None:
    found = text(pod("a:1") + "      resources: {limits: {nvidia.com/gpu: half}}\n")
    assert found.gpus == ()
    assert shown(found.remarks) == [
        "a.yaml:8: expected a number of nvidia.com/gpu at Pod p, container c, found 'half'"
    ]


def test_gpus_of_custom_resources() -> None:
    found = told("operators.yaml")
    assert [(one.place.line, one.by) for one in found.gpus] == [
        (81, "RayCluster ray, container worker")
    ]
    resources = "resources: {limits: {nvidia.com/gpu: 2}}"
    found = text(f"apiVersion: apps.nvidia.com/v1\nkind: NIMService\nspec:\n  {resources}\n")
    assert [(one.place.line, one.count, one.by) for one in found.gpus] == [(4, 2, "NIMService")]


def test_every_problem_of_a_file_is_told() -> None:
    found = told("broken.yaml")
    assert [(one.place.line, one.code) for one in found.problems] == [
        (7, "kubernetes-image-missing"),
        (8, "kubernetes-image-missing"),
        (10, "kubernetes-image-malformed"),
        (12, "kubernetes-image-unrendered"),
        (14, "kubernetes-image-unrendered"),
        (16, "kubernetes-image-unrendered"),
        (18, "kubernetes-image-malformed"),
        (19, "kubernetes-malformed"),
        (23, "kubernetes-malformed"),
    ]
    assert shown(found.remarks) == [
        "broken.yaml:31: Pod good, container gateway: Istio puts its own image in place of 'auto'",
        "broken.yaml:33: skipped, for it has no apiVersion and kind",
    ]


@pytest.mark.parametrize(
    ("image", "message", "hint"),
    [
        ("", "expected an image at Pod p, container c, found nothing", "write the image's name"),
        ("''", "expected an image at Pod p, container c, found ''", "write the image's name"),
        ("7", "found the number 7", "quote it"),
        ("'{{ .Values.image }}'", "found a variable that nothing fills in: {{ .V", "helm template"),
        (
            "nginx:{{ nginx_version }}",
            "nothing fills in: nginx:{{ nginx_version }}",
            "helm template",
        ),
        ("app:<no value>", "nothing fills in: app:<no value>", "helm template"),
        ("app:${TAG}", "nothing fills in: app:${TAG}", "envsubst"),
        ("app:$(TAG)", "nothing fills in: app:$(TAG)", "under `images:`"),
        ("a" * 2000, "found 2000 characters", ""),
    ],
)
def test_a_text_that_is_no_image(image: str, message: str, hint: str) -> None:
    problem = only_problem(text(pod(image)))
    assert message in problem.message
    assert hint in problem.hint
    assert problem.place.line == 7


def test_a_container_without_image_may_be_a_patch() -> None:
    problem = only_problem(text(pod("").replace("      image: \n", "")))
    assert (problem.place.line, problem.code) == (6, "kubernetes-image-missing")
    assert "use `kustomize:`" in problem.hint


def test_an_escape_never_reaches_the_screen() -> None:
    found = text(pod('"\\e]0;evil\\a${X}"'))
    assert "\x1b" not in only_problem(found).message


def test_texts_that_look_like_images_are_only_told() -> None:
    *remarks, empty = told("scan.yaml").remarks
    assert empty.message.startswith("Deployment scale-only has no spec.template.spec")
    assert [(one.place.line, _image_and_path(one)) for one in remarks] == [
        (
            12,
            (
                "docker.io/istio/proxyv2:1.23.0",
                'Deployment:spec.template.metadata.annotations."sidecar.istio.io/proxyImage"',
            ),
        ),
        (
            19,
            (
                "quay.io/prometheus-operator/prometheus-config-reloader:v0.76.2",
                "Deployment:spec.template.spec.containers[].args[--prometheus-config-reloader=*]",
            ),
        ),
        (
            24,
            (
                PROXY,
                "Deployment:spec.template.spec.containers[].env[name=RELATED_IMAGE_PROXY].value",
            ),
        ),
        (38, ("ghcr.io/mesh/sidecar:1.4", 'ConfigMap:data."config.yaml"')),
        (38, ("ghcr.io/mesh/init:1.4", 'ConfigMap:data."config.yaml"')),
        (51, ("ghcr.io/example/widget:1", "Widget:spec.image")),
        (53, ("example/proxy:2", "Widget:spec.proxy.image")),
        (55, ("envoy:1.31", "Widget:spec.sidecarImage")),
        (64, ("alpine:3.20", 'ConfigMap:data."config.toml"')),
        (65, ("gitlab/gitlab-runner-helper:v17", 'ConfigMap:data."config.toml"')),
        (
            75,
            (
                "quay.io/example/late:2",
                "Pod:spec.containers[].command[*quay.io/example/late:2*]",
            ),
        ),
    ]


def _image_and_path(remark: Remark) -> tuple[str, str]:
    image = remark.message.removeprefix("looks like an image: ").partition(", at ")[0]
    return image, remark.message.rpartition(" as ")[2].strip("'")


def test_each_told_path_takes_its_image_in() -> None:
    """A person copies the path from the remark, and the remark is gone."""
    pairs = [_image_and_path(remark) for remark in told("scan.yaml").remarks[:-1]]
    for image, path in pairs:
        found = told("scan.yaml", [path])
        assert image in [mention.written for mention in found.mentions]
        assert found.problems == ()
        assert image not in [_image_and_path(remark)[0] for remark in found.remarks]
    found = told("scan.yaml", [path for _, path in pairs])
    assert (found.problems, len(found.remarks)) == ((), 1)
    assert [(one.place.line, one.written) for one in found.mentions][-9:] == [
        (38, "ghcr.io/mesh/sidecar:1.4"),
        (38, "ghcr.io/mesh/init:1.4"),
        (51, "ghcr.io/example/widget:1"),
        (53, "example/proxy:2"),
        (55, "envoy:1.31"),
        (64, "alpine:3.20"),
        (65, "gitlab/gitlab-runner-helper:v17"),
        (74, "docker:27"),
        (75, "quay.io/example/late:2"),
    ]


def test_what_operators_bring_without_naming_it() -> None:
    remarks = shown(told("operators.yaml").remarks)
    assert remarks[0].startswith(
        "operators.yaml:14: Alertmanager main names no image at spec.image, so that its operator"
    )
    assert "nvcr.io/nvidia/driver:550.90.07, at spec.driver" in remarks[1]
    assert remarks[2].startswith("operators.yaml:107: HelmChart traefik installs a chart from")
    assert len(remarks) == 3


WIDGET = """\
apiVersion: example.org/v1
kind: Widget
metadata: {name: w}
spec:
  image: one:1
  parts:
    - name: a
      image: two:2
    - name: b
      image: three:3
  byName:
    x: {image: four:4}
    y.z: {image: five:5}
  split: {registry: ghcr.io, repository: a/b, tag: 1.10, digest: }
  empty: {tag: "1"}
  none: null
  texts: [--image=six:6, --other=seven:7]
"""


@pytest.mark.parametrize(
    ("path", "images"),
    [
        ("Widget:spec.image", ["one:1"]),
        ("Widget.example.org:spec.image", ["one:1"]),
        ("spec.image", ["one:1"]),
        ("Widget.other.org:spec.image", []),
        ("Gadget:spec.image", []),
        ("spec.parts[].image", ["two:2", "three:3"]),
        ("spec.parts[name=b].image", ["three:3"]),
        ("spec.parts[name=*].image", ["two:2", "three:3"]),
        ("spec.byName.*.image", ["four:4", "five:5"]),
        ('spec.byName."y.z".image', ["five:5"]),
        ("spec.split", ["ghcr.io/a/b:1.10"]),
        ("spec.parts.image", []),
        ("spec.none", []),
    ],
)
def test_image_paths(path: str, images: list[str]) -> None:
    found = text(WIDGET, path)
    assert [mention.written for mention in found.mentions] == images
    assert found.problems == ()
    nowhere = [
        one for one in found.remarks if "image_paths" in one.message and "nothing is" in one.message
    ]
    assert bool(nowhere) == (not images and path != "spec.none")


@pytest.mark.parametrize(
    "path", ["", "spec..image", "spec.a[", "Widget:", ".spec", 'a."b', "a b:c:d"]
)
def test_an_image_path_that_can_not_be_read(path: str) -> None:
    problem = only_problem(text(WIDGET, path))
    assert problem.code == "kubernetes-image-path"
    assert "Kind:spec.image" in problem.hint


def test_an_image_path_to_something_else_is_a_problem() -> None:
    problem = only_problem(text(WIDGET, "Widget:spec.empty"))
    assert (problem.place.line, problem.code) == (15, "kubernetes-image-missing")
    assert problem.message == "expected an image at Widget w, spec.empty, found a mapping"


@pytest.mark.parametrize(
    "document", ["", "# nothing\n", "---\n---\n", "a: 1\n", "[]", "%YAML 1.1\n---\n"]
)
def test_a_file_without_documents(document: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(document)
    found = kubernetes.discover(KubernetesSource(kubernetes=("a.yaml",)), DiskFolder(tmp_path))
    assert only_problem(found).code == "kubernetes-empty"


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (pod("a").encode("utf-16"), "a.yaml:1", "expected UTF-8, found UTF-16"),
        (pod("caf\xe9").encode("latin-1"), "a.yaml:7", "expected UTF-8, found byte 0xe9"),
        (pod("a\0").encode(), "a.yaml:7", "control character U+0000 is not allowed"),
        (b"---\n\xff\n---\n", "a.yaml:2", "expected UTF-8, found byte 0xff"),
        (b"a: " + b"[" * 500, "a.yaml:1", "nested deeper than 100"),
        (b"a: *b\n", "a.yaml:1", "no anchor of this name before this alias"),
        (b"a: !!python/object:os.system x\n", "a.yaml:1", "unknown tag"),
        (b"\n---\na:\n\t- b\n", "a.yaml:4", "a tab can't indent: use spaces"),
        (b'{"kind": "Pod"\n', "a.yaml:2", "did not find expected ',' or '}'"),
    ],
)
def test_a_text_that_can_not_be_read(data: bytes, place: str, message: str) -> None:
    problem = only_problem(kubernetes.discover_text(data, "a.yaml"))
    assert (str(problem.place), problem.code) == (place, "kubernetes-malformed")
    assert problem.message.startswith("expected a YAML or JSON document: ")
    assert message in problem.message


def test_the_last_of_equal_keys_counts_as_for_kubernetes() -> None:
    text = pod("first:1") + "      image: last:1\n"
    found = kubernetes.discover_text(text.encode(), "a.yaml")
    assert [one.written for one in found.mentions] == ["last:1"]


def test_a_broken_document_hides_no_other() -> None:
    found = text(f"{pod('a:1')}---\n{{{{ if .Values.x }}}}\n---\n{pod('b:1')}")
    assert [mention.written for mention in found.mentions] == ["a:1", "b:1"]
    assert only_problem(found).place.line == 9
    assert "helm template" in only_problem(found).hint


def test_directives_and_ends_of_documents() -> None:
    found = text(f"%YAML 1.2\n---\n{pod('a:1')}...\n# more\n---\n{pod('b:1')}...\n")
    assert [(one.place.line, one.written) for one in found.mentions] == [(9, "a:1"), (19, "b:1")]
    assert found.problems == ()


def write(folder: Path, **files: str) -> DiskFolder:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return DiskFolder(folder)


def test_a_folder_stands_for_its_documents(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        deploy__b_yaml=pod("b:1"),
        deploy__more__a_yaml=pod("a:1"),
        deploy__compose_yaml="services: {web: {image: nginx}}\n",
        deploy__values_yaml="image: {repository: nginx}\nkind: none\n",
        deploy__ci_yaml="job: !reference [a, b]\n",
        deploy__package_json='{"name": "x"}',
        deploy__readme="kind: Pod\n",
        other__c_yaml=pod("c:1"),
    )
    found = kubernetes.discover(KubernetesSource(kubernetes=("deploy",)), folder)
    assert [(str(one.place), one.written) for one in found.mentions] == [
        ("deploy/b.yaml:7", "b:1"),
        ("deploy/more/a.yaml:7", "a:1"),
    ]
    assert found.problems == ()
    assert shown(found.remarks) == [
        (
            "deploy:1: skipped, for they are no Kubernetes documents: deploy/ci.yaml,"
            " deploy/compose.yaml, deploy/package.json, deploy/values.yaml"
        )
    ]


def test_charts_and_kustomizations_in_a_folder_are_told(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        deploy__pod_yaml=pod("a:1"),
        deploy__chart__Chart_yaml="name: app\n",
        deploy__chart__templates__x_yaml="{{ nonsense }}",
        deploy__overlay__kustomization_yaml="resources: [x.yaml]\n",
        deploy__overlay__x_yaml=pod("b:1"),
    )
    found = kubernetes.discover(KubernetesSource(kubernetes=("deploy",)), folder)
    assert [mention.written for mention in found.mentions] == ["a:1"]
    assert found.problems == ()
    chart, kustomization = shown(found.remarks)
    assert chart.startswith("deploy/chart:1: a Helm chart")
    assert "`helm: deploy/chart`" in chart
    assert "`kustomize: deploy/overlay`" in kustomization


@pytest.mark.parametrize(
    ("name", "kind"), [("Chart_yaml", "helm"), ("kustomization_yaml", "kustomize")]
)
def test_a_chart_or_kustomization_that_is_named_is_a_problem(
    tmp_path: Path, name: str, kind: str
) -> None:
    folder = write(tmp_path, **{f"deploy__{name}": "name: app\n", "deploy__a_yaml": pod("a:1")})
    problem = only_problem(kubernetes.discover(KubernetesSource(kubernetes=("deploy/",)), folder))
    assert problem.code == f"kubernetes-{kind}"
    assert f"`{kind}: deploy`" in problem.hint


def test_paths_that_can_not_be_read_are_all_told(tmp_path: Path) -> None:
    folder = write(tmp_path, a_yaml=pod("a:1"), values_yaml="a: 1\n")
    (tmp_path / "empty").mkdir()
    paths = ("none.yaml", "a.yaml", "values.yaml", "also-none", "empty")
    found = kubernetes.discover(KubernetesSource(kubernetes=paths), folder)
    assert [mention.written for mention in found.mentions] == ["a:1"]
    assert [(str(one.place), one.code) for one in found.problems] == [
        ("none.yaml:1", "kubernetes-unreadable"),
        ("values.yaml:1", "kubernetes-empty"),
        ("also-none:1", "kubernetes-unreadable"),
        ("empty:1", "kubernetes-empty"),
    ]


@pytest.mark.parametrize("name", ["deploy/kustomization.yaml", "deploy/Chart.yaml"])
def test_the_head_of_a_chart_or_kustomization(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n")
    source = KubernetesSource(kubernetes=(name,))
    assert (
        ": deploy` to" not in only_problem(kubernetes.discover(source, DiskFolder(tmp_path))).hint
    )


def test_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pod("a:1").encode())))
    found = kubernetes.discover(KubernetesSource(kubernetes=("-",)), DiskFolder(tmp_path))
    assert [str(one.place) for one in found.mentions] == ["-:7"]


def test_definitions_of_an_operator_are_passed_over() -> None:
    """What operators ship: thirty definitions in 3 MB, with one Deployment among them."""
    definition = (
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "description: as in quay.io/a/b:1\n" + "  # padding\n" * 9000
    )
    found = text(definition * 30 + "---\n" + pod("a:1") + definition)
    assert [one.place.line for one in found.mentions] == [30 * 9004 + 1 + 7]
    assert (found.problems, found.remarks) == ((), ())


HOSTILE = {
    "many documents": lambda: f"--- # {'x' * 40}\n{pod('nginx:1')}" * 30_000,
    "many values": lambda: ("---\n[" + "a," * 99_000 + "]\n") * 50,
    "a document of just the size": lambda: pod("nginx:1") + "    - image: a\n" * 250_000,
    "a long name": lambda: "{apiVersion: v1, kind: Pod, metadata: {name: "
    + "n" * 3_000_000
    + "}, spec: {containers: [" + "{image: a}," * 30_000 + "]}}",
    "a wide text": lambda: "apiVersion: v1\nkind: X\na: \U0001f600" + "a" * 3_900_000,
    "many images": lambda: "apiVersion: v1\nkind: X\na: |\n" + "  quay.io/a/b:1\n" * 250_000,
    "values after values": lambda: "{}" * 5_000_000,
    "open brackets": lambda: "{" * 10_000_000,
    "a bomb": lambda: "a: &a [x,x]\n" + "".join(f"a{n}: &a [*a,*a,*a,*a]\n" for n in range(60)),
    "lines before a mistake": lambda: "\n" * 4_000_000 + "a: b: c",
}  # fmt: skip
CHILD = """
import sys
from bundler.discover import kubernetes
def kilobytes(name):
    return int(next(l for l in open("/proc/self/status") if l.startswith(name)).split()[1])
data = sys.stdin.buffer.read()
kubernetes.discover_text(b"apiVersion: v1\\nkind: Pod\\nspec: {containers: []}", "warm")
open("/proc/self/clear_refs", "w").write("5")
before = kilobytes("VmRSS")
found = kubernetes.discover_text(data, "a.yaml")
print(kilobytes("VmHWM") - before)
"""


LONG = ("many documents", "many values", "open brackets")


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=pytest.mark.long) if one in LONG else one for one in sorted(HOSTILE)],
)
def test_memory_is_bounded_and_there_is_an_end(name: str) -> None:
    data = HOSTILE[name]().encode()[: 10 * 1024 * 1024]
    argv = [sys.executable, "-c", CHILD]
    done = subprocess.run(
        argv, input=data, capture_output=True, check=True, cwd=ROOT, timeout=5 * LIMIT_S
    )
    assert int(done.stdout) < 64 * 1024


ANY_TEXT = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(str.encode),
    st.lists(
        st.sampled_from(
            [
                "apiVersion: v1\n", "kind: Pod\n", "kind: List\n", "items:\n", "spec:\n", "---\n",
                "  containers:\n", "  - image: a\n", "  - ", "image: ", "{", "}", "[", "]",
                '"', ",",
                '"kind": "Pod"', "\\ud83d\\ude00", "&a ", "*a", "<<: *a\n", "template: ", "!!x ",
                "\n",
                "name: x\n", "value: ghcr.io/a/b:1\n", "repository: a\n", "tag: 1\n", "\t", "...\n",
                "%YAML 1.1\n", "resources: {limits: {nvidia.com/gpu: 1}}\n", "\x00", "\ufeff",
            ]
        ),
        max_size=40,
    ).map(lambda parts: "".join(parts).encode()),
)  # fmt: skip


@pytest.mark.property
@given(ANY_TEXT, st.sampled_from([(), ("spec.*[].image", "items[name=x*].*")]))
def test_no_text_makes_it_fail(data: bytes, image_paths: tuple[str, ...]) -> None:
    found = kubernetes.discover_text(data, "a.yaml", image_paths)
    places = [*(one.place for one in found.mentions), *(one.place for one in found.problems)]
    for place in [*places, *(one.place for one in found.remarks)]:
        assert 1 <= place.line <= data.count(b"\n") + len(data) + 1


@pytest.mark.property
@given(st.text(max_size=40))
def test_no_image_path_makes_it_fail(path: str) -> None:
    text(WIDGET, path)
