"""Opens the engine that is to be pruned, as the command line names it."""

from __future__ import annotations

from dataclasses import dataclass

from installer.engines.base import EngineInfo
from installer.engines.choose import open_engine
from installer.engines.docker import DockerEngine
from installer.engines.pruneapi import PruneApi
from installer.ledger import Ledger
from installer.prune.inventory import Place
from installer.prune.pruning import Pruning
from manifests.errors import NotInstallableHere


@dataclass(frozen=True, slots=True)
class Opened:
    """A pruning, and what must be closed after it.

    Attributes:
        pruning: of the engine.
        name: of the engine.
        info: what that said of itself.
    """

    pruning: Pruning
    name: str
    info: EngineInfo
    _api: PruneApi

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def open_pruning(engine: str, ledger: Ledger) -> Opened:
    """Return the pruning of the engine that the command line names.

    Raises:
        UsageError: `engine-unknown`, `engine-not-local`.
        NotInstallableHere: `engine-none`; `engine-cannot-prune`: it is a layout directory.
        EngineFailed: `engine-unreachable`.
    """
    found = open_engine(engine)
    try:
        info = found.info()
        if not isinstance(found, DockerEngine):
            raise NotInstallableHere(
                "engine-cannot-prune",
                f"expected a container engine, found {engine}",
                hint="nothing else is pruned; remove the directory's images by hand",
            )
        api = PruneApi(found.url)
    finally:
        found.close()
    return Opened(Pruning(api, Place(found.address, info), ledger), found.name, info, api)
