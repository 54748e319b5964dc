"""A Slurm cluster and an ssh server for the fan-out, started once a run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.conftest import _or_skip
from tests.support.slurm import Slurm, run_slurm
from tests.support.sshd import SshServer, run_sshd

NODES = ("moon1", "moon2", "moon3")


@pytest.fixture(autouse=True)
def _no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide a Slurm job that the tests may run in."""
    for name in list(os.environ):
        if name.startswith(("SLURM_", "SBATCH_", "SRUN_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def _slurm() -> Iterator[Slurm]:
    with _or_skip(run_slurm(NODES)) as cluster:
        yield cluster


@pytest.fixture
def slurm(_slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """A cluster of three nodes, in the partition `main`; the first is in `first`, too."""
    monkeypatch.setenv("SLURM_CONF", str(_slurm.conf))
    return _slurm


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """An OpenSSH server at three addresses."""
    with _or_skip(run_sshd(tmp_path_factory.mktemp("sshd"))) as server:
        yield server
