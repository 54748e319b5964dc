"""What one service of an app runs as: the app's files brought into one form, for every engine.

Owns the vocabulary, which is Compose's and the Docker Engine API's, and its JSON form. Values of
secrets are never here; what a host must set is a variable of `runspec.RunSpec`.

A *template* is a text with variables (`manifests.interpolation`) that the host fills in: from its
settings for the app, else from the variable's default. `$$` stands for `$`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from manifests.documents import Line, Part
from manifests.workload import Count, HealthCheck, Port, Script, Sparse, Upgrade

Template = Script
"""A text with variables, on one line or several."""
Bytes = Annotated[int, Field(ge=0, le=2**50)]
Condition = Literal["started", "healthy", "completed"]
Restart = Literal["no", "always", "on-failure", "unless-stopped"]
Protocol = Literal["tcp", "udp", "sctp"]
SERVICE_MODE: Final = "service:"
"""Before the name of a service whose network, IPC or process name space is shared."""


def is_beneath(path: str) -> bool:
    """Tell whether a path stays in the folder that it starts from, and is written plainly."""
    return all(part not in ("", ".", "..") for part in path.split("/"))


def _beneath(path: str) -> str:
    if not is_beneath(path):
        raise ValueError("expected a relative path without . and ..")
    return path


RelativePath = Annotated[Line, AfterValidator(_beneath)]
"""A path that can't lead out of the folder that it starts from."""


class EnvironmentValue(Part):
    """A variable that the service's processes see; an empty value is one.

    Attributes:
        name: of the variable.
        value: template; None to hand on the host's setting of the same name, if there is one.
    """

    name: Line
    value: Template | None = None


class EnvironmentFile(Sparse):
    """A file of variables; later files and `environment` win.

    Attributes:
        path: in the host's settings for the app, else carried as `files/<path>`.
        required: whether the app can't start without it.
        raw: whether its values are taken as they stand, without variables and quotes.
    """

    path: RelativePath
    required: bool = True
    raw: bool = False


class SecretUse(Sparse):
    """A secret that the service is given; its value lies in the host's settings for the app.

    Attributes:
        name: of the secret.
        target: path of the file in the container that holds the value; empty where there is none.
        variable: that holds the value; empty where there is none.
        mode: of the file.
    """

    name: RelativePath
    target: Line = ""
    variable: Line = ""
    mode: Annotated[int, Field(ge=0, le=0o777)] = 0o444


class Mount(Sparse):
    """Something that the service sees in its file system.

    Attributes:
        target: path within the container.
        kind: `volume`, a named one of the app; `anonymous`, a volume of this container;
            `host`, a path of the host; `carried`, a file or folder that the bundle carries;
            `tmpfs`, memory.
        source: key among the volumes; template of the host's path; path below `files/`.
        read_only: whether the container can't change it.
        size: bytes of a tmpfs; None for the engine's default.
        mode: of a tmpfs; None for the engine's default.
        options: mount options in the engine's words: `nocopy`, `rshared`, `subpath=...`, `z`.
    """

    target: Line
    kind: Literal["volume", "anonymous", "host", "carried", "tmpfs"]
    source: Template = ""
    read_only: bool = False
    size: Bytes | None = None
    mode: Annotated[int, Field(ge=0, le=0o7777)] | None = None
    options: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _carried_beneath(self) -> Mount:
        if self.kind == "carried" and not is_beneath(self.source):
            raise ValueError(f"expected a path below files/, found {self.source!r}")
        return self


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


class GpuNeed(Sparse):
    """GPUs that each instance is given.

    Attributes:
        count: how many; None for all that the host has.
        devices: indices or UUIDs, instead of a count.
        capabilities: beyond `gpu`, such as `compute` and `utility`.
        driver: that Compose names; empty for NVIDIA's.
    """

    count: Count | None = None
    devices: tuple[Line, ...] = ()
    capabilities: tuple[Line, ...] = ()
    driver: Line = ""


class Limits(Sparse):
    """What an instance may use at most; None or 0 for no limit.

    Attributes:
        nano_cpus: processors, in thousand-millionths.
        cpu_shares: weight against other containers where processors are short.
        cpuset: processors that it may run on, such as `0-3`; empty for all.
        memory, memory_reservation, shm_size: bytes.
        memory_swap: bytes of memory and swap; -1 for no limit of swap.
        pids: processes and threads.
    """

    nano_cpus: Annotated[int, Field(ge=0, le=10**15)] = 0
    cpu_shares: Annotated[int, Field(ge=0, le=2**18)] = 0
    cpuset: Line = ""
    memory: Bytes = 0
    memory_reservation: Bytes = 0
    memory_swap: Annotated[int, Field(ge=-1, le=2**50)] = 0
    shm_size: Bytes = 0
    pids: Annotated[int, Field(ge=-1, le=2**22)] = 0


class Ulimit(Sparse):
    """A limit of the kernel's, as `setrlimit` takes it.

    Attributes:
        name: such as `nofile`.
        soft, hard: -1 for none.
    """

    name: Line
    soft: Annotated[int, Field(ge=-1, le=2**62)]
    hard: Annotated[int, Field(ge=-1, le=2**62)]


class Setting(Sparse):
    """A name with a value: a label, a sysctl, an option of a driver."""

    name: Line
    value: Template = ""


class Logging(Sparse):
    """How the engine keeps what the service prints.

    Attributes:
        driver: such as `json-file`; empty for the engine's default.
        options: of the driver.
    """

    driver: Line = ""
    options: tuple[Setting, ...] = ()


class Privileges(Sparse):
    """What the service's processes may do beyond, or less than, the usual.

    Attributes:
        privileged: whether they may do everything.
        read_only: whether the container's own file system can't be changed.
        cap_add, cap_drop: capabilities.
        security_opt: in the engine's words.
        devices: `host:container[:rwm]`.
        device_cgroup_rules: in the engine's words.
        group_add: further groups.
        ipc, pid, userns, uts, cgroupns: name space modes, in the engine's words; `service:<name>`
            for that of a service's container.
        sysctls: of the container's name spaces.
        ulimits: of its processes.
        oom_score_adj: None for the default.
    """

    privileged: bool = False
    read_only: bool = False
    cap_add: tuple[Line, ...] = ()
    cap_drop: tuple[Line, ...] = ()
    security_opt: tuple[Line, ...] = ()
    devices: tuple[Line, ...] = ()
    device_cgroup_rules: tuple[Line, ...] = ()
    group_add: tuple[Line, ...] = ()
    ipc: Line = ""
    pid: Line = ""
    userns: Line = ""
    uts: Line = ""
    cgroupns: Line = ""
    sysctls: tuple[Setting, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    oom_score_adj: Annotated[int, Field(ge=-1000, le=1000)] | None = None


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
