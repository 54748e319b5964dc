"""Does the engine answer, and what sort of Docker is it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from installer.checks.enginefacts import Contact
from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, noted
from installer.checks.sources import Sources

DENIED: Final = Cause(
    "denied",
    Severity.FAIL,
    "this user may not open the engine's socket",
    "Run as root, or add the user to the group that owns the socket (usually docker), and log in"
    " anew. That group is as mighty as root.",
)
ABSENT: Final = Cause(
    "absent",
    Severity.FAIL,
    "nothing listens at the engine's socket",
    "systemctl start docker; name another socket with --engine docker:unix:///PATH; or do without:"
    " --engine layout:DIR",
)
HUNG: Final = Cause(
    "hung",
    Severity.FAIL,
    "the engine takes the connection and does not answer",
    "journalctl -u docker says what it waits for, often a full disk or a hanging volume; systemctl"
    " restart docker.",
)
FAILED: Final = Cause(
    "failed",
    Severity.FAIL,
    "the engine answers with an error",
    "journalctl -u docker; docker info must work before anything else does.",
)
TOO_OLD: Final = Cause(
    "too-old",
    Severity.FAIL,
    "an API before 1.40 (Docker 19.03): no --gpus, and not what the installer speaks",
    "Install Docker 19.03 or later; 23 or later takes layers as they are in the bundle.",
)
SNAP: Final = Cause(
    "snap",
    Severity.WARN,
    "Docker runs from a snap package",
    "A snap sees only some of the host's folders. Use your distribution's or Docker's own"
    " packages.",
)
SNAP_GPU: Final = Cause(
    "snap-gpu",
    Severity.FAIL,
    "Docker runs from a snap package on a host with a GPU",
    "A snap can't see the host's NVIDIA libraries: remove it (snap remove docker), and install your"
    " distribution's or Docker's own packages.",
)
NO_CGROUPS: Final = Cause(
    "no-cgroups",
    Severity.NOTE,
    "rootless, and control groups are not delegated: limits of memory and CPU do nothing",
    "Delegate them: systemctl edit user@.service, [Service] Delegate=cpu cpuset io memory pids;"
    " then log in anew.",
)
OPEN_API: Final = Cause(
    "open-api",
    Severity.WARN,
    "the engine serves its API over the network without protection",
    "Whoever reaches that port is root here: remove the tcp:// host from daemon.json or from the"
    " unit's command line.",
)
WARNED: Final = Cause(
    "warned",
    Severity.NOTE,
    "the engine warns of something itself",
    "It names a kernel feature or setting: mend it if the app needs it, else leave it.",
)
_TROUBLE: Final[Mapping[Contact, Cause]] = {
    Contact.DENIED: DENIED,
    Contact.ABSENT: ABSENT,
    Contact.HUNG: HUNG,
}
LOWEST_API: Final = (1, 40)
_SNAP_FOLDERS: Final = ("/var/snap/", "/snap/")
_OPEN: Final = ("without encryption", "insecure", "without authentication")


def _answers(sources: Sources) -> Iterator[Finding]:
    engine = sources.engine
    if engine.contact is Contact.NOT_WANTED:
        yield noted("no engine is wanted")
    elif engine.answered:
        yield fine(f"Docker {engine.version} at {engine.url}")
    else:
        where = "" if engine.trouble.startswith(engine.url) else f"{engine.url}: "
        yield _TROUBLE.get(engine.contact, FAILED).found(f"{where}{engine.trouble}")


def _version(sources: Sources) -> Iterator[Finding]:
    engine = sources.engine
    api = ".".join(map(str, engine.api)) or "unknown"
    evidence = f"Docker {engine.version}, API {api}"
    if engine.api and engine.api < LOWEST_API:
        yield TOO_OLD.found(evidence)
    else:
        yield fine(evidence)


def _snap(sources: Sources) -> Iterator[Finding]:
    root = sources.engine.root
    if not root.startswith(_SNAP_FOLDERS):
        yield fine(f"keeps its data in {root}")
    else:
        cause = SNAP_GPU if sources.has_gpu else SNAP
        yield cause.found(f"keeps its data in {root}")


def _rootless(sources: Sources) -> Iterator[Finding]:
    engine = sources.engine
    if not engine.rootless:
        yield fine("runs as root")
    elif engine.cgroup_driver == "none":
        yield NO_CGROUPS.found("rootless, control groups: none")
    else:
        yield noted(f"rootless, control groups by {engine.cgroup_driver}")


def _warnings(sources: Sources) -> Iterator[Finding]:
    for text in sources.engine.warnings:
        is_open = any(word in text.lower() for word in _OPEN)
        yield (OPEN_API if is_open else WARNED).found(text)
    if not sources.engine.warnings:
        yield fine("no warning of its own")


CHECKS: Final = (
    Check(
        "docker.answer",
        Topic.HOST,
        "the engine's socket: `--engine`, DOCKER_HOST, or /var/run/docker.sock",
        (DENIED, ABSENT, HUNG, FAILED),
        _answers,
    ),
    Check("docker.version", Topic.ENGINE, "ApiVersion of the engine", (TOO_OLD,), _version),
    Check("docker.snap", Topic.ENGINE, "DockerRootDir", (SNAP, SNAP_GPU), _snap),
    Check(
        "docker.rootless", Topic.ENGINE, "SecurityOptions, CgroupDriver", (NO_CGROUPS,), _rootless
    ),
    Check("docker.warn", Topic.ENGINE, "Warnings of the engine", (OPEN_API, WARNED), _warnings),
)
