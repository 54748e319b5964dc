"""Memory stays bounded, whatever the size of the layers and whatever they expand to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 300 * 2**20


@pytest.mark.parametrize(
    ("kind", "cores"),
    [
        pytest.param("gzip-zeros", 2, marks=pytest.mark.long),
        pytest.param("zstd-zeros", 2, marks=pytest.mark.long),
        ("wide-window", 2),
        pytest.param("large", 8, marks=pytest.mark.long),
        ("parity", 8),
    ],
)
def test_a_build_stays_under_300_mib(
    kind: str, cores: int, tmp_path: Path, signing_key: Path
) -> None:
    arguments = [str(tmp_path), str(signing_key), kind, str(cores)]
    command = [sys.executable, "-m", "tests.bundler.heavy", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["peak"] < LIMIT
    assert told["size"] > 2000
