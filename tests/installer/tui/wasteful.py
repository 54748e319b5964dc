"""A host with waste, for the screen that prunes; and the way to that screen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from installer.ledger import Ledger
from installer.prune.pruning import Asked
from installer.prune.removal import Removal, Result
from installer.tui.session import Session
from manifests.prunerules.host import HostTerms, plan_host
from manifests.prunerules.inventory import ContainerState, Inventory
from manifests.prunerules.planner import PrunePlan
from manifests.prunerules.policy import PrunePolicy
from tests.installer.prune.test_removal import Engine
from tests.support.hosts import NOW, container, image

if TYPE_CHECKING:
    from tests.installer.tui.conftest import Player

TERMS = HostTerms(PrunePolicy(containers=True, keep_images=0), NOW)
OLD = image("acme/old:1")
WEB = image("acme/web:1")
BASE = image("acme/base:1")
DONE = container("done", BASE, state=ContainerState.EXITED)
RUNS = container("runs", BASE, state=ContainerState.RUNNING)
HOST = Inventory(images=(OLD, WEB, BASE), containers=(DONE, RUNS))


class Waste:
    """A host with waste, whose engine waits before its second removal until it may go on."""

    def __init__(self, root: Path) -> None:
        self.engine = Engine(HOST)
        self.may_go_on = threading.Event()
        self._root = root

    def look(self, session: Session) -> tuple[PrunePlan, Asked]:
        del session
        return plan_host(HOST, TERMS), Asked(TERMS)

    def remove(
        self, session: Session, plan: PrunePlan, asked: Asked, cancel: threading.Event
    ) -> Iterator[Result]:
        del session, asked
        with Ledger(self._root / "state").locked() as ledger:
            for result in Removal(self.engine, ledger, HOST).results(plan, cancel):
                yield result
                self.may_go_on.wait(60)


async def to_pruning(player: Player) -> None:
    await player.sees("Which bundle?")
    await player.press("m")
    await player.sees("> Back")
    while "> Prune" not in player.text:
        await player.press("down")
    await player.press("enter")
    await player.sees("Prune", "acme/old:1", "Nothing was removed so far.", "> Back")
