"""Makes the networks and volumes that an app needs; those that are there stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from installer.app.wanted import Deployment
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import CONFIG
from installer.engines.containers import ContainerRefused
from installer.events import Event, Noted, Stage
from manifests.errors import StartFailed


def make_rooms(apps: AppApi, wanted: Deployment) -> Iterator[Event]:
    """Make what is missing, and note networks that were made otherwise than they now shall be.

    Raises:
        StartFailed: `app-start`: the engine refused one.
        EngineFailed: it does not answer.
    """
    for network in wanted.networks:
        found = None if network.external else apps.network(network.name)
        if found is None and not network.external:
            _make("network", network.name, partial(apps.make_network, network.body))
        elif found is not None and found.labels.get(CONFIG, network.config) != network.config:
            yield Noted(
                Stage.START,
                "app-network-differs",
                f"network {network.name} has other settings than this release asks for; to have"
                f" them: installer stop, docker network rm {network.name}, installer start",
            )
    for volume in wanted.volumes:
        if not volume.external and apps.volume(volume.name) is None:
            _make("volume", volume.name, partial(apps.make_volume, volume.body))


def _make(kind: str, name: str, making: Callable[[], None]) -> None:
    try:
        making()
    except ContainerRefused as refusal:
        raise StartFailed(
            "app-start",
            f"the engine did not make {kind} {name}: {refusal.words}",
            hint=f"docker {kind} ls shows what there is",
        ) from refusal
