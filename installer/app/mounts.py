"""What a service sees in its file system, in the engine's terms; pure.

Files that a bundle carries are shared by releases under the digest of what they are, so no
container may change them: they are always read-only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from installer.app.environment import Sources
from installer.app.secretfiles import secret_target
from manifests.errors import NotInstallableHere
from manifests.service import Service
from manifests.serviceinputs import Mount
from manifests.strictjson import JsonValue

_PROPAGATION: Final = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
_LABELS: Final = frozenset({"z", "Z"})


@dataclass(slots=True)
class Mounted:
    """A service's mounts.

    Attributes:
        mounts: HostConfig.Mounts.
        binds: HostConfig.Binds, for what only these can say.
        tmpfs: HostConfig.Tmpfs.
        anonymous: targets of volumes that have no name.
    """

    mounts: list[JsonValue] = field(default_factory=list)
    binds: list[JsonValue] = field(default_factory=list)
    tmpfs: dict[str, JsonValue] = field(default_factory=dict)
    anonymous: list[str] = field(default_factory=list)

    def host_settings(self) -> dict[str, JsonValue]:
        """Return the part of HostConfig."""
        parts: dict[str, JsonValue] = {
            "Mounts": self.mounts,
            "Binds": self.binds,
            "Tmpfs": self.tmpfs,
        }
        return {name: value for name, value in parts.items() if value}


def mounted(service: Service, sources: Sources, volumes: Mapping[str, str], files: Path) -> Mounted:
    """Return what a service sees.

    Args:
        service: whose mounts.
        sources: where host paths and secrets come from.
        volumes: names in the engine of the app's volumes, by their keys.
        files: folder with what the bundle carries.

    Raises:
        NotInstallableHere: `app-mount`: a path that no host has.
    """
    made = Mounted()
    for mount in service.mounts:
        _add(made, mount, _source(service, mount, sources, volumes, files))
    for use in service.secrets:
        if use.target and use.plain and use.name in sources.settings.secrets:
            path = str(sources.settings.secrets[use.name].path)
            made.mounts.append(_mount("bind", path, secret_target(use), read_only=True))
    return made


def _source(
    service: Service, mount: Mount, sources: Sources, volumes: Mapping[str, str], files: Path
) -> str:
    if mount.kind == "volume":
        return volumes[mount.source]
    if mount.kind == "host":
        return _host_path(service, sources.filling.text(mount.source))
    return str(files / mount.source) if mount.kind == "carried" else ""


def _add(made: Mounted, mount: Mount, source: str) -> None:
    """Add one mount; options that only `Binds` knows need its form, which has no room for `:`."""
    read_only = mount.read_only or mount.kind == "carried"
    if mount.kind == "tmpfs":
        made.tmpfs[mount.target] = _tmpfs_options(mount)
        return
    if mount.kind == "anonymous":
        made.anonymous.append(mount.target)
    kind = "volume" if mount.kind in ("volume", "anonymous") else "bind"
    known = _options(kind, mount.options)
    if known is None:
        words = ",".join(("ro" if read_only else "rw", *mount.options))
        made.binds.append(f"{source}:{mount.target}:{words}")
        return
    made.mounts.append({**_mount(kind, source, mount.target, read_only=read_only), **known})


def _mount(kind: str, source: str, target: str, *, read_only: bool) -> dict[str, JsonValue]:
    named: dict[str, JsonValue] = {"Source": source} if source else {}
    return {"Type": kind, **named, "Target": target, "ReadOnly": read_only}


def _options(kind: str, options: Iterable[str]) -> dict[str, JsonValue] | None:
    """Return options as `Mounts` has them, None when it does not know one."""
    found: dict[str, JsonValue] = {}
    for option in options:
        name, _, value = option.partition("=")
        if kind == "bind" and name in _PROPAGATION:
            found["Propagation"] = name
        elif kind == "volume" and name == "nocopy":
            found["NoCopy"] = True
        elif kind == "volume" and name == "subpath" and value:
            found["Subpath"] = value
        elif name not in ("rw", "ro"):
            return None
    return {"BindOptions" if kind == "bind" else "VolumeOptions": found} if found else {}


def _tmpfs_options(mount: Mount) -> str:
    words = ["ro"] if mount.read_only else []
    if mount.size is not None:
        words.append(f"size={mount.size}")
    if mount.mode is not None:
        words.append(f"mode={mount.mode:o}")
    return ",".join((*words, *mount.options))


def _host_path(service: Service, path: str) -> str:
    if not path.startswith("/") or "\0" in path or ".." in PurePosixPath(path).parts:
        raise _refused(service, f"expected an absolute path of this host, found {path!r}")
    return path


def _refused(service: Service, what: str) -> NotInstallableHere:
    return NotInstallableHere(
        "app-mount",
        f"service {service.name}: {what}",
        hint="set the variable that the path is made of in the host's settings for the app",
        service=service.name,
    )
