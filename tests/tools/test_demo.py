"""The demonstration runs to its end, with engines and without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]


def demo(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo"],
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.usefixtures("docker_engine")
def test_demo_installs_upgrades_and_runs() -> None:
    told = demo()
    assert "bundle-damaged" in told
    assert '"version": "1.0.0"' in told
    assert '"version": "1.1.0"' in told
    assert "nothing to do" in told
    assert "expected a key `airlock`, found none" in told
    assert "runs again; no name was moved" in told
    assert "rolled back: moonbase 1.0.0 runs again" in told


@pytest.mark.long
def test_demo_without_an_engine_fills_a_folder() -> None:
    told = demo(PATH="/usr/bin:/bin")  # dockerd and ip lie in /usr/sbin
    assert "none can run here" in told
    assert "nothing to do" in told
