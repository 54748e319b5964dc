"""What this host sets for an app: variables, env files and secrets, in a folder of its own.

    /etc/moonlift/apps/<product>/env             NAME=VALUE lines
    /etc/moonlift/apps/<product>/secrets/<name>  a value each
    /etc/moonlift/apps/<product>/<path>          other env files that services name

Owns the folder's form. The folder must be safe to believe, as `installer.state.hostdir` has it.
Values of secrets stay in `Secret`, which does not show them.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from installer.app.envfile import MAX_BYTES, EnvText, Pairs, parse_compose, parse_literal, unliteral
from installer.logs.redaction import REDACTION, names_secret
from installer.state.hostdir import HostDirectory
from manifests.errors import NotInstallableHere
from manifests.runspec import RunSpec
from manifests.serviceinputs import EnvironmentFile

DEFAULT_DIRECTORY: Final = Path("/etc/moonlift/apps")
ENV: Final = "env"
SECRETS: Final = "secrets"
SECRET_BYTES: Final = 1024 * 1024

_ROOM: Final = "settings"

Carried = Callable[[str], bytes | None]
"""Returns a file that the bundle carries, by its path below `files/`; None if there is none."""


@dataclass(frozen=True, slots=True)
class Secret:
    """The value of a secret.

    Attributes:
        path: of the file that holds it.
        value: its bytes.
    """

    path: Path
    value: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The value as a variable has it: without the line feed that editors end a file with."""
        return self.value.decode(errors="surrogateescape").removesuffix("\n").removesuffix("\r")


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Everything that this host sets for an app.

    Attributes:
        home: the folder.
        variables: of its file `env`.
        files: env files, by how services name them; those that are missing are not in.
        secrets: by name; those that are missing are not in.
        remarks: for people, such as that everyone may read a secret.
    """

    home: Path
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[EnvironmentFile, Pairs] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def read_settings(home: Path, spec: RunSpec, carried: Carried) -> AppSettings:
    """Read a folder, as far as `spec` asks for it; one that is not there sets nothing.

    Args:
        home: the app's own folder.
        spec: what runs.
        carried: finds env files that the bundle brings.

    Raises:
        NotInstallableHere: `settings-unsafe`, `settings-io`, `settings-malformed`.
    """
    raw = HostDirectory(home, _ROOM).read(ENV, limit=MAX_BYTES)
    pairs = parse_literal(EnvText.read(raw or b"", str(home / ENV)))
    secrets = dict(_secrets(home, (one.name for one in spec.secrets)))
    variables = {name: unliteral(value) for name, value in pairs if value is not None}
    REDACTION.learn(one.text for one in secrets.values())
    REDACTION.learn(value for name, value in variables.items() if names_secret(name))
    return AppSettings(
        home=home,
        variables=variables,
        files=dict(_files(home, spec, carried)),
        secrets=secrets,
        remarks=tuple(_remarks(secrets.values())),
    )


def carried_in(folder: Path) -> Carried:
    """Return what finds carried files in a folder where they were placed."""

    def find(path: str) -> bytes | None:
        try:
            with (folder / path).open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NotInstallableHere(
                "settings-io", f"{folder / path}: {error.strerror or error}"
            ) from error

    return find


def _files(home: Path, spec: RunSpec, carried: Carried) -> Iterator[tuple[EnvironmentFile, Pairs]]:
    named = {file: None for service in spec.services for file in service.environment_files}
    for file in named:
        own = home / file.path
        raw, path = HostDirectory(own.parent, _ROOM).read(own.name, limit=MAX_BYTES), str(own)
        if raw is None:
            raw, path = carried(file.path), f"files/{file.path}"
        if raw is not None:
            parse = parse_literal if file.raw else parse_compose
            yield file, parse(EnvText.read(raw, path))


def _secrets(home: Path, names: Iterable[str]) -> Iterator[tuple[str, Secret]]:
    folder = home / SECRETS
    for name in names:
        path = folder / name
        value = HostDirectory(path.parent, _ROOM).read(path.name, limit=SECRET_BYTES)
        if value is not None:
            yield name, Secret(path, value)


def _remarks(secrets: Iterable[Secret]) -> Iterator[str]:
    """Say which secrets any user of this host may read: by the file's mode and its folder's."""
    for secret in secrets:
        folder, file = secret.path.parent.stat().st_mode, secret.path.stat().st_mode
        if folder & stat.S_IXOTH and file & stat.S_IROTH:
            yield f"{secret.path} can be read by every user here: chmod 700 {secret.path.parent}"
