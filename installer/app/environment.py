"""The variables that a service's processes see; pure. The later of two with one name wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from installer.app.filling import Filling
from installer.app.settings import AppSettings
from manifests.service import Service
from manifests.strictjson import JsonValue


@dataclass(frozen=True, slots=True)
class Sources:
    """Where values come from.

    Attributes:
        settings: of this host.
        filling: fills in templates.
    """

    settings: AppSettings
    filling: Filling


def environment(service: Service, sources: Sources, more: Mapping[str, str]) -> list[JsonValue]:
    """Return the container's `Env`: env files, `environment`, secrets, then `more`.

    A variable without a value is handed on if this host sets it.
    """
    settings, values = sources.settings, dict[str, str]()
    for name, value in _given(service, sources):
        if value is not None:
            values[name] = value
        elif name in settings.variables:
            values[name] = settings.variables[name]
    for use in service.secrets:
        if use.variable and use.name in settings.secrets:
            values[use.variable] = settings.secrets[use.name].text
    return [f"{name}={value}" for name, value in {**values, **more}.items()]


def _given(service: Service, sources: Sources) -> Iterator[tuple[str, str | None]]:
    for file in service.environment_files:
        yield from sources.settings.files.get(file.path, ())
    for one in service.environment:
        yield one.name, sources.filling.optional(one.value)
