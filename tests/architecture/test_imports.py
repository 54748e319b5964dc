"""Doors open one way, at run time too; a command loads only what it needs."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import sys
sys.argv = ["probe", *{arguments!r}]
import atexit, os
os._exit = lambda code: None
import {module}.cli
try:
    {module}.cli.main()
except SystemExit:
    pass
print("\\n".join(sorted(sys.modules)), file=sys.stderr)
"""


def loaded_by(module: str, *arguments: str) -> set[str]:
    """The modules in memory after a command line has run."""
    probe = PROBE.format(module=module, arguments=list(arguments))
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["trust", "list"], ["verify", "/nonexistent"]])
def test_the_host_side_loads_no_engine_no_network_no_screen_before_it_needs_one(
    arguments: list[str],
) -> None:
    modules = loaded_by("installer", *arguments)
    assert "installer.cli" in modules
    for name in ("textual", "docker", "urllib3", "requests", "bundler", "numpy", "PIL"):
        assert name not in modules


def test_without_a_terminal_the_screen_is_not_even_loaded() -> None:
    modules = loaded_by("installer")
    assert "installer.cli" in modules
    rooms = {name.partition(".")[0] for name in modules}
    assert not rooms & {"textual", "rich", "pydantic", "cryptography", "docker"}


def test_screens_are_opened_without_a_command_line() -> None:
    script = (
        "import sys, installer.screens as screens, installer.start as start\n"
        "screens.has_screen = lambda: True\n"
        "screens.open_screens = lambda homes: print(homes.state, *sys.modules) or 7\n"
        "start.main()\n"
    )
    environ = {**os.environ, "MOONLIFT_STATE_DIR": "/nonexistent/state"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environ
    )
    state, *loaded = done.stdout.split()
    assert (done.returncode, state) == (7, "/nonexistent/state")
    assert not {"typer", "click"} & set(loaded)


def test_what_is_painted_first_needs_no_bundle_no_key_and_no_engine() -> None:
    script = "import sys, installer.tui.opening, installer.tui.choosing; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    loaded = set(done.stdout.decode().split())
    assert "textual.app" in loaded
    for name in ("pydantic", "cryptography", "docker", "zstandard", "isal", "numpy", "PIL"):
        assert name not in loaded


def test_the_connected_side_loads_nothing_of_the_host_side() -> None:
    modules = loaded_by("bundler", "schema")
    assert "bundler.cli" in modules
    assert not {name for name in modules if name.partition(".")[0] in {"installer", "textual"}}


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["build", "--help"], ["verify", "--help"], ["verify"], ["bild"]],
)
def test_what_asks_for_no_work_loads_no_document_no_key_no_client(arguments: list[str]) -> None:
    modules = loaded_by("bundler", *arguments)
    assert "bundler.cli" in modules
    heavy = {"pydantic", "cryptography", "docker", "urllib3", "rich", "yaml", "zstandard", "numpy"}
    assert not heavy & modules


@pytest.mark.parametrize(
    ("arguments", "strangers"),
    [
        (["verify", "BUNDLE", "-k", "KEY"], {"docker", "urllib3", "yaml", "zstandard", "numpy"}),
        (["inspect", "BUNDLE"], {"docker", "urllib3", "yaml", "zstandard", "numpy"}),
        (["prune", "--cache", "CACHE"], {"docker", "urllib3", "rich", "yaml", "cryptography"}),
        (["init", "APP"], {"pydantic", "docker", "urllib3", "rich", "yaml", "cryptography"}),
        (["keygen", "KEY", "--no-passphrase"], {"pydantic", "docker", "urllib3", "rich", "yaml"}),
        (["schema"], {"docker", "urllib3", "rich", "zstandard", "numpy"}),
    ],
)
def test_a_command_loads_what_it_works_with_and_no_more(
    tmp_path: Path, arguments: list[str], strangers: set[str]
) -> None:
    given = [str(tmp_path / word) if word.isupper() else word for word in arguments]
    assert not strangers & loaded_by("bundler", *given)


def test_no_other_distribution_shares_our_package_names() -> None:
    owners = importlib.metadata.packages_distributions()
    for package in ("bundler", "installer", "manifests", "selftest"):
        assert set(owners.get(package, ["moonlift"])) == {"moonlift"}, "see README, Install"


def test_garbage_is_looked_for_again_once_a_command_works(tmp_path: Path) -> None:
    script = (
        "import gc, os, sys, bundler.start\n"
        f"sys.argv = ['bundle', 'prune', '--dry-run', '--cache', {str(tmp_path / 'cache')!r}]\n"
        "os._exit = lambda code: print(code, gc.isenabled())\n"
        "bundler.start.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.split()[-2:] == [b"0", b"True"]
