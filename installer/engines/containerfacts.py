"""What an engine says of a container that it has, as far as apps look at it; pure.

Source: Docker Engine API, `GET /containers/{id}/json`. What an answer does not have, or has in
another type than documented, counts as not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from manifests.safetext import safe_line

DEFAULT_STOP_SECONDS: Final = 10
"""The engine's own, where a container has none."""
PROJECT: Final = "com.docker.compose.project"
SERVICE: Final = "com.docker.compose.service"
NUMBER: Final = "com.docker.compose.container-number"
DEPENDS: Final = "com.docker.compose.depends_on"
PRODUCT: Final = "moonlift.product"
CONFIG: Final = "moonlift.config"
RESTART: Final = "moonlift.restart"
SEQUENCE: Final = "moonlift.sequence"
NAME: Final = "moonlift.name"
"""What the container is called once the switch that made it has come to its end."""
ONCE: Final = "moonlift.once"
"""On containers of services that others wait for to end."""

WORDS_LIMIT: Final = 500
_ENTRIES: Final = 1000


@dataclass(frozen=True, slots=True)
class OpenPort:
    """A port that the host offers for a container.

    Attributes:
        address: of the host.
        number: of the host's port.
        container: port within.
        protocol: of both.
    """

    address: str
    number: int
    container: int
    protocol: str

    @property
    def words(self) -> str:
        """The port as engines show it."""
        return f"{self.address}:{self.number}->{self.container}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """A container.

    Attributes:
        id, name: of it.
        image: what the engine knows its image by.
        labels: all of them.
        state: the engine's word: `created`, `running`, `paused`, `restarting`, `removing`,
            `exited`, `dead`.
        status: exit status of its last end.
        out_of_memory: whether the kernel killed it for lack of memory.
        trouble: the engine's words on why it did not start.
        started, finished: times, as the engine writes them.
        restarts: how often the engine started it again by itself.
        health: `healthy`, `starting`, `unhealthy`; empty where nothing checks it.
        health_words: what its last check said.
        policy: restart policy that it has now.
        networks: addresses in its networks, by their names.
        modes: members of HostConfig such as NetworkMode that name a name space.
        ports: that are open now.
        volumes: names of its volumes, by target.
        stop_seconds: from its signal to being killed; None for the engine's default.
    """

    id: str
    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    state: str = ""
    status: int = 0
    out_of_memory: bool = False
    trouble: str = ""
    started: str = ""
    finished: str = ""
    restarts: int = 0
    health: str = ""
    health_words: str = ""
    policy: str = "no"
    networks: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[OpenPort, ...] = ()
    volumes: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: int | None = None

    @property
    def service(self) -> str:
        """The service that it is an instance of."""
        return self.labels.get(SERVICE, "")

    @property
    def number(self) -> int:
        """The instance's number; 0 when that is not told."""
        text = self.labels.get(NUMBER, "")
        return int(text) if text.isdecimal() and len(text) < 10 else 0

    @property
    def config(self) -> str:
        """Digest over what it was made from."""
        return self.labels.get(CONFIG, "")

    @property
    def runs(self) -> bool:
        """Whether something of it runs, or will by itself."""
        return self.state in ("running", "paused", "restarting")

    @property
    def completed(self) -> bool:
        """Whether it has done what it was to do, and ended."""
        once = self.labels.get(RESTART, self.policy) in ("no", "on-failure")
        return once and self.state == "exited" and self.status == 0


def read_container(document: Mapping[str, Any]) -> ContainerFacts:
    """Return what the engine's answer says."""
    config, state = _part(document, "Config"), _part(document, "State")
    host, health = _part(document, "HostConfig"), _part(state, "Health")
    network = _part(document, "NetworkSettings")
    return ContainerFacts(
        id=_text(document, "Id"),
        name=_text(document, "Name").removeprefix("/"),
        image=_text(document, "Image"),
        labels={str(key): str(value) for key, value in _part(config, "Labels").items()},
        state=_text(state, "Status"),
        status=_number(state, "ExitCode"),
        out_of_memory=state.get("OOMKilled") is True,
        trouble=safe_line(_text(state, "Error"), limit=WORDS_LIMIT),
        started=_text(state, "StartedAt"),
        finished=_text(state, "FinishedAt"),
        restarts=_number(document, "RestartCount"),
        health=_text(health, "Status").replace("none", ""),
        health_words=_last_check(health),
        policy=_text(_part(host, "RestartPolicy"), "Name") or "no",
        networks=dict(_addresses(network)),
        modes={name: _text(host, name) for name in ("NetworkMode", "IpcMode", "PidMode")},
        ports=tuple(_ports(network)),
        volumes=dict(_volumes(document)),
        stop_seconds=_number(config, "StopTimeout") if "StopTimeout" in config else None,
    )


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _number(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    return value if isinstance(value, int) else 0


def _entries(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = document.get(name)
    found = value[:_ENTRIES] if isinstance(value, list) else []
    return [one for one in found if isinstance(one, Mapping)]


def _last_check(health: Mapping[str, Any]) -> str:
    said = [_text(one, "Output") for one in _entries(health, "Log")]
    return safe_line(said[-1].strip(), limit=WORDS_LIMIT) if said else ""


def _addresses(network: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, endpoint in _part(network, "Networks").items():
        found = endpoint if isinstance(endpoint, Mapping) else {}
        yield str(name), _text(found, "IPAddress") or _text(found, "GlobalIPv6Address")


def _ports(network: Mapping[str, Any]) -> Iterator[OpenPort]:
    ports = _part(network, "Ports")
    for inside in ports:
        number, _, protocol = str(inside).partition("/")
        for one in _entries(ports, inside):
            host = _text(one, "HostPort")
            if number.isdecimal() and host.isdecimal():
                yield OpenPort(_text(one, "HostIp"), int(host), int(number), protocol or "tcp")


def _volumes(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in _entries(document, "Mounts"):
        if one.get("Type") == "volume":
            yield _text(one, "Destination"), _text(one, "Name")
