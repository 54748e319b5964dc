"""Secrets of the host as secrets of the swarm; pure.

A swarm's secret can't be changed, so that each value has a name of its own. The name tells one
value from another and nothing else: it is made by a slow function, and short, so that nobody finds
the value out by trying.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from installer.app.secretfiles import secret_target
from installer.app.settings import AppSettings
from installer.swarm.stack import WantedSecret
from manifests.errors import NotInstallableHere
from manifests.runspec import RunSpec
from manifests.service import Service
from manifests.strictjson import JsonValue

MAX_BYTES: Final = 500 * 1024
"""The swarm's own limit."""
NAME_CHARACTERS: Final = 40
"""Of a secret's own name, within the 64 that a swarm takes."""
_MARK_BYTES: Final = 5
_COST: Final = 2**14


def wanted_secrets(spec: RunSpec, settings: AppSettings) -> dict[str, WantedSecret]:
    """Return the secrets that services have as files, by their names in the app.

    Raises:
        NotInstallableHere: `swarm-unable`: one is too large for a swarm.
    """
    used = {use.name for service in spec.services for use in service.secrets if use.target}
    found: dict[str, WantedSecret] = {}
    for name in sorted(used & settings.secrets.keys()):
        value = settings.secrets[name].value
        if not 0 < len(value) <= MAX_BYTES:
            raise NotInstallableHere(
                "swarm-unable",
                f"{settings.secrets[name].path}: a secret of a swarm has 1 to {MAX_BYTES} bytes,"
                f" found {len(value)}",
                hint="install without --swarm, or ask the app's maker to mount the file instead",
            )
        found[name] = WantedSecret(_name(spec.project, name, value), value)
    return found


def references(service: Service, secrets: dict[str, WantedSecret]) -> Iterator[JsonValue]:
    """Yield the service's secrets as its document has them, without IDs."""
    for use in service.secrets:
        if use.target and use.name in secrets:
            yield {
                "SecretName": secrets[use.name].name,
                "File": {
                    "Name": secret_target(use),
                    "UID": str(use.uid or 0),
                    "GID": str(use.gid or 0),
                    "Mode": use.mode,
                },
            }


def _name(project: str, name: str, value: bytes) -> str:
    salt = f"{project}/{name}".encode()
    mark = hashlib.scrypt(value, salt=salt, n=_COST, r=8, p=1, dklen=_MARK_BYTES).hex()
    plain = "".join(one if one.isascii() and one.isalnum() else "-" for one in name)
    return f"{f'{project}_{plain}'[:NAME_CHARACTERS]}_{mark}"
