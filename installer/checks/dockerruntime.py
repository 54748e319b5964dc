"""Can the engine's containers reach a GPU, and keep it: runtime and control groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, noted
from installer.checks.gpunodes import has_char_links
from installer.checks.sources import Sources

NO_RUNTIME: Final = Cause(
    "no-runtime",
    Severity.WARN,
    "the engine knows no runtime nvidia: `runtime: nvidia` fails; --gpus needs only the toolkit",
    "nvidia-ctk runtime configure --runtime=docker; systemctl restart docker. The engine knows a"
    " runtime only after a restart.",
)
LOSES_GPU: Final = Cause(
    "loses-gpu",
    Severity.WARN,
    "control groups v2 by systemd, and no /dev/char links: containers lose the GPU at"
    " systemctl daemon-reload",
    'Make the links (see gpu.dev_char), or set "exec-opts": ["native.cgroupdriver=cgroupfs"] in'
    " /etc/docker/daemon.json and restart Docker.",
)


def _runtime(sources: Sources) -> Iterator[Finding]:
    engine = sources.engine
    known = f"runtimes: {', '.join(engine.runtimes)}; default {engine.default_runtime}"
    if "nvidia" in engine.runtimes:
        yield fine(known)
    else:
        yield NO_RUNTIME.found(known)


def _cgroup(sources: Sources) -> Iterator[Finding]:
    engine = sources.engine
    evidence = f"control groups v{engine.cgroup_version or '?'} by {engine.cgroup_driver or '?'}"
    if (engine.cgroup_driver, engine.cgroup_version) != ("systemd", "2"):
        yield noted(evidence)
    elif sources.has_gpu and not has_char_links(sources):
        yield LOSES_GPU.found(f"{evidence}, no 195:* in /dev/char")
    else:
        yield fine(evidence)


CHECKS: Final = (
    Check(
        "docker.runtime",
        Topic.GPU_CONTAINER,
        "Runtimes, DefaultRuntime of the engine",
        (NO_RUNTIME,),
        _runtime,
    ),
    Check(
        "docker.cgroup",
        Topic.ENGINE,
        "CgroupVersion, CgroupDriver; /dev/char",
        (LOSES_GPU,),
        _cgroup,
    ),
)
