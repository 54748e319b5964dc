"""What a service is given from outside: variables, files of them, secrets, mounts.

Owns their vocabulary and JSON form; part of `manifests.service`. Values of secrets are never here.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from manifests.documents import Line, Part
from manifests.workload import Script, Sparse

Template = Script
"""A text with variables (`manifests.interpolation`), on one line or several."""
Bytes = Annotated[int, Field(ge=0, le=2**50)]


class Setting(Sparse):
    """A name with a value: a label, a sysctl, an option of a driver."""

    name: Line
    value: Template = ""


def is_beneath(path: str) -> bool:
    """Tell whether a path stays in the folder that it starts from, and is written plainly."""
    return all(part not in ("", ".", "..") for part in path.split("/"))


def _beneath(path: str) -> str:
    if not is_beneath(path):
        raise ValueError("expected a relative path without . and ..")
    return path


RelativePath = Annotated[Line, AfterValidator(_beneath)]
"""A path that can't lead out of the folder that it starts from."""


class EnvironmentValue(Part):
    """A variable that the service's processes see; an empty value is one.

    Attributes:
        name: of the variable.
        value: template; None to hand on the host's setting of the same name, if there is one.
    """

    name: Line
    value: Template | None = None


class EnvironmentFile(Sparse):
    """A file of variables; later files and `environment` win.

    Attributes:
        path: in the host's settings for the app, else carried as `files/<path>`.
        required: whether the app can't start without it.
        raw: whether its values are taken as they stand, without variables and quotes.
    """

    path: RelativePath
    required: bool = True
    raw: bool = False


PLAIN_MODE: Final = 0o444
Owner = Annotated[int, Field(ge=0, lt=2**32 - 1)]


class SecretUse(Sparse):
    """A secret that the service is given; its value lies in the host's settings for the app.

    Attributes:
        name: of the secret.
        target: path of the file in the container that holds the value; empty where there is none.
        variable: that holds the value; empty where there is none.
        mode: of the file.
        uid, gid: owner of the file within the container; None for root.
    """

    name: RelativePath
    target: Line = ""
    variable: Line = ""
    mode: Annotated[int, Field(ge=0, le=0o777)] = PLAIN_MODE
    uid: Owner | None = None
    gid: Owner | None = None

    @property
    def plain(self) -> bool:
        """Whether the file is as the host has it: nothing is said of its mode or owner."""
        return self.mode == PLAIN_MODE and self.uid is None and self.gid is None


class Mount(Sparse):
    """Something that the service sees in its file system.

    Attributes:
        target: path within the container.
        kind: `volume`, a named one of the app; `anonymous`, a volume of this container;
            `host`, a path of the host; `carried`, a file or folder that the bundle carries;
            `tmpfs`, memory.
        source: key among the volumes; template of the host's path; path below `files/`.
        read_only: whether the container can't change it.
        size: bytes of a tmpfs; None for the engine's default.
        mode: of a tmpfs; None for the engine's default.
        options: mount options in the engine's words: `nocopy`, `rshared`, `subpath=...`, `z`.
    """

    target: Line
    kind: Literal["volume", "anonymous", "host", "carried", "tmpfs"]
    source: Template = ""
    read_only: bool = False
    size: Bytes | None = None
    mode: Annotated[int, Field(ge=0, le=0o7777)] | None = None
    options: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _carried_beneath(self) -> Mount:
        if self.kind == "carried" and not is_beneath(self.source):
            raise ValueError(f"expected a path below files/, found {self.source!r}")
        return self
