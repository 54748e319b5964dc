"""What has to change so that what runs is what shall run; pure.

A container is as wanted when it was made from exactly that (its digest), and when the name spaces
that it uses are still those of the containers that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from installer.app.wanted import Deployment, WantedContainer
from installer.engines.containerfacts import NAME, ContainerFacts


@dataclass(frozen=True, slots=True)
class Kept:
    """A container that is as wanted.

    Attributes:
        wanted: what it shall be.
        found: it.
    """

    wanted: WantedContainer
    found: ContainerFacts


@dataclass(frozen=True, slots=True)
class Change:
    """The difference.

    Attributes:
        kept: what stays.
        made: what has to be made, those that others need first.
        obsolete: what has to go.
    """

    kept: tuple[Kept, ...]
    made: tuple[WantedContainer, ...]
    obsolete: tuple[ContainerFacts, ...]

    @property
    def replaced(self) -> frozenset[str]:
        """Services of which an instance is made anew."""
        return frozenset(one.service for one in self.made)

    def restarted(self) -> tuple[Kept, ...]:
        """Return what stays, and must start again because what it needs is another one."""
        return tuple(
            one
            for one in self.kept
            if any(need.restart and need.service in self.replaced for need in one.wanted.needs)
        )


def compare(wanted: Deployment, found: Sequence[ContainerFacts]) -> Change:
    """Return what has to change.

    Args:
        wanted: what shall run.
        found: containers of the app.
    """
    kept: list[Kept] = []
    made: list[WantedContainer] = []
    for one in wanted.containers:
        match = _match(one, found, kept)
        if match is None:
            made.append(one)
        else:
            kept.append(Kept(one, match))
    stay = {one.found.id for one in kept}
    inside = set(wanted.services)
    obsolete = [one for one in found if one.id not in stay]
    return Change(
        tuple(kept),
        tuple(made),
        tuple(one for one in obsolete if wanted.whole or one.service in inside),
    )


def _match(
    wanted: WantedContainer, found: Sequence[ContainerFacts], kept: Sequence[Kept]
) -> ContainerFacts | None:
    """Return the best of the containers that are as wanted: one that runs, then by its name."""
    fitting = [
        one
        for one in found
        if (one.service, one.number, one.config) == (wanted.service, wanted.number, wanted.config)
        and one.state not in ("dead", "removing")
        and _shares(wanted, one, kept)
    ]
    return max(fitting, key=lambda one: (one.runs, one.name == wanted.name), default=None)


def _shares(wanted: WantedContainer, found: ContainerFacts, kept: Sequence[Kept]) -> bool:
    first = {one.wanted.service: one.found.id for one in kept if one.wanted.number == 1}
    return all(
        service in first and found.modes.get(member) == f"container:{first[service]}"
        for member, service in wanted.borrowed
    )


def restorable(obsolete: Sequence[ContainerFacts]) -> tuple[ContainerFacts, ...]:
    """Return those that run again when a switch fails: one for each instance of a service.

    The one that has the instance's own name was the last that was well; another name is left of
    a switch that never came to its end.
    """
    best: dict[tuple[str, int], ContainerFacts] = {}
    for one in sorted(obsolete, key=lambda found: (is_interim(found), found.name)):
        best.setdefault((one.service, one.number), one)
    return tuple(best.values())


def is_interim(found: ContainerFacts) -> bool:
    """Tell whether a container is of a switch that never came to its end, by name or state."""
    return found.state == "created" or found.name != found.labels.get(NAME, found.name)
