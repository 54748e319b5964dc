"""What a service may take of its host, and what it may do there: limits, GPUs, privileges.

Owns their vocabulary and JSON form; part of `manifests.service`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from manifests.documents import Line
from manifests.serviceinputs import Bytes, Setting
from manifests.workload import Count, Sparse


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
