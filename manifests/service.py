"""What one service of an app runs as: the app's files brought into one form, for every engine.

Owns the vocabulary, which is Compose's and the Docker Engine API's, and its JSON form. Values of
secrets are never here; what a host must set is a variable of `runspec.RunSpec`.

A *template* is a text with variables (`manifests.interpolation`) that the host fills in: from its
settings for the app, else from the variable's default. `$$` stands for `$`.
"""

from __future__ import annotations

from typing import Final, Literal

from manifests.confinement import GpuNeed, Limits, Logging, Privileges
from manifests.documents import Line
from manifests.serviceinputs import (
    EnvironmentFile,
    EnvironmentValue,
    Mount,
    SecretUse,
    Setting,
    Template,
)
from manifests.workload import Count, HealthCheck, Port, Sparse, Upgrade

Condition = Literal["started", "healthy", "completed"]
Restart = Literal["no", "always", "on-failure", "unless-stopped"]
Protocol = Literal["tcp", "udp", "sctp"]
SERVICE_MODE: Final = "service:"
"""Before the name of a service whose network, IPC or process name space is shared."""


class PublishedPort(Sparse):
    """A port of the container that the host offers.

    Attributes:
        container: port within the container.
        protocol: that is offered.
        host: template of the host's port; empty for any that is free. A range, `8000-8010`, gives
            each instance one.
        address: template of the host's address; empty for all.
    """

    container: Port
    protocol: Protocol = "tcp"
    host: Template = ""
    address: Template = ""


class Attachment(Sparse):
    """A network that the service is in.

    Attributes:
        network: key among the networks.
        aliases: names that it has there besides its own.
        ipv4, ipv6: fixed addresses.
    """

    network: Line
    aliases: tuple[Line, ...] = ()
    ipv4: Line = ""
    ipv6: Line = ""


class Dependency(Sparse):
    """A service that must be there first.

    Attributes:
        service: name of it.
        condition: how far it must be.
        required: whether its absence or failure keeps this one from starting.
        restart: whether this one is restarted when that one is replaced.
    """

    service: Line
    condition: Condition = "started"
    required: bool = True
    restart: bool = False


class Probe(Sparse):
    """The health check that the engine runs within the container.

    Attributes:
        shell: command line for `/bin/sh -c`.
        command: program and arguments, where there is no `shell`.
        disabled: whether the image's own check is turned off.
        interval_ms, timeout_ms, start_period_ms, start_interval_ms: None for the image's or the
            engine's default.
        retries: failures in a row that make it unhealthy; None for the default.
    """

    shell: Template = ""
    command: tuple[Template, ...] = ()
    disabled: bool = False
    interval_ms: Count | None = None
    timeout_ms: Count | None = None
    start_period_ms: Count | None = None
    start_interval_ms: Count | None = None
    retries: Count | None = None


class Naming(Sparse):
    """How the service finds others and is found, beyond its networks.

    Attributes:
        hostname, domainname, mac_address: of the container; empty for the engine's choice.
        extra_hosts: `name:address`.
        dns, dns_search, dns_opt: for the container's resolver.
    """

    hostname: Line = ""
    domainname: Line = ""
    mac_address: Line = ""
    extra_hosts: tuple[Line, ...] = ()
    dns: tuple[Line, ...] = ()
    dns_search: tuple[Line, ...] = ()
    dns_opt: tuple[Line, ...] = ()


class Service(Sparse):
    """One service: some equal containers.

    Attributes:
        name: unique in the app, a DNS label or nearly so; its containers and its alias are named
            after it.
        image: `name` of an image of the release.
        place: `compose.yaml:14`, for people.
        instances: how many run.
        container_name: fixed name, for a single instance; empty for `<project>-<name>-<number>`.
        entrypoint: templates; None for the image's; a single empty text clears the image's.
        command: templates; None for the image's.
        working_dir, user: empty for the image's.
        environment_files, environment: variables; the later wins.
        secrets: that it is given.
        mounts: that it sees.
        ports: that the host offers.
        networks: that it is in; empty for the app's `default`, unless there is a `network_mode`.
        network_mode: `none`, `host`, `bridge` or `service:<name>`; empty for `networks`.
        naming: names and resolvers.
        dependencies: services that must be there first.
        probe: the engine's health check; None for the image's own.
        health_checks: asked by the installer from outside, all of which must pass (Marathon);
            `port` is that of the container, without `index` and `name`.
        gpus: None for no GPU.
        limits, privileges, logging: None for the engine's defaults.
        labels: besides ours; templates.
        annotations: for the runtime.
        restart: policy.
        restart_retries: for `on-failure`; 0 for no limit.
        init: whether the engine's init is the first process.
        tty, stdin_open: for its terminal.
        runtime: OCI runtime by name; empty for the engine's default.
        stop_signal: empty for the image's.
        stop_seconds: from it to being killed; None for the engine's default.
        upgrade: how instances are replaced; None to stop the old ones first.
    """

    name: Line
    image: Line
    place: Line = ""
    instances: Count = 1
    container_name: Line = ""
    entrypoint: tuple[Template, ...] | None = None
    command: tuple[Template, ...] | None = None
    working_dir: Template = ""
    user: Template = ""
    environment_files: tuple[EnvironmentFile, ...] = ()
    environment: tuple[EnvironmentValue, ...] = ()
    secrets: tuple[SecretUse, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    networks: tuple[Attachment, ...] = ()
    network_mode: Line = ""
    naming: Naming | None = None
    dependencies: tuple[Dependency, ...] = ()
    probe: Probe | None = None
    health_checks: tuple[HealthCheck, ...] = ()
    gpus: GpuNeed | None = None
    limits: Limits | None = None
    privileges: Privileges | None = None
    logging: Logging | None = None
    labels: tuple[Setting, ...] = ()
    annotations: tuple[Setting, ...] = ()
    restart: Restart = "no"
    restart_retries: Count = 0
    init: bool | None = None
    tty: bool = False
    stdin_open: bool = False
    runtime: Line = ""
    stop_signal: Line = ""
    stop_seconds: Count | None = None
    upgrade: Upgrade | None = None
