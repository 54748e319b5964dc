"""Just before each removal: what is of use again stays, what the engine refuses is told."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from installer.ledger import Ledger
from installer.prune.removal import Removal, Result
from installer.stream.removalevents import Removed
from manifests.digest import Digest
from manifests.errors import EngineFailed
from manifests.prunerules.host import HostTerms, plan_host
from manifests.prunerules.inventory import Container, ContainerState, Inventory
from manifests.prunerules.planner import PrunePlan
from manifests.prunerules.policy import PrunePolicy
from tests.support.hosts import NOW, container, image, release, volume


@dataclass
class Engine:
    """An engine that changes between the plan and the removal, or refuses."""

    host: Inventory
    refused: frozenset[str] = frozenset()
    removed: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)

    def listed_containers(self) -> tuple[Container, ...]:
        return tuple(replace(one, finished=None) for one in self.host.containers)

    def ended_at(self, container: str) -> datetime | None:
        return next(one.finished for one in self.host.containers if one.identity == container)

    def names(self, image: Digest) -> tuple[str, ...] | None:
        found = [one for one in self.host.images if one.identity == image]
        gone = not found or (found[0].names and set(found[0].names) <= set(self.removed))
        return None if gone or str(image) in self.removed else (*found[0].names, *found[0].ours)

    def remove_container(self, identity: str, *, anonymous_volumes: bool) -> None:
        del anonymous_volumes
        self._remove(next(x.name for x in self.host.containers if x.identity == identity))

    def remove_image(self, name: str) -> None:
        self._remove(name)

    def remove_volume(self, name: str) -> None:
        self._remove(name)

    def put_back(self, image: Digest, name: str) -> None:
        del image
        self.back.append(name)

    def _remove(self, name: str) -> None:
        if name in self.refused:
            raise EngineFailed("engine-remove", f"does not remove {name}: it is in use")
        self.removed.append(name)


WEB = image("acme/web:1", names=("acme/web:1", "acme/web:latest"))


def planned(host: Inventory) -> PrunePlan:
    return plan_host(host, HostTerms(PrunePolicy(volumes=True), NOW))


def carried_out(
    tmp_path: Path, host: Inventory, engine: Engine, plan: PrunePlan | None = None
) -> list[Result]:
    with Ledger(tmp_path / "state").locked() as ledger:
        removal = Removal(engine, ledger, host)
        return list(removal.results(plan or planned(host), threading.Event()))


def test_a_container_that_runs_again_or_ran_once_more_stays(tmp_path: Path) -> None:
    host = Inventory((), (container("a"), container("b"), container("c")))
    a, b, c = host.containers
    later = Inventory((), (replace(a, state=ContainerState.RUNNING), replace(b, finished=NOW), c))
    results = carried_out(tmp_path, host, Engine(later))
    assert {one.item.candidate.names[0]: (one.outcome, one.detail) for one in results} == {
        "a": (Removed.STAYED, "it is running now"),
        "b": (Removed.STAYED, "it ran once more"),
        "c": (Removed.REMOVED, ""),
    }


def test_an_image_that_a_container_was_made_from_meanwhile_stays(tmp_path: Path) -> None:
    host = Inventory((WEB,))
    later = Inventory((WEB,), (container("new", WEB, ContainerState.CREATED, ended=None),))
    engine = Engine(later)
    [result] = carried_out(tmp_path, host, engine)
    assert (result.outcome, result.detail) == (Removed.STAYED, "container new was made from it")
    assert not engine.removed
    assert result.freed == 0


def test_an_image_with_another_name_than_before_stays(tmp_path: Path) -> None:
    later = Inventory((replace(WEB, names=(*WEB.names, "docker.io/acme/web:2")),))
    [result] = carried_out(tmp_path, Inventory((WEB,)), Engine(later))
    assert result.outcome is Removed.STAYED


def test_names_come_back_where_the_engine_refuses_the_last(tmp_path: Path) -> None:
    """docker-gc hides it: an image with several names never goes, and no one is told."""
    engine = Engine(Inventory((WEB,)), refused=frozenset({"docker.io/acme/web:latest"}))
    [result] = carried_out(tmp_path, Inventory((WEB,)), engine)
    assert result.outcome is Removed.FAILED
    assert "it is in use" in result.detail
    assert engine.back == engine.removed == ["docker.io/acme/web:1"]


def test_an_image_without_a_name_goes_by_its_id(tmp_path: Path) -> None:
    lost = image("lost", names=())
    engine = Engine(Inventory((lost,)))
    [result] = carried_out(tmp_path, Inventory((lost,)), engine)
    assert (result.outcome, engine.removed) == (Removed.REMOVED, [str(lost.identity)])


def test_what_is_gone_already_counts_as_removed(tmp_path: Path) -> None:
    host = Inventory((WEB,), (container("a"),))
    assert {one.outcome for one in carried_out(tmp_path, host, Engine(Inventory()))} == {
        Removed.REMOVED
    }


def test_a_volume_that_a_container_has_meanwhile_stays(tmp_path: Path) -> None:
    host = Inventory(volumes=(volume("data"),))
    later = Inventory((), (container("x", volumes=["data"]),))
    [result] = carried_out(tmp_path, host, Engine(later))
    assert result.outcome is Removed.STAYED


def test_a_release_stays_while_one_of_its_images_could_not_go(tmp_path: Path) -> None:
    images = [image(f"acme/app:{n}") for n in range(4)]
    host = Inventory(
        tuple(images), releases=tuple(release("viz", n, images[n]) for n in range(1, 4))
    )
    host = replace(host, images=tuple(images[1:]))
    engine = Engine(host, refused=frozenset({"docker.io/acme/app:1"}))
    results = carried_out(tmp_path, host, engine)
    assert [(str(one.item.candidate.kind), one.outcome) for one in results] == [
        ("image", Removed.FAILED),
        ("release", Removed.STAYED),
    ]


@pytest.mark.parametrize("enough", [True, False])
def test_it_stops_when_told_to_or_with_room_enough(tmp_path: Path, *, enough: bool) -> None:
    host = Inventory(tuple(image(f"acme/x:{n}") for n in range(3)))
    cancel = threading.Event()
    with Ledger(tmp_path / "state").locked() as ledger:
        engine = Engine(host)
        removal = Removal(engine, ledger, host, enough=lambda: enough and bool(engine.removed))
        results = []
        for result in removal.results(planned(host), cancel):
            results.append(result)
            if not enough:
                cancel.set()
    assert len(results) == 1
