"""What an orchestrator's document says about running an image, for the run step on the host.

No environment values and no secrets: those stay on the host, only their names are here. Shares
of a processor and capacities are whole numbers, so that equal documents are equal bytes.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)

from manifests.documents import Line, Part

MAX_SCRIPT: Final = 64 * 1024
"""Characters of a command."""
MAX_COUNT: Final = 2**31 - 1


def _script(value: str) -> str:
    if not is_script(value):
        raise ValueError("holds a control character")
    return value


def is_script(text: str) -> bool:
    """Tell whether a text can be a command: printable but for tabs and line feeds."""
    return len(text) <= MAX_SCRIPT and text.replace("\n", "").replace("\t", "").isprintable()


Script = Annotated[str, StringConstraints(max_length=MAX_SCRIPT), AfterValidator(_script)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Protocol = Literal["tcp", "udp"]


class Sparse(Part):
    """A part whose empty fields are left out of JSON, for the sake of who reads it."""

    @model_serializer(mode="wrap")
    def _without_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        return {key: value for key, value in fields.items() if value not in (None, "", (), [])}


class PortMapping(Sparse):
    """A port of the container, and where the host offers it.

    Attributes:
        container: port within the container; 0 for the host's number.
        host: port of the host; 0 for any that is free, None where the host offers none.
        service: port of the scheduler's load balancer; 0 for none.
        protocols: that are offered.
        name: of the port, that health checks and people call it by.
    """

    container: Port = 0
    host: Port | None = None
    service: Port = 0
    protocols: tuple[Protocol, ...] = ("tcp",)
    name: Line = ""


class HealthCheck(Sparse):
    """How to tell whether an instance serves.

    Attributes:
        protocol: `COMMAND` succeeds with exit status 0, `TCP` when a connection opens, `HTTP` and
            `HTTPS` with a status of 200 to 399.
        inside: whether it is asked from within the container's network.
        path: of the URL.
        port: asked by number; None to go by `index` or `name`.
        index: of the port among the workload's.
        name: of the port.
        shell: command line for `/bin/sh -c`.
        command: program and arguments, where there is no `shell`.
        grace_seconds: after the start in which failures don't count.
        delay_seconds: before the first check.
        interval_seconds: between two checks.
        timeout_seconds: for one check.
        failures: in a row that make the instance be restarted; 0 for never.
    """

    protocol: Literal["HTTP", "HTTPS", "TCP", "COMMAND"]
    inside: bool = False
    path: Line = ""
    port: Port | None = None
    index: Count | None = None
    name: Line = ""
    shell: Script = ""
    command: tuple[Script, ...] = ()
    grace_seconds: Count = 300
    delay_seconds: Count = 15
    interval_seconds: Count = 60
    timeout_seconds: Count = 20
    failures: Count = 3


class VolumeMount(Sparse):
    """Something of the host that an instance sees in its file system.

    Attributes:
        target: path within the container.
        kind: `host`, a path of the host; `persistent`, kept from one instance to the next;
            `external`, of a volume driver; `ephemeral`, gone with the instance; `secret`, a file
            with a secret's value.
        source: path, or name of the volume or secret.
        driver: of an external volume.
        read_only: whether the container can't change it.
        size_mib: asked for.
    """

    target: Line
    kind: Literal["host", "persistent", "external", "ephemeral", "secret"]
    source: Line = ""
    driver: Line = ""
    read_only: bool = False
    size_mib: Count | None = None


class Upgrade(Sparse):
    """How instances are replaced by those of a new release.

    Attributes:
        minimum_health_percent: of the instances that must serve meanwhile.
        maximum_over_percent: of instances that may run beyond the usual number.
    """

    minimum_health_percent: Annotated[int, Field(ge=0, le=100)] = 100
    maximum_over_percent: Annotated[int, Field(ge=0, le=100)] = 100


class Network(Sparse):
    """A network that an instance is in.

    Attributes:
        mode: `host`, the host's own; `bridge`, the engine's; `container`, one of that name;
            `none`.
        name: of the network.
    """

    mode: Literal["host", "bridge", "container", "none"]
    name: Line = ""


class EngineOption(Sparse):
    """An option for the engine, as on `docker run --key=value`."""

    key: Line
    value: Script = ""


class Workload(Sparse):
    """One app of a scheduler: a Marathon app or a container of a pod.

    Attributes:
        id: its name there, such as `/viz/web`, or `/viz/pod/container`.
        image: reference as written.
        place: `marathon.json:14`.
        instances: how many run; 0 for a job that is started when it is wanted.
        gpus: for each instance.
        cpu_millis: thousandths of a processor for each instance.
        memory_mib: for each instance.
        shell: command line for `/bin/sh -c`, instead of the image's entry point.
        command: program and arguments, instead of the image's entry point.
        args: arguments for the image's entry point.
        user: that runs it.
        networks: that it is in.
        ports: in the order that health checks count them.
        health_checks: all of which must pass.
        volumes: that it sees.
        environment: names of the variables that it is given.
        secrets: names of the secrets that it is given.
        options: for the engine.
        dependencies: ids of apps, pods or groups that must serve before it starts.
        upgrade: how instances are replaced.
        stop_seconds: from the signal to end to being killed.
    """

    id: Line
    image: Line
    place: Line
    instances: Count = 1
    gpus: Count = 0
    cpu_millis: Count | None = None
    memory_mib: Count | None = None
    shell: Script = ""
    command: tuple[Script, ...] = ()
    args: tuple[Script, ...] = ()
    user: Line = ""
    networks: tuple[Network, ...] = ()
    ports: tuple[PortMapping, ...] = ()
    health_checks: tuple[HealthCheck, ...] = ()
    volumes: tuple[VolumeMount, ...] = ()
    environment: tuple[Line, ...] = ()
    secrets: tuple[Line, ...] = ()
    options: tuple[EngineOption, ...] = ()
    dependencies: tuple[Line, ...] = ()
    upgrade: Upgrade | None = None
    stop_seconds: Count | None = None
