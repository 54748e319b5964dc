"""A release and a host's settings for it, as the containers that shall run; pure.

Owns the order in which the modules beside it build one container's document. Asks no engine.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

from installer.app.filling import Filling, filling
from installer.app.making import Making
from installer.app.missing import refuse_missing
from installer.app.placement import Placement
from installer.app.settings import AppSettings
from installer.app.wanted import Deployment
from manifests.errors import NotInstallableHere, UsageError
from manifests.release import Release
from manifests.runspec import RunSpec

__all__ = ["Placement", "deployment", "narrowed", "refuse_unknown"]

SECRET_NAME: Final = re.compile(r"PASS|SECRET|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)
HIDDEN_CHARACTERS: Final = 4
"""A shorter value is no secret worth the name, and would be found in every line."""


def deployment(release: Release, at: Placement) -> Deployment:
    """Return what shall run.

    Raises:
        NotInstallableHere: `settings-missing`: variables, env files and secrets that this host
            must set, all of them; `app-order`: services that wait for each other; `app-ports`,
            `app-mount`: what no host can do.
        MalformedInput: `run-template`.
        UsageError: `app-runs-nothing`: a release that only brings images.
    """
    spec = release.run
    if spec is None:
        raise UsageError(
            "app-runs-nothing", f"{release.product} {release.version} only brings images"
        )
    filled = filling(spec, at.settings.variables)
    made = Making(release, spec, at, filled)
    try:
        containers = tuple(made.containers())
    except NotInstallableHere:
        refuse_missing(spec, at.settings, filled)  # which may well be why
        raise
    refuse_missing(spec, at.settings, filled)
    return Deployment(
        product=release.product,
        sequence=release.sequence,
        project=spec.project,
        networks=made.networks,
        volumes=made.volumes,
        containers=containers,
        deadline_seconds=spec.deadline_seconds,
        remarks=tuple(_remarks(spec, at, filled)),
        hidden=tuple(_hidden(at.settings)),
    )


def narrowed(wanted: Deployment, services: Collection[str]) -> Deployment:
    """Return the part of a deployment with some services and those that they need.

    Raises:
        UsageError: `service-unknown`.
    """
    refuse_unknown(services, wanted.services)
    needs = {one.service: one.wants for one in wanted.containers}
    chosen: set[str] = set()
    left = list(services)
    while left:
        name = left.pop()
        if name not in chosen:
            chosen.add(name)
            left += needs[name]
    containers = tuple(one for one in wanted.containers if one.service in chosen)
    return replace(wanted, containers=containers, whole=False)


def refuse_unknown(named: Collection[str], known: Collection[str]) -> None:
    """Refuse names that no service has.

    Raises:
        UsageError: `service-unknown`.
    """
    if unknown := [name for name in named if name not in known]:
        raise UsageError(
            "service-unknown",
            f"expected a service of the app, found {', '.join(unknown)}",
            hint=f"it has {', '.join(known)}",
        )


def _remarks(spec: RunSpec, at: Placement, filled: Filling) -> Iterator[str]:
    yield from spec.remarks
    yield from at.settings.remarks
    for name in filled.unset:
        yield f"variable {name} is not set: nothing is put in for it"
    wanting = [one.name for one in spec.services if one.gpus is not None]
    if wanting and not at.gpus:
        yield f"GPUs are left out, as asked, of {', '.join(wanting)}"


def _hidden(settings: AppSettings) -> Iterator[str]:
    """Yield what must not be shown, wherever it turns up."""
    values = [one.text for one in settings.secrets.values()]
    values += [value for name, value in settings.variables.items() if SECRET_NAME.search(name)]
    yield from (value for value in values if len(value) >= HIDDEN_CHARACTERS)
