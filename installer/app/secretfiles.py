"""Secrets that an app wants with a mode or an owner of its own: copied into the container; pure.

A mounted file shows the mode and the owner that it has on the host, and a host's settings belong to
whoever installs. So these are written into the container's own file system before it starts, which
is gone with the container. All other secrets are mounted.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from installer.app.settings import AppSettings
from manifests.errors import NotInstallableHere
from manifests.service import Service
from manifests.serviceinputs import SecretUse

SECRETS: Final = "/run/secrets"


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that is written into a container.

    Attributes:
        target: path within it.
        mode, uid, gid: of the file.
        value: what it holds.
    """

    target: str
    mode: int
    uid: int
    gid: int
    value: bytes = field(repr=False)


def secret_target(use: SecretUse) -> str:
    """Return where a container finds a secret."""
    return str(PurePosixPath(SECRETS) / use.target)


def secret_files(service: Service, settings: AppSettings) -> Iterator[SecretFile]:
    """Yield the files that are copied for a service.

    Raises:
        NotInstallableHere: `app-mount`: there is no place for one.
    """
    for use in service.secrets:
        if use.target and not use.plain and use.name in settings.secrets:
            _refuse_covered(service, use)
            value = settings.secrets[use.name].value
            yield SecretFile(secret_target(use), use.mode, use.uid or 0, use.gid or 0, value)


def archive(files: Sequence[SecretFile]) -> bytes:
    """Return the files as a tar from the root on."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for one in files:
            entry = tarfile.TarInfo(one.target.lstrip("/"))
            entry.size, entry.mode = len(one.value), one.mode
            entry.uid, entry.gid = one.uid, one.gid
            tar.addfile(entry, io.BytesIO(one.value))
    return raw.getvalue()


def _refuse_covered(service: Service, use: SecretUse) -> None:
    """Refuse what would be hidden by a mount, would outlive the container, or can't be written."""
    target = PurePosixPath(secret_target(use))
    over = [one.target for one in service.mounts if target.is_relative_to(one.target)]
    may = service.privileges
    if not over and not (may is not None and may.read_only):
        return
    why = f"is within the mount {over[0]}" if over else "is in a file system that is read-only"
    raise NotInstallableHere(
        "app-mount",
        f"service {service.name}: secret {use.name} is to have a mode or an owner of its own, and"
        f" {target} {why}",
        hint="ask the app's maker to leave out mode, uid and gid, or to put it elsewhere; the file"
        " on the host says then who may read it",
        service=service.name,
    )
