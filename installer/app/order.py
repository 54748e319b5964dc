"""The order in which services start, by what they need; pure. They stop the other way round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from manifests.errors import NotInstallableHere
from manifests.service import SERVICE_MODE, Service


def start_order(services: Sequence[Service]) -> list[Service]:
    """Return services, those that others need first; else in the order given.

    Raises:
        NotInstallableHere: `app-order`: some wait for each other.
    """
    by_name = {one.name: one for one in services}
    needs = {one.name: frozenset(needed(one)) for one in services}
    ordered = [name for wave in waves(needs) for name in wave]
    if len(ordered) < len(services):
        circle = ", ".join(name for name in by_name if name not in ordered)
        raise NotInstallableHere(
            "app-order",
            f"these services wait for each other, so that none can start: {circle}",
            hint="ask the app's maker for a bundle whose services need each other one way",
        )
    return [by_name[name] for name in ordered]


def waves(needs: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Yield names that need none but those before, all such at once; a circle is left out.

    What is not among the names is not waited for.
    """
    left = {name: {one for one in wanted if one in needs} for name, wanted in needs.items()}
    while left:
        ready = [name for name, wanted in left.items() if not wanted & left.keys()]
        if not ready:
            return
        yield ready
        for name in ready:
            del left[name]


def needed(service: Service) -> Iterator[str]:
    """Yield the services that a service needs: its dependencies and whose name spaces it uses."""
    yield from (one.service for one in service.dependencies)
    yield from (name for _, name in borrowed(service))


def borrowed(service: Service) -> Iterator[tuple[str, str]]:
    """Yield the members of HostConfig that name another service's name space, and its name."""
    may = service.privileges
    modes = (
        ("NetworkMode", service.network_mode),
        ("IpcMode", may.ipc if may else ""),
        ("PidMode", may.pid if may else ""),
    )
    for member, mode in modes:
        if mode.startswith(SERVICE_MODE):
            yield member, mode.removeprefix(SERVICE_MODE)
