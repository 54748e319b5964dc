"""What this host sets for an app: variables, env files and secrets, in a folder of its own.

    /etc/moonlift/apps/<product>/env             KEY=VALUE lines
    /etc/moonlift/apps/<product>/secrets/<name>  a value each
    /etc/moonlift/apps/<product>/<path>          other env files that services name

Owns the folder's form. The folder must be safe to believe, as `installer.hostdir` has it. Values
of secrets stay in `Secret`, which does not show them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from manifests.runspec import RunSpec

DEFAULT_DIRECTORY: Final = Path("/etc/moonlift/apps")

Carried = Callable[[str], bytes | None]
"""Returns a file that the bundle carries, by its path below `files/`; None if there is none."""
Pairs = tuple[tuple[str, str | None], ...]
"""Lines of an env file, in order; a name without `=` has None."""


@dataclass(frozen=True, slots=True)
class Secret:
    """The value of a secret.

    Attributes:
        path: of the file that holds it.
        value: its text.
    """

    path: Path
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Everything that this host sets for an app.

    Attributes:
        home: the folder.
        variables: of its file `env`.
        files: env files by the path that services name them by; those that are missing are not in.
        secrets: by name; those that are missing are not in.
        remarks: for people, such as that everyone may read a secret.
    """

    home: Path
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, Pairs] = field(default_factory=dict, repr=False)
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
    raise NotImplementedError


def carried_in(folder: Path) -> Carried:
    """Return what finds carried files in a folder where they were placed."""
    raise NotImplementedError
