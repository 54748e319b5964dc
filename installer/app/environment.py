"""The variables that a service's processes see; pure. The later of two with one name wins."""

from __future__ import annotations

from collections.abc import Mapping
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

    A variable without a value is handed on if this host sets it. Values of env files may use
    those that stand before them.
    """
    settings, values = sources.settings, dict[str, str]()
    for file in service.environment_files:
        for name, template in settings.files.get(file, ()):
            _set(values, name, template, sources, values)
    for one in service.environment:
        _set(values, one.name, one.value, sources, {})
    for use in service.secrets:
        if use.variable and use.name in settings.secrets:
            values[use.variable] = settings.secrets[use.name].text
    return [f"{name}={value}" for name, value in {**values, **more}.items()]


def _set(
    values: dict[str, str],
    name: str,
    template: str | None,
    sources: Sources,
    nearer: Mapping[str, str],
) -> None:
    if template is not None:
        values[name] = sources.filling.text(template, nearer)
    elif name in sources.settings.variables:
        values[name] = sources.settings.variables[name]
