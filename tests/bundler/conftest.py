"""Fixtures of the bundler's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bundler.builds import Cli, Workplace, command_line
from tests.support.ssh import make_key


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("signing"), "ed25519")


@pytest.fixture
def place(tmp_path: Path, signing_key: Path) -> Workplace:
    return Workplace(tmp_path, signing_key)


@pytest.fixture
def bundle(capsys: pytest.CaptureFixture[str]) -> Cli:
    return command_line(capsys)
