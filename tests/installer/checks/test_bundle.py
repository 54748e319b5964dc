"""What a bundle asks of a host: room, CUDA, and that the clock is not before it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from installer.checks.bundleneeds import CudaNeed, cuda_need, needs_of, variables
from installer.checks.cudaversion import CudaVersion
from installer.checks.sources import Sources, Wanted
from installer.cli import app
from installer.verbs import check as checkverb
from installer.verbs.check import Asked
from manifests.strictjson import MalformedJson
from tests.installer.checks.hosts import WITH_GPU
from tests.installer.conftest import BASE, Host
from tests.support.commandline import CliRunner
from tests.support.images import ImageSpec

CUDA = ("CUDA_VERSION=12.4.1", "NVIDIA_REQUIRE_CUDA=cuda>=12.4 brand=tesla,driver>=470,driver<471")


def check(host: Host, bundle: Path, *options: str) -> tuple[int, dict[str, object]]:
    homes = ["--trust-dir", str(host.root / "trust"), "--state-dir", str(host.root / "state")]
    asked = ["check", str(bundle), "--engine", "layout:/nowhere", "--json", *options]
    found = CliRunner().invoke(app, [*homes, *asked])
    document: dict[str, object] = json.loads(found.stdout)
    return found.exit_code, document


def test_a_bundle_that_this_host_is_fit_for(host: Host) -> None:
    code, document = check(host, host.bundle().path, "--only", "sys.time")
    assert (code, document["fit"]) == (0, True)


def test_a_bundle_that_no_trusted_key_signed_is_refused(host: Host) -> None:
    path = host.bundle().path
    (path / "release.json").write_bytes(b"{}")
    code, document = check(host, path)
    assert code == 10
    assert "error" in document


def test_the_image_that_asks_for_most_is_named(host: Host) -> None:
    images = {
        "docker.io/acme/old:1": replace(ImageSpec((BASE,)), env=("CUDA_VERSION=11.0.3",)),
        "docker.io/acme/new:1": replace(ImageSpec((BASE,)), env=CUDA),
    }
    verified = host.verify(host.bundle(images).path)
    needs = needs_of(verified)
    assert needs.cuda == CudaNeed(CudaVersion(12, 4), "docker.io/acme/new:1", frozenset({470}))
    assert needs.issued == verified.release.issued
    layer = sum(one.uncompressed for one in verified.release.images[0].layers)
    assert needs.room > 2 * layer


def test_what_a_bundle_asks_for_is_what_is_checked(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = replace(ImageSpec((BASE,)), env=CUDA)
    seen: list[Wanted] = []

    def sources(asked: Asked) -> Sources:
        seen.append(checkverb.wanted(asked))
        return WITH_GPU.having(wanted=seen[-1]).sources(host.root / f"host-{len(seen)}")

    monkeypatch.setattr("installer.verbs.check.sources_of", sources)
    path = host.bundle({"docker.io/acme/app:1": image}).path
    _, document = check(host, path, "--only", "gpu.driver_min")
    assert "CUDA 12.4 of docker.io/acme/app:1" in json.dumps(document)
    check(host, path, "--cuda", "11.0")
    assert [str(one.cuda) for one in seen] == ["12.4", "11.0"]
    assert all(one.bundle_room for one in seen)


def test_no_bundle_there(host: Host) -> None:
    code, document = check(host, host.root / "gone")
    assert code == 11
    assert "bundle-not-found" in json.dumps(document)


@pytest.mark.parametrize(
    ("environment", "version", "branches"),
    [
        (CUDA, "12.4", {470}),
        (CUDA[1:], "12.4", {470}),
        (("CUDA_VERSION=11.8.0",), "11.8", set()),
    ],
)
def test_what_an_image_asks_for(
    environment: tuple[str, ...], version: str, branches: set[int]
) -> None:
    image = replace(ImageSpec((BASE,)), env=environment).build()
    need = cuda_need("acme/app:1", variables(image.config.data))
    assert need is not None
    assert (str(need.version), set(need.branches)) == (version, branches)


@pytest.mark.parametrize(
    "config",
    [b"{}", b'{"config": null}', b'{"config": {"Env": 7}}', b'{"config": {"Env": [1, "A", "B="]}}'],
)
def test_an_image_that_asks_for_nothing(config: bytes) -> None:
    assert cuda_need("acme/app:1", variables(config)) is None


def test_a_version_that_is_none_asks_for_nothing() -> None:
    assert cuda_need("a", {"CUDA_VERSION": "latest"}) is None
    assert cuda_need("a", {"NVIDIA_REQUIRE_CUDA": "driver>=470"}) is None


def test_a_config_that_is_no_json() -> None:
    with pytest.raises(MalformedJson):
        variables(b"{")
