"""What a host must set for an app and does not: found at once, before anything is done; pure."""

from __future__ import annotations

from collections.abc import Iterator

from installer.app.filling import Filling
from installer.app.settings import ENV, SECRETS, AppSettings
from manifests.errors import NotInstallableHere
from manifests.runspec import RunSpec
from manifests.safetext import safe_line


def refuse_missing(spec: RunSpec, settings: AppSettings, filling: Filling) -> None:
    """Refuse an app whose settings are not all there.

    Raises:
        NotInstallableHere: `settings-missing`, with each of them.
    """
    missing = [
        *_variables(settings, filling),
        *_secrets(spec, settings),
        *_files(spec, settings),
    ]
    if not missing:
        return
    raise NotInstallableHere(
        "settings-missing",
        "this host must set for the app:\n" + "\n".join(f"  {one}" for one in missing),
        hint=f"variables go into {settings.home / ENV}, one NAME=VALUE a line; secrets into a file"
        f" each below {settings.home / SECRETS} (chmod 700)",
        parts=[NotInstallableHere("settings-missing", one) for one in missing],
        folder=str(settings.home),
    )


def _variables(settings: AppSettings, filling: Filling) -> Iterator[str]:
    for name, message in filling.missing.items():
        yield _line(f"variable {name} in {settings.home / ENV}", message)


def _secrets(spec: RunSpec, settings: AppSettings) -> Iterator[str]:
    for one in spec.secrets:
        if one.name not in settings.secrets:
            yield _line(f"secret {settings.home / SECRETS / one.name}", one.hint)


def _files(spec: RunSpec, settings: AppSettings) -> Iterator[str]:
    named = {
        (file.path, service.name): None
        for service in spec.services
        for file in service.environment_files
        if file.required and file not in settings.files
    }
    for path, service in named:
        yield _line(f"env file {settings.home / path}", f"service {service}")


def _line(what: str, why: str) -> str:
    return safe_line(f"{what}: {why}" if why else what, limit=500)
