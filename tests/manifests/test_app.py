"""`app.yaml`: what is taken, and that every problem is told at once with its place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import manifests
from manifests.appmanifest.app import App, app_schema
from manifests.appmanifest.entries import AppFile
from manifests.appmanifest.fields import (
    ImageOrigin,
    OriginKind,
    read_expiry,
    read_source,
    read_target,
)
from manifests.appmanifest.problems import SHOWN, InvalidApp
from manifests.appmanifest.sourceentry import KINDS
from manifests.appmanifest.sources import ComposeSource, DockerfileSource
from manifests.errors import AppManifestError, ExitCode
from manifests.layerpolicy import LayerPolicy
from manifests.platform import Platform
from manifests.prunerules.policy import PrunePolicy
from manifests.yaml.tree import load

EXAMPLES = sorted((Path(manifests.__file__).parent / "examples").glob("*.yaml"))
HEAD = "schema: 1\nname: viz\nversion: '1.4.0'\n"
MINIMAL = HEAD + "images: [nginx:1.25]\n"
FULL = """\
schema: 1
name: viz
version: "1.4.0"
platforms: [linux/amd64]
sequence: 7
expires: 2027-11-22
images:
  - nginx:1.25
  - image: viz/app:1.4
    layers: original
    from: docker
    platforms: [linux/arm64]
files:
  - compose.yaml
  - {from: conf/nginx.conf, to: nginx/nginx.conf}
"""
SOURCES = """\
sources:
  - deploy/compose.prod.yaml
  - web/Dockerfile
  - compose: [a.yaml, b.yaml]
    profiles: gpu
    bases: true
    env_files: [prod.env]
    project: viz
    environment: {TAG: "1.25"}
  - {kubernetes: k8s, image_paths: ["Widget:spec.image"]}
  - {kustomize: overlays/prod}
  - {helm: chart, values: values.yaml, set: {a.b: "1"}, release: viz, kube_version: "1.29"}
  - {marathon: marathon.json}
  - {slurm: [train.sbatch], environment: {IMAGE: "a:1"}}
  - {list: "-"}
"""
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def parse(text: str) -> App:
    return App.parse(text.encode(), "app.yaml")


def problems(text: str | bytes) -> list[str]:
    """Return `line:column: message` of each problem."""
    with pytest.raises(InvalidApp) as caught:
        App.parse(text.encode() if isinstance(text, str) else text, "app.yaml")
    error = caught.value
    assert error.code == "app-invalid"
    assert error.exit_code == ExitCode.APP_MANIFEST
    assert error.context == {"file": "app.yaml", "problems": len(error.problems)}
    return [f"{one.line}:{one.column}: {one.message}" for one in error.problems]


def only(text: str | bytes) -> str:
    (problem,) = problems(text)
    return problem


def test_every_key() -> None:
    app = parse(FULL)
    assert (app.name, app.version, app.sequence) == ("viz", "1.4.0", 7)
    assert app.platforms == (AMD64,)
    assert app.expires == datetime(2027, 11, 22, 23, 59, 59, tzinfo=UTC)
    first, second = app.images
    assert str(first.reference) == "docker.io/library/nginx:1.25"
    assert (first.layers, first.origin.kind) == (LayerPolicy.AUTO, OriginKind.AUTO)
    assert (second.image, second.layers) == ("viz/app:1.4", LayerPolicy.ORIGINAL)
    assert second.origin == ImageOrigin(OriginKind.DOCKER)
    assert [(file.source, file.name) for file in app.files] == [
        ("compose.yaml", "files/compose.yaml"),
        ("conf/nginx.conf", "files/nginx/nginx.conf"),
    ]


def test_platforms_fall_back_from_image_to_app_to_machine() -> None:
    app = parse(FULL)
    assert [app.platforms_of(image, AMD64) for image in app.images] == [(AMD64,), (ARM64,)]
    minimal = parse(MINIMAL)
    assert minimal.platforms_of(minimal.images[0], ARM64) == (ARM64,)


def test_sections_may_be_empty() -> None:
    parse(MINIMAL + "sources: []\nrequirements: {}\nrun:\nprune: ~\nfiles: []\n")


def test_what_runs_in_every_form() -> None:
    short = parse(HEAD + "run: compose.yaml\n").run
    assert short is not None
    assert (short.compose, short.deadline, short.settle) == (("compose.yaml",), 300, 3)
    assert (short.project, short.selftest) == (None, None)
    text = "run: {compose: [a.yaml, b.yaml], profiles: [gpu], project: viz, deadline: 90s}\n"
    long = parse(HEAD + text).run
    assert long is not None
    assert (long.files, long.profiles, long.project) == (("a.yaml", "b.yaml"), ("gpu",), "viz")
    assert long.deadline == 90
    own = parse(HEAD + "run: {services: {web: {image: nginx}}, selftest: off}\n")
    assert own.run is not None
    assert own.positions.run is not None
    assert own.positions.run.nearest(("services", "web")).position.line == 4
    assert own.run.selftest == "off"


def test_what_may_be_pruned() -> None:
    app = parse(MINIMAL + "prune: {grace: 72h, keep-releases: 3, exclude: ['*:keep']}\n")
    assert app.prune is not None
    assert app.prune.policy() == PrunePolicy(
        grace_seconds=72 * 3600, keep_releases=3, exclude=("*:keep",)
    )
    default = parse(MINIMAL + "prune: {}\n").prune
    assert default is not None
    assert default.policy() == PrunePolicy()


def test_windows_line_ends_and_byte_order_mark() -> None:
    assert App.parse(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode(), "f") == parse(FULL)


def test_anchors_serve_repeated_settings() -> None:
    app = parse(
        HEAD
        + "images:\n"
        + "  - &own {image: a/b:1, from: docker, layers: zstd}\n"
        + "  - {<<: *own, image: a/c:1}\n"
    )
    assert [str(image.origin) for image in app.images] == ["docker", "docker"]


def test_all_problems_are_told_at_once_in_order() -> None:
    text = """\
schema: 1
name: Viz!
version: 1.10
platforms: linux/amd64
imagse: []
images:
  - nginx:1.25
  - {image: docker.io/library/nginx:1.25, layers: gzip}
  - {from: oci}
  - NGINX::2
files:
  - ../conf
  - {from: a, to: "b c"}
run: {compose: x, kubernetes: y}
"""
    found = problems(text)
    places = [line.partition(" ")[0] for line in found]
    assert places == ["2:7:", "3:10:", "4:12:", "5:1:", "8:13:", "8:51:", "9:5:", "9:12:", "10:5:",
                      "12:5:", "13:19:", "14:6:"]  # fmt: skip


def test_message_lists_problems_with_the_file() -> None:
    with pytest.raises(AppManifestError) as caught:
        parse(HEAD + "images: [nginx:1.25]\nimagse: 1\nrun: {composee: b}\n")
    assert str(caught.value).splitlines() == [
        "app.yaml:5:1: unknown key 'imagse', did you mean 'images'?",
        "app.yaml:6:6: unknown key 'composee', did you mean 'compose'?",
    ]


def test_many_problems_are_counted() -> None:
    with pytest.raises(InvalidApp) as caught:
        parse(HEAD + "images:\n" + "  - 'B AD'\n" * 300)
    assert len(caught.value.problems) == 300
    lines = str(caught.value).splitlines()
    assert len(lines) == SHOWN + 1
    assert lines[-1] == f"app.yaml: and {300 - SHOWN} more"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: expected keys such as 'name:', found nothing"),
        ("nginx", "1:1: expected keys such as 'name:', found 'nginx'"),
        ("- nginx", "1:1: expected keys such as 'name:', found a list"),
        ("schema: 2\nbogus: 1", "1:9: expected schema 1, found 2: use a newer moonlift"),
        ("a: b: c", "1:5: a second ':' in one line"),
        ("name: x\nname: y", "2:1: duplicate key 'name', first at line 1"),
        (b"name: \xe4", "1:7: expected UTF-8, found byte 0xe4"),
    ],
)
def test_what_stops_judging(text: str | bytes, expected: str) -> None:
    assert only(text).startswith(expected)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("version: 1.10", "3:10: expected a version as text, found the number 1.1: quote it:"),
        ("version: 7", 'found the number 7: quote it: "7"'),
        ("version: on", 'found on, which means true: quote it: "on"'),
        ("version: null", 'found nothing: quote it: "null"'),
        ("version:", "found nothing: fill it in, or remove the key"),
        ("version: [1]", "expected a version as text, found a list"),
        ("version: 'a b'", "expected a version of 1 to 64 of A-Z"),
        ("version: ''", "expected a version of 1 to 64 of A-Z"),
        ("name: no", 'found no, which means false: quote it: "no"'),
        ("name: Viz", "expected a name of 1 to 64 of a-z"),
        ("name: 'a/b'", "expected a name of 1 to 64 of a-z"),
        ("name: {a: b}", "expected the product's name as text, found a mapping"),
        ("schema: yes", "expected a whole number, found yes, which means true"),
        ("schema: '1'", "expected a whole number, found '1'"),
        ("schema: 1.0", "expected a whole number, found the number 1.0"),
        ("schema: 01", "01 is 1 to some programs and not to others: write 1"),
        ("sequence: 0", "expected a number of at least 1, found 0"),
        ("sequence: -5", "expected a number of at least 1, found -5"),
        ("sequence: 0777", "0777 is 511 to some programs and not to others: write 511"),
        ("sequence: 1_000", "1_000 is 1000 to some programs"),
        ("sequence: '7'", "expected a whole number, found '7'"),
        ("sequence: 1.5", "expected a whole number, found the number 1.5"),
        ("sequence: 9223372036854775808", "expected a number of at most 9223372036854775807"),
        ("expires: soon", "expected a date such as 2027-11-22 or a time"),
        ("expires: 2027", "expected a date such as 2027-11-22, found the number 2027"),
        ("expires: 2027-02-30", "2027-02-30 does not exist: day is out of range"),
        ("expires: 2027-11-22T24:00:00Z", "does not exist: hour must be in 0..23"),
        ("expires: 2027-11-22T12:00:00", "expected a date such as"),
        ("expires: 0001-01-01T00:00:00+23:59", "does not exist"),
        ("platforms: linux/amd64", "expected a list, found 'linux/amd64'"),
        ("platforms: []", "expected at least one entry, found none"),
        ("platforms: [amd64]", "expected os/architecture[/variant] such as linux/amd64"),
        ("platforms: [1.5]", "expected a platform such as linux/amd64, found the number 1.5"),
        ("platforms: [linux/arm64, linux/aarch64/v8]", "linux/arm64 is listed twice"),
        ("images:", "expected a list, found nothing: fill it in, or remove the key"),
        ("images: []", "expected at least one entry, found none"),
        ("images: nginx", "expected a list, found 'nginx'"),
        ("images: {a: b}", "expected a list, found a mapping"),
        ("images: [1.25]", "expected an image such as nginx:1.25 or a mapping with 'image'"),
        ("images: [[a]]", "expected an image such as nginx:1.25 or a mapping with 'image'"),
        ("images: [a b]", "'a b' is not an image"),
        ("images: ['']", "'' is not an image"),
        ("images: ['a@sha256:12']", "is not an image: expected sha256:<64 hex digits>"),
        ("images: [nginx, nginx:latest]", "nginx:latest is listed before, at line 5"),
        ("images: [{layers: zstd}]", "missing key 'image'"),
        ("images: [{image: a, layres: zstd}]", "unknown key 'layres', did you mean 'layers'?"),
        ("images: [{image: a, layers: gzip}]", "one of auto, zstd, original, found 'gzip'"),
        ("images: [{image: a, layers: 1}]", "one of auto, zstd, original, found the number 1"),
        ("images: [{image: a, from: hub}]", "expected one of auto, registry, docker, oci:PATH"),
        ("images: [{image: a, from: oci}]", "expected oci:PATH, found 'oci'"),
        ("images: [{image: a, from: 'oci:'}]", "expected oci:PATH, found 'oci:'"),
        ("images: [{image: a, from: 'docker:x'}]", "expected docker alone, found 'docker:x'"),
        ("images: [{image: a, from: 'docker:'}]", "expected docker alone, found 'docker:'"),
        ('images: [{image: a, from: "oci:\\0"}]', "holds a control character"),
        ("images: [{image: a, platforms: []}]", "expected at least one entry, found none"),
        ("files: compose.yaml", "expected a list, found 'compose.yaml'"),
        ("files: [1]", "a file's path or a mapping with 'from' and 'to', found the number 1"),
        ("files: [/etc/passwd]", "'/etc/passwd' leads out of the app's folder"),
        ("files: [a/../../b]", "leads out of the app's folder"),
        ("files: [a/../b]", "leads out of the app's folder"),
        ("files: ['']", "expected the path of a file, found ''"),
        ("files: [.]", "expected the path of a file, found '.'"),
        ('files: ["a\\0b"]', "holds a control character"),
        ("files: [my file]", "'my file' can't be a file's name"),
        ("files: [.env]", "give it another one with 'to:'"),
        ("files: [{from: a, to: ../b}]", "'..' can't be a file's name"),
        ("files: [{from: a, to: /b}]", "'' can't be a file's name"),
        ("files: [{from: a, to: con.txt}]", "'con.txt' is the name of a device"),
        ("files: [{from: a, to: " + "/".join(["d" * 60] * 4) + "}]", "is longer than 200"),
        ("files: [{to: a}]", "missing key 'from'"),
        ("files: [{from: a, into: b}]", "unknown key 'into', did you mean 'to'?"),
        ("files: [a, ./a]", "'a' and the target at line 5 can't both be in a bundle"),
        ("files: [a, A]", "'A' and the target at line 5 can't both be in a bundle"),
        ("files: [a, {from: b, to: a/b}]", "'a/b' and the target at line 5 can't both be"),
        ("files: [{from: b, to: a/b}, a]", "'a' and the target at line 5 can't both be"),
        ("files: [x/a, X/b]", "'X/b' and the target at line 5 can't both be"),
        ("files: [&a x, *a]", "'x' and the target at line 5 can't both be"),
        ("sources: compose.yaml", "expected a list, found 'compose.yaml'"),
        ("sources:", "expected a list, found nothing: fill it in, or remove the key"),
        ("sources: [1]", "expected a mapping with one of the keys compose, kubernetes"),
        ("sources: [{}]", "expected one of the keys compose, kubernetes"),
        ("sources: [deploy.yaml]", "5:11: 'deploy.yaml' does not say what it is: write {KIND:"),
        ("sources: [/x/compose.yaml]", "5:11: expected a path relative to this file"),
        ("sources: [{copmose: a}]", "unknown key 'copmose', did you mean 'compose'?"),
        ("sources: [{compose: a, helm: b}]", "expected one kind, found compose and helm"),
        ("sources: [{compose: a, profile: b}]", "5:24: unknown key 'profile', did you mean"),
        ("sources: [{list: a, profiles: b}]", "5:21: unknown key 'profiles', expected one of list"),
        ("sources: [{compose: []}]", "5:21: expected at least one entry, found none"),
        ("sources: [{compose: }]", "expected a list, found nothing: fill it in"),
        ("sources: [{compose: [a, 1]}]", "5:25: expected text, found the number 1: quote it:"),
        ("sources: [{compose: /a}]", "5:21: expected a path relative to this file"),
        ("sources: [{compose: [a, /b]}]", "5:25: expected a path relative to this file"),
        ("sources: [{compose: a, bases: 1}]", "5:31: expected true or false, found the number 1"),
        ("sources: [{compose: a, environment: {P: 1}}]", "5:41: expected text, found the number 1"),
        ("sources: [{compose: a, environment: [P]}]", "5:37: expected a mapping, found a list"),
        ("sources: [{helm: [a]}]", "5:18: expected text, found a list"),
        ("sources: [{list: '-'}, {slurm: [a, '-']}]", "the standard input is read before"),
        ("waived: [a]", "5:10: expected a mapping, found 'a'"),
        ("waived: [{image: a}]", "missing key 'reason'"),
        ("waived: [{image: a, reason: ''}]", "expected 1 to 1024 printable characters"),
        ("waived: [{image: a, reason: [b]}]", "5:29: expected text, found a list"),
        ("waived: [{image: a, reson: b, reason: c}]", "unknown key 'reson', did you mean"),
        ("waived: [{image: a, reason: b}, {image: a, reason: b}]", "a:latest is listed before, at"),
        ("waived: [{image: nginx:1.25, reason: b}]", "5:18: can't be waived: it is listed"),
        ("requirements: {gpu: true}", "not supported by this version"),
        ("run: marathon.json", "'marathon.json' does not say what it is: write {compose:"),
        ("run: 1", "expected a mapping with one of the keys compose, marathon, services, found"),
        ("run: {}", "expected one of the keys compose, marathon, services, found none"),
        ("run: {compose: a, marathon: b}", "found compose and marathon"),
        ("run: {kubernetes: k8s}", "kubernetes can't be run on one machine"),
        ("run: {slurm: a.sh}", "slurm can't be run on one machine"),
        ("run: {servics: {}}", "unknown key 'servics', did you mean 'services'?"),
        ("run: {compose: a, profile: b}", "unknown key 'profile', did you mean 'profiles'?"),
        ("run: {marathon: a, profiles: b}", "profiles can't stand beside marathon"),
        ("run: {compose: a, volumes: {}}", "volumes can't stand beside compose"),
        ("run: {marathon: '-'}", "can't be read from the standard input"),
        ("run: {compose: a, deadline: 300}", "expected a time with its unit, found 300: write"),
        ("run: {compose: a, deadline: soon}", "expected a time such as 90s, 5m or 1h30m, found"),
        ("run: {compose: a, selftest: maybe}", "expected one of required, warn, off, found"),
        ("run: {compose: a, project: A}", "expected a project name of 1 to 63"),
        ("run: {services: [web]}", "expected a mapping, found a list"),
        ("prune: 1", "expected a mapping, found the number 1"),
        ("prune: {keep-releases: 1}", "expected a number of at least 2, found 1"),
        ("prune: {keep_images: 1}", "unknown key 'keep_images', did you mean 'keep-images'?"),
        ("prune: {grace: -1h}", "expected a time such as 90s"),
        ("prune: {grace: 99999w}", "expected at most 2147483647 seconds"),
        ("prune: {exclude: ['/(/']}", "is no regular expression"),
        ("prune: {volumes: 1}", "expected true or false, found the number 1"),
        ("zzz: 1", "unknown key 'zzz', expected one of schema, name, version,"),
        ("on: 1", "unknown key 'on'"),
    ],
)  # fmt: skip
def test_one_problem(line: str, expected: str) -> None:
    key = line.partition(":")[0]
    lines = ["schema: 1", "name: viz", "version: '1'", "images: [nginx:1.25]", ""]
    keys = [one.partition(":")[0] for one in lines]
    lines[keys.index(key) if key in keys else 4] = line
    if key == "images":
        lines[3:] = ["", line]
    assert expected in only("\n".join(lines))


@pytest.mark.parametrize("key", ["schema", "name", "version"])
def test_missing_key(key: str) -> None:
    text = "\n".join(line for line in MINIMAL.split("\n") if not line.startswith(key))
    assert only(text) == f"1:1: missing key '{key}'"


def test_an_app_has_images_or_sources() -> None:
    assert only(HEAD) == "1:1: missing key 'images', 'sources' or 'run'"
    assert only(HEAD + "sources: []\n") == "4:10: expected at least one entry, found none"
    assert only(HEAD + "images: []\nsources: []\n").startswith("4:9: expected at least one")
    assert parse(HEAD + "images: []\nsources: [compose.yaml]\n").images == ()


def test_sources_of_every_kind() -> None:
    app = parse(HEAD + SOURCES)
    assert [type(source).__name__ for source in app.sources] == [
        "ComposeSource", "DockerfileSource", "ComposeSource", "KubernetesSource",
        "KustomizeSource", "HelmSource", "MarathonSource", "SlurmSource", "ListSource",
    ]  # fmt: skip
    plain, dockerfile, compose, *_ = app.sources
    assert isinstance(plain, ComposeSource)
    assert isinstance(dockerfile, DockerfileSource)
    assert isinstance(compose, ComposeSource)
    assert plain.compose == ("deploy/compose.prod.yaml",)
    assert dockerfile.dockerfile == ("web/Dockerfile",)
    assert compose.compose == ("a.yaml", "b.yaml")
    assert (compose.profiles, compose.bases) == (("gpu",), True)
    assert compose.environment == {"TAG": "1.25"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("compose.yaml", "compose"),
        ("a/docker-compose.override.yml", "compose"),
        ("../compose-gpu.yaml", "compose"),
        ("stack.yml", "compose"),
        ("Dockerfile", "dockerfile"),
        ("a/Dockerfile.gpu", "dockerfile"),
        ("Containerfile", "dockerfile"),
        ("web.Dockerfile", "dockerfile"),
        ("composer.yaml", ""),
        ("compose.json", ""),
        ("Dockerfiles", ""),
        ("values.yaml", ""),
    ],
)
def test_a_path_alone_is_enough_where_its_name_says_the_kind(name: str, kind: str) -> None:
    text = HEAD + f"sources: [{name}]\n"
    if not kind:
        assert "does not say what it is" in only(text)
        return
    (source,) = parse(text).sources
    assert source == KINDS[kind].model_validate({kind: [name]})
    assert is_valid(text)


def test_positions_of_entries_are_known() -> None:
    app = parse(HEAD + "images:\n  - a\n  - image: b\nwaived: [{image: c, reason: d}]\n")
    assert [(one.line, one.column) for one in app.positions.images] == [(5, 5), (6, 5)]
    assert [(one.line, one.column) for one in app.positions.waived] == [(7, 10)]


def test_hostile_text_is_shown_safely() -> None:
    for problem in problems(HEAD + 'images: ["\\e[2J\\u202e"]\n"\\e[31m": 1\n'):
        assert "\x1b" not in problem
        assert "\u202e" not in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-11-22", "2027-11-22T23:59:59"),
        ("2027-11-22T12:00:00Z", "2027-11-22T12:00:00"),
        ("2027-11-22t12:00:00z", "2027-11-22T12:00:00"),
        ("2027-11-22 12:00:00+02:00", "2027-11-22T10:00:00"),
        ("2027-11-22T23:30:00.75-01:30", "2027-11-23T01:00:00"),
        ("2028-02-29", "2028-02-29T23:59:59"),
    ],
)
def test_expiry(text: str, expected: str) -> None:
    assert read_expiry(text) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["auto", "registry", "docker", "oci:a", "oci-archive:/x/y.tar.gz", "docker-archive:../a:b"],
)
def test_origin_round_trip(text: str) -> None:
    assert str(ImageOrigin.parse(text)) == text


@pytest.mark.property
@given(st.text())
def test_a_source_path_stays_below_the_folder(text: str) -> None:
    try:
        path = read_source(text)
    except ValueError:
        return
    assert not path.startswith("/")
    assert ".." not in path.split("/")
    assert read_source(path) == path


@pytest.mark.property
@given(st.text("aA./-_ ", max_size=12) | st.text(max_size=12))
def test_a_target_path_is_plain(text: str) -> None:
    try:
        read_target(text)
    except ValueError:
        return
    assert all(part and part[0] not in ".-" for part in text.split("/"))


PIECES = st.sampled_from(
    ["schema: 1\n", "name: a\n", "version: '1'\n", "images:\n", "- a\n", "  - b:1\n", "files:\n",
     "  image: c\n", "- {from: x, to: y}\n", "run: {}\n",
     "run: {compose: a, settle: 1s}\n", "prune: {grace: 1h}\n", "- {image: d, from: docker}\n",
     "- 1\n",
     "-\n", "platforms: [linux/arm]\n", "x: &a [1]\n", "- *a\n", "expires: 2020-01-01\n",
     "sources:\n", "- {compose: x, helm: [y]}\n", "- {slurm: [z], environment: {a: 1}}\n",
     "waived:\n", "- {image: d, reason: no}\n"]
)  # fmt: skip


@pytest.mark.property
@given(st.lists(PIECES, max_size=12).map(lambda parts: "".join(parts).encode()) | st.binary())
def test_any_file_is_taken_or_refused_with_places(data: bytes) -> None:
    try:
        App.parse(data, "app.yaml")
    except InvalidApp as error:
        assert error.problems  # noqa: PT017


# ---- schema and examples


@cache
def judge() -> Draft202012Validator:
    schema = json.loads(app_schema())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def is_valid(text: str) -> bool:
    return bool(judge().is_valid(load(text.encode(), "f").plain()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path) -> None:
    App.parse(path.read_bytes(), path.name)
    assert is_valid(path.read_text())


def test_there_are_examples() -> None:
    assert 8 <= len(EXAMPLES) <= 20


def test_every_kind_of_source_has_an_example() -> None:
    apps = [App.parse(path.read_bytes(), path.name) for path in EXAMPLES]
    shown = {type(source) for app in apps for source in app.sources}
    assert shown == set(KINDS.values())


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL,
        FULL,
        FULL + "run:\nprune: {}\nsources: []\n",
        HEAD + "run: deploy/compose.yaml",
        HEAD + "run: {marathon: [a.json, b], deadline: 1h30m, settle: 500ms, selftest: off}",
        HEAD + "run: {services: {web: {image: nginx}}, volumes: {data: }, profiles: [a]}",
        MINIMAL + "prune: {grace: 72h, keep-releases: 3, exclude: ['*/base:*', '/^x/']}",
        HEAD + SOURCES,
        MINIMAL + "waived: [{image: '${A}', reason: there already}]",
        HEAD + "images: ['r.example:5000/a/b:1@sha256:" + "0" * 64 + "']",
        MINIMAL + "expires: 2027-11-22T12:00:00+01:00",
        MINIMAL + "files: [a..b/c, {from: ' odd name', to: plain}]",
    ],
)
def test_schema_takes_what_is_good(text: str) -> None:
    parse(text)
    assert is_valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        "schema: 2" + MINIMAL[9:],
        MINIMAL + "imagse: []",
        MINIMAL + "platforms: linux/amd64",
        MINIMAL + "platforms: []",
        MINIMAL + "platforms: [amd64]",
        MINIMAL + "sequence: 0",
        MINIMAL + "sequence: '1'",
        MINIMAL + "expires: soon",
        MINIMAL + "run: {}",
        MINIMAL + "run: {compose: x, marathon: y}",
        MINIMAL + "run: marathon.json",
        MINIMAL + "run: {compose: x, deadline: soon}",
        MINIMAL + "run: {helm: chart}",
        MINIMAL + "prune: {grace: 5}",
        MINIMAL + "prune: {keep-releases: 0}",
        MINIMAL + "files: [/etc/passwd]",
        MINIMAL + "files: [a/../../b]",
        MINIMAL + "files: [../b]",
        MINIMAL + "files: [{from: a, to: ../b}]",
        MINIMAL + "files: [{to: b}]",
        HEAD + "images: []",
        HEAD + "images: []\nsources: []",
        HEAD + "sources: [values.yaml]",
        HEAD + "sources: [/compose.yaml]",
        HEAD + "sources: [{}]",
        HEAD + "sources: [{compose: a, helm: b}]",
        HEAD + "sources: [{compose: a, profile: b}]",
        HEAD + "sources: [{compose: []}]",
        HEAD + "sources: [{compose: a, environment: {A: 1}}]",
        MINIMAL + "waived: [nginx]",
        MINIMAL + "waived: [{image: a, reason: ''}]",
        HEAD + "images: [1.25]",
        HEAD + "images: [a b]",
        HEAD + "images: [{image: a, layers: gzip}]",
        HEAD + "images: [{image: a, from: hub}]",
        HEAD + "images: [{image: a, extra: 1}]",
        HEAD + "images: [{layers: zstd}]",
        MINIMAL.replace("'1.4.0'", "1.10"),
        MINIMAL.replace("viz", "Viz!"),
    ],
)
def test_schema_refuses_what_is_bad(text: str) -> None:
    assert problems(text)
    assert not is_valid(text)


def walk(schema: Any) -> list[dict[str, Any]]:
    inner = schema.values() if isinstance(schema, dict) else schema
    found = [one for item in inner if isinstance(item, dict | list) for one in walk(item)]
    return [schema, *found] if isinstance(schema, dict) else found


def test_schema_describes_every_key() -> None:
    schema = json.loads(app_schema())
    for part in walk(schema):
        for name, about in part.get("properties", {}).items():
            assert about.get("description"), name
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_schema_is_the_same_every_time() -> None:
    assert app_schema() == app_schema()


def test_parts_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse(MINIMAL).name = "other"  # type: ignore[misc]
    assert AppFile.model_validate("a/./b//").source == "a/b"
