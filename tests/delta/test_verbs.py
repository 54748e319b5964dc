"""The verbs of both programs, as people type them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import Result

from installer.cli import app
from manifests.errors import ExitCode
from manifests.hostinventory import HostInventory
from tests.bundler.builds import Cli, command_line, memory, served_by
from tests.delta.site import Site, size_of
from tests.support.commandline import CliRunner
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec, noise
from tests.support.tamper import flip

FILES = {f"data/{number}": noise(number, 100_000) for number in range(20)}
TOP = LayerSpec({"etc/top": b"top"})
APP = ImageSpec((LayerSpec(FILES), TOP))
NEXT = ImageSpec((LayerSpec({**FILES, "data/7": b"new"}), TOP))


@pytest.fixture
def bundle(capsys: pytest.CaptureFixture[str]) -> Cli:
    return command_line(capsys)


@pytest.fixture
def old(site: Site) -> Path:
    return site.build("old", "1.0.0", app=APP)


@pytest.fixture
def delta(site: Site, old: Path) -> Path:
    return site.build("delta", "1.1.0", old, app=NEXT)


def installer(site: Site, *words: str | Path) -> Result:
    env = {
        "MOONLIFT_TRUST_DIR": str(site.host.trust.directory),
        "MOONLIFT_STATE_DIR": str(site.host.ledger.directory),
    }
    return CliRunner().invoke(app, list(map(str, words)), env=env)


def test_build_takes_an_inventory_that_a_host_wrote(site: Site, old: Path, bundle: Cli) -> None:
    target, file = f"layout:{site.host.root / 'out'}", site.host.root / "host.json"
    site.install(old, target)
    said = installer(site, "inventory", "--engine", target, "-o", file)
    assert said.exit_code == ExitCode.DONE
    assert "2 layers of these releases" in said.stdout
    found = HostInventory.read(file.read_bytes())
    assert [one.version for one in found.releases] == ["1.0.0"]
    site.place.write_app("registry.test/app:1", version="1.1.0")
    words = ["build", site.place.app, "-k", site.place.key, "-o", site.place.root / "new"]
    cache = ["--cache", site.place.cache.root]
    with served_by(memory(app=NEXT)):
        bundle("resolve", site.place.app, *cache)
        made = bundle(*words, *cache, "--base", file)
    assert made.code == ExitCode.DONE, made.err
    assert "since a host's inventory" in made.out
    assert size_of(site.place.root / "new") < size_of(old) // 20
    assert site.install(site.place.root / "new", target)[0].images_loaded == 1


def test_inspect_and_diff_show_what_is_not_there(old: Path, delta: Path, bundle: Cli) -> None:
    said = bundle("inspect", delta, "--layers").out
    assert "since viz 1.0.0" in said
    assert "1 layer, " in said
    assert "left out" in said
    assert "patch, " in said
    layers = json.loads(bundle("inspect", delta, "--json").out)["images"][0]["layers"]
    assert layers[0]["carried"] < layers[0]["size"] // 20
    assert layers[1]["carried"] == 0
    assert json.loads(bundle("diff", old, delta, "--json").out)["new_bytes"] < 20_000


def test_install_reads_a_kept_bundle(site: Site, old: Path, delta: Path) -> None:
    target = f"layout:{site.host.root / 'out'}"
    words: list[str | Path] = ["install", delta, "--yes", "--engine", target]
    refused = installer(site, *words)
    assert refused.exit_code == ExitCode.NOT_INSTALLABLE
    assert "code: base-missing" in refused.stderr
    for image in site.release(old).images:
        assert all(f"layer {one}" in refused.stderr for one in image.diff_ids[:2])
    assert not (site.host.root / "out").exists()
    assert installer(site, *words, "--base-bundle", old).exit_code == ExitCode.DONE
    assert not list(site.host.ledger.directory.glob("old-layers-*"))


def test_plan_tells_all_layers_that_are_missing(site: Site, delta: Path) -> None:
    target = f"layout:{site.host.root / 'out'}"
    said = installer(site, "plan", delta, "--engine", target, "--json")
    assert said.exit_code == ExitCode.NOT_INSTALLABLE
    codes = [one["code"] for one in json.loads(said.stdout)["problems"]]
    assert codes == ["base-missing"]


def test_a_kept_bundle_must_be_signed_by_a_trusted_key(site: Site, old: Path, delta: Path) -> None:
    flip(old / "SHA256SUMS")
    target = f"layout:{site.host.root / 'out'}"
    words: list[str | Path] = ["install", delta, "--yes", "--engine", target, "--base-bundle", old]
    assert installer(site, *words).exit_code == ExitCode.BUNDLE_REFUSED
    assert not (site.host.root / "out").exists()


@pytest.mark.parametrize("content", ["", "{}", '{"engine": 1}', "neither"])
def test_build_refuses_what_is_no_base(site: Site, bundle: Cli, content: str) -> None:
    file = site.place.root / "base"
    file.write_text(content)
    site.place.write_app("registry.test/app:1")
    with served_by(memory(app=APP)):
        said = bundle("build", site.place.app, "-k", site.place.key, "--base", file)
    assert said.code in (ExitCode.USAGE, ExitCode.BUNDLE_REFUSED)
    assert not site.place.lock.exists()


def test_a_drive_says_what_a_difference_is_to(
    site: Site, old: Path, delta: Path, bundle: Cli
) -> None:
    drive = site.host.root / "drive"
    drive.mkdir()
    bundle("drive", old, drive)
    before = size_of(drive)
    assert bundle("drive", delta, drive).code == ExitCode.DONE
    assert size_of(drive) - before < 0.03 * before
    assert "only what is new since viz 1.0.0" in installer(site, "bundles", drive).stdout
    target = f"layout:{site.host.root / 'out'}"
    words: list[str | Path] = ["install", drive / "viz-1.1.0", "--yes", "--engine", target]
    said = installer(site, *words, "--base-bundle", drive / "viz-1.0.0")
    assert said.exit_code == ExitCode.DONE


def test_the_script_for_hosts_without_the_installer_says_that_it_cannot_load_it(
    site: Site, delta: Path, bundle: Cli
) -> None:
    drive = site.host.root / "drive"
    drive.mkdir()
    bundle("drive", delta, drive)
    signers = site.host.trust.directory / "allowed_signers"
    words = ["sh", str(drive / "moonlift.sh"), "load", "viz-1.1.0", str(signers)]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    assert said.returncode == ExitCode.BUNDLE_REFUSED
    assert "only what is new" in said.stderr
