"""The set-up: everything pinned, nothing named, quiet when done."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"^([a-z0-9-]+)==\S+( ; .+)? \\$")


def constraints() -> str:
    return (ROOT / "constraints.txt").read_text()


def wanted() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    listed = [*project["project"]["dependencies"], *groups["test"], *groups["static"]]
    listed += [*groups["build"], *project["build-system"]["requires"]]
    names = (re.split(r"[^A-Za-z0-9_.-]", entry, maxsplit=1)[0] for entry in listed)
    return {re.sub(r"[_.-]+", "-", name).lower() for name in names}


def test_every_dependency_is_pinned() -> None:
    pinned = {found[1] for line in constraints().splitlines() if (found := PINNED.match(line))}
    assert wanted() <= pinned


def test_every_pin_has_a_hash_and_no_line_names_an_index() -> None:
    for line in constraints().splitlines():
        assert PINNED.match(line) or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line)


def test_setup_is_silent_when_all_is_there() -> None:
    argv = [str(ROOT / "tools/setup"), "python"]
    subprocess.run(argv, check=True, capture_output=True)
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_setup_refuses_an_unknown_level() -> None:
    done = subprocess.run(
        [ROOT / "tools/setup", "moon"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "usage" in done.stderr


@pytest.mark.parametrize("name", ["python", "demo", "installer", "drive", "test"])
def test_package_lists_name_one_package_a_line(name: str) -> None:
    lines = (ROOT / "tools/packages" / name).read_text().splitlines()
    assert all(re.fullmatch(r"#.*|[a-z0-9][a-z0-9.+-]+", line) for line in lines)
