"""Compose files as people write them: which images are found, where, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundler.discover.compose import discover
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found
from manifests.appmanifest.sources import ComposeSource

INPUTS = Path(__file__).parent / "inputs" / "compose"
ERRORS = Path(__file__).parents[3] / "docs" / "errors.md"


def find(name: str, *files: str, environ: dict[str, str] | None = None, **options: object) -> Found:
    source = ComposeSource.model_validate({"compose": files or ("compose.yaml",), **options})
    return discover(source, DiskFolder(INPUTS / name), environ or {})


def images(found: Found) -> list[str]:
    """Return `place image`, with `for PLATFORM` and `built` where they are told."""
    return [
        f"{one.place} {one.written}"
        + (f" for {one.platform}" if one.platform else "")
        + (" built" if one.built else "")
        for one in found.mentions
    ]


DIGEST = "0aafd2ae7e6c391f39fb6b7621632d79f54068faebc726caf469e87bd1d301c0"
SHOP = [
    "compose.yaml:20 nginx:1.25-alpine",
    "compose.yaml:11 registry.shop.example:5000/shop/app:2.7.1",
    "compose.yaml:11 registry.shop.example:5000/shop/app:2.7.1",
    f"compose.yaml:35 postgres:16.3@sha256:{DIGEST}",
    "compose.yaml:39 redis for linux/amd64",
]
MAIL = "compose.yaml:43 mailhog/mailhog:v1.0.1"
REPORT = "compose.yaml:47 registry.shop.example:5000/shop/report:1.4"


@pytest.mark.parametrize(
    ("profiles", "more"),
    [
        ((), []),
        (("debug",), [MAIL, REPORT]),
        (("nightly",), [REPORT]),
        (("*",), [MAIL, REPORT]),
        (("other",), []),
    ],
)
def test_a_shop_with_its_profiles(profiles: tuple[str, ...], more: list[str]) -> None:
    found = find("web-shop", profiles=profiles)
    assert images(found) == SHOP + more
    assert not found.problems
    assert not found.remarks


def test_who_names_an_image_and_where_exactly() -> None:
    mention = find("web-shop").mentions[0]
    assert mention.by == "service proxy"
    assert (mention.place.file, mention.place.line, mention.place.column) == (
        "compose.yaml",
        20,
        12,
    )


def test_profiles_come_from_the_environment_where_the_source_names_none() -> None:
    environ = {"COMPOSE_PROFILES": " nightly , other"}
    assert images(find("web-shop", environ=environ)) == [*SHOP, REPORT]
    assert MAIL in images(find("web-shop", environ=environ, profiles=["debug"]))


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        (
            "overrides",
            ("compose.yaml", "compose.prod.yaml"),
            [
                "compose.prod.yaml:3 registry.example/api:3.2.0",
                "compose.prod.yaml:7 registry.example/assets:3.2.0",
                "compose.yaml:11 postgres:15",
                "compose.prod.yaml:15 registry.example/seed:2",
                "compose.prod.yaml:17 prom/prometheus:v2.53.0",
            ],
        ),
        (
            "overrides",
            ("compose.yaml",),
            [
                "compose.yaml:11 postgres:15",
                "compose.yaml:13 adminer:4",
                "compose.yaml:15 registry.example/seed:1",
            ],
        ),
        (
            "monorepo",
            ("compose.yaml",),
            [
                "compose.yaml:10 traefik:v3.2",
                "services/auth/compose.yaml:4 registry.example/auth:4.1-edge",
                "services/shared.yaml:3 hashicorp/vault:1.17",
                "services/billing/compose.yaml:4 registry.example/billing:5.0 for linux/arm64",
                "services/common.yaml:6 registry.example/jmx-agent:1 for linux/arm64",
                "services/billing/compose.yaml:5 monorepo-ledger built",
            ],
        ),
        (
            "extends",
            ("compose.yaml",),
            [
                "base.yaml:3 python:3.12-slim for linux/amd64",
                "compose.yaml:9 registry.example/worker:7 for linux/amd64",
                "compose.yaml:9 registry.example/worker:7 for linux/amd64",
                "compose.yaml:14 extends-docs built",
            ],
        ),
        (
            "swarm",
            ("stack.yml",),
            [
                "stack.yml:4 dockersamples/visualizer:stable",
                "stack.yml:8 registry.example/train:1.0",
                "stack.yml:20 redis:7.2",
            ],
        ),
        (
            "version2",
            ("docker-compose.yml",),
            [
                "docker-compose.yml:4 docker.elastic.co/elasticsearch/elasticsearch:6.8.23",
                "docker-compose.yml:9 docker.elastic.co/kibana/kibana:6.8.23",
                "docker-compose.yml:13 version2-logstash built",
            ],
        ),
        ("documents", ("compose.yaml",), ["compose.yaml:2 one:1", "compose.yaml:6 two:2"]),
        (
            "builds",
            ("compose.yaml",),
            [
                "compose.yaml:3 builds-api built",
                "compose.yaml:9 registry.example/site:2 built",
                "compose.yaml:11 builds-inline built",
                "compose.yaml:16 builds-tools built",
            ],
        ),
    ],
)
def test_images_and_their_lines(name: str, files: tuple[str, ...], expected: list[str]) -> None:
    found = find(name, *files)
    assert images(found) == expected
    assert not found.problems


def test_a_file_of_version_1_has_its_services_at_the_top() -> None:
    found = find("version1", "docker-compose.yml")
    assert images(found) == [
        "docker-compose.yml:1 version1_web built",
        "docker-compose.yml:9 postgres:9.4",
        "docker-compose.yml:11 redis:2.8",
    ]
    assert not found.problems
    (remark,) = found.remarks
    assert "only docker-compose 1 starts such a file" in remark.message


def test_bases_of_builds_are_told_when_asked() -> None:
    found = find("builds", bases=True)
    assert images(found)[4:] == [
        "api/Dockerfile:2 python:3.12",
        "api/Dockerfile:4 gcr.io/distroless/python3",
        "site/Dockerfile:1 node:22",
        "site/Dockerfile:2 nginx:1.27",
        "compose.yaml:14 alpine:3.20",
        "compose.yaml:15 busybox:1.36",
        "compose.yaml:21 registry.example/toolchain:9",
    ]
    assert found.mentions[4].by == "build of service api, FROM"
    assert not found.mentions[4].built
    assert not found.problems


def test_gpu_requests_in_every_form() -> None:
    found = find("gpus")
    assert [(str(one.place), one.by, one.count, one.devices) for one in found.gpus] == [
        ("compose.yaml:4", "service all", None, ()),
        ("compose.yaml:11", "service two", 2, ()),
        ("compose.yaml:19", "service named", 2, ("0", "GPU-3a23c669-1f69-c64e-cf85-44e9b07e7a2a")),
        ("compose.yaml:23", "service cdi", 2, ("0", "1")),
        ("compose.yaml:27", "service nodes", 1, ("0",)),
        ("compose.yaml:31", "service runtime", 2, ("1", "3")),
        ("compose.yaml:36", "service runtime-all", None, ()),
    ]
    assert len(found.mentions) == 9
    (swarm,) = find("swarm", "stack.yml").gpus
    assert (str(swarm.place), swarm.by, swarm.count) == ("stack.yml:15", "service train", 2)


def test_variables_in_every_form() -> None:
    found = find(
        "variables",
        env_files=["release.env"],
        environment={"MIRROR": "on"},
        environ={"MINOR": "9", "MIRROR": ""},
    )
    assert [one.written for one in found.mentions] == [
        "plain:1.9",
        "braces:1.9",
        "soft:nested",
        "hard:1",
        "mirror.example/busybox:1.36",
        "set/app:vars",
        "needs:1.9",
        "literal:1",
    ]
    assert not found.problems


def test_every_problem_is_told_with_its_place() -> None:
    found = find("unresolved")
    assert [f"{one.place}:{one.place.column} {one.code}" for one in found.problems] == [
        "compose.yaml:4:12 compose-variable-unset",
        "compose.yaml:6:12 compose-variable-required",
        "compose.yaml:12:3 compose-image-missing",
        "compose.yaml:15:12 compose-malformed",
        "compose.yaml:18:18 compose-depends-on",
        "compose.yaml:18:24 compose-depends-on",
        "compose.yaml:23:21 compose-unreadable",
        "compose.yaml:25:12 compose-interpolation",
        "compose.yaml:28:15 compose-platform",
    ]
    assert images(found) == [f"compose.yaml:{line} redis:7" for line in (8, 17, 27)]
    listed = ERRORS.read_text()
    assert all(f"`{one.code}`" in listed for one in found.problems)


def test_messages_say_the_name_and_how_to_mend_it() -> None:
    found = find("unresolved")
    unset, required, *_ = found.problems
    assert unset.message == ("expected a value of TAG in the image of service missing, found none")
    assert unset.hint == (
        "set TAG under `environment:` of this source, in .env, or in the environment;"
        " or write ${TAG:-default}"
    )
    assert required.message == "expected a value of IMAGE, found none: which one"
    remarks = [f"{one.place} {one.message}" for one in found.remarks]
    assert "compose.yaml:10 PASSWORD must be set where the app runs" in remarks


def test_what_is_no_image_is_remarked() -> None:
    found = find("models")
    assert images(found) == ["compose.yaml:3 registry.example/chat:1"]
    assert [f"{one.place} {one.message}" for one in found.remarks] == [
        "compose.yaml:7 service llm-runner comes from the provider 'model': nothing is carried",
        "compose.yaml:11 model llm (ai/qwen3) is no container image: it is not carried",
    ]
