"""What shall run of a release on this host: the values that `deployment` makes and `switch` takes.

Owns the vocabulary; no behaviour, no I/O. A `body` is the engine's own document (Docker Engine
API, v1.41): it may hold values of secrets, so it is never shown, logged or part of an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from installer.app.secretfiles import SecretFile
from manifests.service import Condition, Restart
from manifests.strictjson import JsonValue
from manifests.workload import HealthCheck


@dataclass(frozen=True, slots=True)
class WantedNetwork:
    """A network of the app.

    Attributes:
        key: that services know it by.
        name: in the engine.
        external: whether it must be there already.
        config: digest over what it is made from.
        body: of `POST /networks/create`.
    """

    key: str
    name: str
    external: bool
    config: str
    body: Mapping[str, JsonValue] = field(repr=False)


@dataclass(frozen=True, slots=True)
class WantedVolume:
    """A named volume of the app.

    Attributes:
        key: that services know it by.
        name: in the engine.
        external: whether it must be there already.
        body: of `POST /volumes/create`.
    """

    key: str
    name: str
    external: bool
    body: Mapping[str, JsonValue] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A network that a container is in.

    Attributes:
        network: its name in the engine.
        settings: the engine's EndpointSettings.
    """

    network: str
    settings: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the host that a container asks for by number.

    Attributes:
        number, protocol: of the port.
        address: of the host; empty for all.
    """

    number: int
    protocol: str
    address: str = ""

    @property
    def words(self) -> str:
        """The port as people write it."""
        at = f"{self.address}:" if self.address else ""
        return f"{at}{self.number}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class Need:
    """A service that must be there before a container starts.

    Attributes:
        service: name of it.
        condition: how far it must be.
        required: whether its failure keeps this one from starting.
        restart: whether this one is restarted when that one is replaced.
    """

    service: str
    condition: Condition = "started"
    required: bool = True
    restart: bool = False


@dataclass(frozen=True, slots=True)
class WantedContainer:
    """One instance of a service.

    Attributes:
        service: name of it.
        number: of the instance, from 1.
        name: the container's, when all is done.
        config: digest over everything that the container is made from.
        body: of `POST /containers/create`, without what `borrowed` and `endpoints` add.
        endpoints: networks that it is in, the first one the main one.
        borrowed: members of HostConfig, such as NetworkMode, and the service whose name space
            they name.
        mounted: targets of all its mounts but volumes without a name.
        anonymous: targets of its volumes without a name.
        files: secrets that are written into it before it starts.
        needs: services that must be there first.
        restart: the policy that it has while it shall run.
        restart_retries: for `on-failure`.
        stop_seconds: from its signal to being killed; None for the engine's default.
        checks: asked from outside.
        doors: the service's own ports, in the order that checks count them.
        settle_seconds: that it must run where nothing checks it.
        ports: of the host, by number.
        gpus: whether it asks for GPUs.
        overlaps: whether it may start before those that it replaces have stopped.
        optional: whether the app counts as started without it.
        once: whether others wait for it to end.
    """

    service: str
    number: int
    name: str
    config: str
    body: Mapping[str, JsonValue] = field(repr=False)
    endpoints: tuple[Endpoint, ...] = ()
    borrowed: tuple[tuple[str, str], ...] = ()
    mounted: tuple[str, ...] = ()
    anonymous: tuple[str, ...] = ()
    files: tuple[SecretFile, ...] = ()
    needs: tuple[Need, ...] = ()
    restart: Restart = "no"
    restart_retries: int = 0
    stop_seconds: int | None = None
    checks: tuple[HealthCheck, ...] = ()
    doors: tuple[int, ...] = ()
    settle_seconds: int = 3
    ports: tuple[HostPort, ...] = ()
    gpus: bool = False
    overlaps: bool = False
    optional: bool = False
    once: bool = False

    @property
    def wants(self) -> tuple[str, ...]:
        """Services that must be there first."""
        return tuple(one.service for one in self.needs)


@dataclass(frozen=True, slots=True)
class Deployment:
    """All that shall run of a release.

    Attributes:
        product, sequence: the release.
        project: prefix of names.
        networks, volumes: that must be there first.
        containers: in the order of their dependencies.
        deadline_seconds: in which all must be healthy.
        remarks: what the app asks for and this host does not do, for people.
        hidden: values that must not be shown, wherever they turn up.
        whole: whether these are all the app's services.
    """

    product: str
    sequence: int
    project: str
    networks: tuple[WantedNetwork, ...]
    volumes: tuple[WantedVolume, ...]
    containers: tuple[WantedContainer, ...]
    deadline_seconds: int
    remarks: tuple[str, ...] = ()
    hidden: tuple[str, ...] = field(default=(), repr=False)
    whole: bool = True

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the services, in the order of their dependencies."""
        return tuple(dict.fromkeys(one.service for one in self.containers))
