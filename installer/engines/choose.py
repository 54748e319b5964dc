"""Which engine the command line means: `auto`, `docker`, `docker:SOCKET` or `layout:DIR`.

Knows every engine; imports one only when it is chosen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from installer.engines.base import Engine
from manifests.errors import EngineFailed, NotInstallableHere, UsageError

AUTO: Final = "auto"


def open_engine(given: str) -> Engine:
    """Return the engine that `given` names.

    Raises:
        UsageError: `engine-unknown`, `engine-not-local`.
        NotInstallableHere: `engine-none`: `auto`, and no engine answers.
        EngineFailed: the engine named does not answer.
    """
    kind, _, where = given.partition(":")
    if kind == "layout" and where:
        from installer.engines.layout import LayoutEngine  # noqa: PLC0415 - only when chosen

        return LayoutEngine(Path(where))
    if kind == "docker":
        return _docker(where)
    if given == AUTO:
        return _first_that_answers()
    raise UsageError(
        "engine-unknown",
        f"expected auto, docker, docker:SOCKET or layout:DIR, found {given}",
    )


def _first_that_answers() -> Engine:
    try:
        return _docker("")
    except EngineFailed as error:
        raise NotInstallableHere(
            "engine-none",
            f"no container engine answers here: {error}",
            hint="start one, or name it: --engine docker:unix:///PATH; "
            "--engine layout:DIR needs none",
        ) from error


def _docker(where: str) -> Engine:
    from installer.engines.containerd import ContainerdStoreEngine  # noqa: PLC0415 - as above
    from installer.engines.docker import uses_containerd  # noqa: PLC0415
    from installer.engines.dockerapi import DockerApi, socket_url  # noqa: PLC0415
    from installer.engines.graphdriver import GraphDriverEngine  # noqa: PLC0415

    api = DockerApi(socket_url(where))
    facts = api.info()
    if uses_containerd(facts):
        return ContainerdStoreEngine(api, facts)
    return GraphDriverEngine(api, facts)
