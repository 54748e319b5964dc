"""`bundle run`: the installer as a child, with a host's folders of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bundler.verbs.run import RunRequest, default_home, run_bundle, stop_bundle
from manifests.errors import UsageError
from manifests.seals.allowedsigners import parse_signers
from manifests.seals.sshkey import PublicKey
from tests.bundler.builds import Cli
from tests.installer.fake_engine import run_fake_engine
from tests.support.bundles import SigningKey, make_bundle, new_key
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec


def request(tmp_path: Path, *keys: PublicKey, bundle: Path | None = None) -> RunRequest:
    home = tmp_path / "home"
    return RunRequest(bundle=bundle, keys=keys, home=home, engine="docker", options=("--one-pass",))


def telling(tmp_path: Path, status: int = 0) -> tuple[str, ...]:
    """Return a command that writes down how it was called."""
    told = tmp_path / "told"
    code = f"import json, sys; open({str(told)!r}, 'w').write(json.dumps(sys.argv[1:]))"
    return (sys.executable, "-c", f"{code}; sys.exit({status})")


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return new_key(tmp_path / "key")


def test_the_child_is_the_installer_with_folders_of_its_own(
    tmp_path: Path, key: SigningKey
) -> None:
    asked = request(tmp_path, key.public, bundle=Path("viz-1.0"))
    assert run_bundle(asked, telling(tmp_path, 14)) == 14
    home = tmp_path / "home"
    assert json.loads((tmp_path / "told").read_text()) == [
        f"--trust-dir={home}/trust",
        f"--state-dir={home}/state",
        f"--settings-dir={home}/settings",
        *("install", "viz-1.0", "--yes", "--no-gpu", "--allow-downgrade", "--one-pass"),
        *("--engine", "docker"),
    ]
    (signer,) = parse_signers((home / "trust/allowed_signers").read_bytes())
    assert signer.public_key == key.public


def test_stop_is_the_installers(tmp_path: Path) -> None:
    assert stop_bundle(request(tmp_path), "viz", telling(tmp_path)) == 0
    assert json.loads((tmp_path / "told").read_text())[3:] == ["stop", "viz", "--engine", "docker"]


def test_a_key_and_a_bundle_are_needed(tmp_path: Path, key: SigningKey) -> None:
    with pytest.raises(UsageError) as caught:
        run_bundle(request(tmp_path, bundle=Path("viz")), telling(tmp_path))
    assert caught.value.code == "trust-none"
    with pytest.raises(UsageError) as caught:
        run_bundle(request(tmp_path, key.public), telling(tmp_path))
    assert caught.value.code == "run-bundle"
    (tmp_path / "home").write_text("in the way")
    with pytest.raises(UsageError) as caught:
        run_bundle(request(tmp_path, key.public, bundle=Path("viz")), telling(tmp_path))
    assert caught.value.code == "file-unwritable"


def test_the_folder_is_where_state_belongs(tmp_path: Path) -> None:
    assert default_home({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "moonlift/run"
    assert default_home({}) == Path.home() / ".local/state/moonlift/run"


def test_a_bundle_goes_through_the_real_installer(
    tmp_path: Path, key: SigningKey, bundle: Cli
) -> None:
    spec = ImageSpec((LayerSpec({"a": b"1"}),))
    made = make_bundle(tmp_path / "viz", {"docker.io/acme/viz:1": spec}, key)
    with run_fake_engine("graph") as engine:
        words = ["run", str(made.path), "-k", str(key.path), "--engine", engine.url]
        said = bundle(*words, "--home", tmp_path / "home")
        assert said.code == 0
        assert "docker.io/acme/viz:1" in engine.names
    stranger = new_key(tmp_path / "other")
    said = bundle("run", str(made.path), "-k", str(stranger.path), "--home", tmp_path / "home")
    assert said.code == 10
