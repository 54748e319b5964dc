"""What the engine says of swarm services and their tasks, as far as an app's life depends on it.

Source: Docker Engine API v1.41, `GET /services` and `GET /tasks`. What an answer does not have, or
has in another type than documented, counts as not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from installer.engines.containerfacts import CONFIG, DEFAULT_STOP_SECONDS, SEQUENCE
from manifests.safetext import safe_line

STACK: Final = "com.docker.stack.namespace"
SERVICE: Final = "moonlift.service"
ORDER: Final = "moonlift.order"
"""Position among the services that start: they stop the other way round."""

WORDS_LIMIT: Final = 500
_ENDED: Final = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
_FAILED: Final = frozenset({"failed", "rejected", "orphaned"})
_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SwarmPort:
    """A port that a service or task offers.

    Attributes:
        published, target: of the host, of the container; 0 when not told.
        protocol: of both.
        mode: `ingress` for every node of the swarm, `host` for the node that it runs on.
    """

    published: int
    target: int
    protocol: str
    mode: str


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """A service.

    Attributes:
        id, version: of it; the engine changes only the version that is named.
        spec: its document; may hold values of secrets, so it is never shown.
        before: the document that it had before its last change; None for none.
        update: how its last update is: `updating`, `completed`, `rollback_completed`...; empty
            for none.
        ports: that are open.
    """

    id: str
    version: int
    spec: Mapping[str, Any] = field(repr=False)
    before: Mapping[str, Any] | None = field(default=None, repr=False)
    update: str = ""
    ports: tuple[SwarmPort, ...] = ()

    @property
    def name(self) -> str:
        """Its name, with the stack's before it."""
        return _text(self.spec, "Name")

    @property
    def labels(self) -> Mapping[str, str]:
        """All of its labels."""
        return labels_of(self.spec)

    @property
    def service(self) -> str:
        """The service of the app that it is."""
        return self.labels.get(SERVICE, "")

    @property
    def stop_seconds(self) -> float:
        """For which its tasks are given to end by themselves."""
        task: Any = self.spec.get("TaskTemplate") or {}
        grace = (task.get("ContainerSpec") or {}).get("StopGracePeriod")
        return grace / _NS if isinstance(grace, int) else DEFAULT_STOP_SECONDS

    @property
    def config(self) -> str:
        """Digest over what it was made from."""
        return self.labels.get(CONFIG, "")

    @property
    def sequence(self) -> int:
        """The release that it was first made for; 0 when that is not told."""
        return _decimal(self.labels.get(SEQUENCE, ""))

    @property
    def order(self) -> int:
        """Its position among those that start."""
        return _decimal(self.labels.get(ORDER, ""))

    @property
    def replicas(self) -> int:
        """How many of it shall run."""
        return replicas_of(self.spec)

    @property
    def force(self) -> int:
        """How often it was started anew without another change."""
        return _number(_part(self.spec, "TaskTemplate"), "ForceUpdate")


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task: one instance of a service, or what is left of one.

    Attributes:
        id, service_id, slot, node: of it.
        state: how far it is: `pending`, `preparing`, `running`, `complete`, `failed`...
        desired: how far it shall be.
        reason: the engine's words.
        since: when it came to its state.
        container: its ID; empty where there is none.
        status: exit status.
        image: what it was made from.
        config, force: of the service when the task was made.
        ports: that it has on its node.
    """

    id: str
    service_id: str
    slot: int = 0
    node: str = ""
    state: str = ""
    desired: str = ""
    reason: str = ""
    since: str = ""
    container: str = ""
    status: int = 0
    image: str = ""
    config: str = ""
    force: int = 0
    ports: tuple[SwarmPort, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.state in _ENDED

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than it should."""
        return self.state in _FAILED

    @property
    def meant(self) -> bool:
        """Whether it shall run, now or when its turn comes."""
        return self.desired in ("running", "ready") and not self.ended


def read_service(document: Mapping[str, Any]) -> ServiceFacts:
    """Return what the engine's answer says."""
    before = document.get("PreviousSpec")
    return ServiceFacts(
        id=_text(document, "ID"),
        version=_number(_part(document, "Version"), "Index"),
        spec=_part(document, "Spec"),
        before=before if isinstance(before, Mapping) else None,
        update=_text(_part(document, "UpdateStatus"), "State"),
        ports=_ports(_part(document, "Endpoint")),
    )


def read_task(document: Mapping[str, Any]) -> TaskFacts:
    """Return what the engine's answer says."""
    status, spec = _part(document, "Status"), _part(document, "Spec")
    container, inside = _part(status, "ContainerStatus"), _part(spec, "ContainerSpec")
    words = _text(status, "Err") or _text(status, "Message")
    return TaskFacts(
        id=_text(document, "ID"),
        service_id=_text(document, "ServiceID"),
        slot=_number(document, "Slot"),
        node=_text(document, "NodeID"),
        state=_text(status, "State"),
        desired=_text(document, "DesiredState"),
        reason=safe_line(words, limit=WORDS_LIMIT),
        since=_text(status, "Timestamp"),
        container=_text(container, "ContainerID"),
        status=_number(container, "ExitCode"),
        image=_text(inside, "Image"),
        config=labels_of(inside).get(CONFIG, ""),
        force=_number(spec, "ForceUpdate"),
        ports=_ports(_part(status, "PortStatus")),
    )


def labels_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return a document's labels."""
    return {str(key): str(value) for key, value in _part(document, "Labels").items()}


def replicas_of(spec: Mapping[str, Any]) -> int:
    """Return how many of a service its document wants."""
    return _number(_part(_part(spec, "Mode"), "Replicated"), "Replicas")


def _ports(document: Mapping[str, Any]) -> tuple[SwarmPort, ...]:
    found = document.get("Ports")
    entries = found[:1000] if isinstance(found, list) else []
    return tuple(
        dict.fromkeys(
            SwarmPort(
                _number(one, "PublishedPort"),
                _number(one, "TargetPort"),
                _text(one, "Protocol") or "tcp",
                _text(one, "PublishMode") or "ingress",
            )
            for one in entries
            if isinstance(one, Mapping)
        )
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


def _decimal(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
