"""Secrets and configs: values stay on the host, but for configs that are files of the bundle.

Source: Compose specification, "secrets" and "configs", in services and at the top.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bundler.discover.compose.notes import Refused
from bundler.discover.compose.service import Service
from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected
from bundler.discover.folder import join
from bundler.run.networks import tell_undefined
from bundler.run.scalars import items, whole
from bundler.run.scene import Scene, check_keys, entry
from manifests.runspec import SecretSpec
from manifests.serviceinputs import PLAIN_MODE, Mount, SecretUse

_USE_KEYS: Final = MappingProxyType(dict.fromkeys(("source", "target", "uid", "gid", "mode")))
_TOP_KEYS: Final = MappingProxyType(
    dict.fromkeys(
        (
            "content",
            "driver",
            "driver_opts",
            "environment",
            "external",
            "file",
            "labels",
            "name",
            "template_driver",
        )
    )
)
_SECRETS: Final = "/run/secrets/"
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Store:
    """The secrets and configs of the app.

    Attributes:
        secrets, configs: by name, as defined at the top.
        kept: those that services use and the host keeps.
    """

    secrets: Mapping[str, Value]
    configs: Mapping[str, Value]
    kept: dict[str, SecretSpec]


@dataclass(frozen=True, slots=True)
class _Use:
    """One use of a secret or config."""

    name: str
    value: Value
    target: str
    mode: int = PLAIN_MODE
    uid: int | None = None
    gid: int | None = None

    @property
    def plain(self) -> bool:
        """Whether nothing is said of its mode or owner."""
        return (self.mode, self.uid, self.gid) == (PLAIN_MODE, None, None)


def secret_fields(scene: Scene, service: Service, store: Store) -> dict[str, object]:
    """Return the secrets of a service; those of its configs that the host keeps among them.

    Raises:
        Unexpected, Refused: one can't be read.
    """
    found: dict[str, SecretUse] = {}
    uses = [(use, store.secrets) for use in _uses(scene, service, "secrets", _SECRETS)]
    uses += [
        (use, store.configs)
        for use in _uses(scene, service, "configs", "/")
        if not _is_file(store.configs.get(use.name))
    ]
    for use, defined in uses:
        if use.name not in defined:
            section = "secrets" if defined is store.secrets else "configs"
            tell_undefined(scene, use.value, f"{service.by}: {use.name}", section)
            continue
        store.kept[use.name] = _kept(scene, use.name, defined[use.name])
        found[use.target] = SecretUse(
            name=use.name, target=use.target, mode=use.mode, uid=use.uid, gid=use.gid
        )
    return {"secrets": tuple(found.values())}


def config_mounts(scene: Scene, service: Service, store: Store) -> tuple[Mount, ...]:
    """Return the configs of a service that the bundle carries, as mounts.

    Raises:
        Unexpected, Refused: one can't be read.
    """
    found: dict[str, Mount] = {}
    for use in _uses(scene, service, "configs", "/"):
        file = entry(store.configs[use.name], "file") if use.name in store.configs else None
        if file is None:
            continue
        if not use.plain:
            scene.remark(use.value, f"{service.by}: mode and owner of {use.name} are left out")
        path = join(file.origin.base, scene.fixed(file, "a path"))
        carried = scene.carried.path(path)
        if carried is None:
            scene.problem(
                file,
                "run-file-not-carried",
                f"config {use.name}: expected {path} among the files that the bundle carries,"
                " found it not",
                f"add to `files:` in app.yaml: - {path}",
            )
            raise Refused(path)
        found[use.target] = Mount(target=use.target, kind="carried", source=carried, read_only=True)
    return tuple(found.values())


def _uses(scene: Scene, service: Service, key: str, folder: str) -> Iterator[_Use]:
    for value in items(service.value.at(key)):
        if not isinstance(value.content, Mapping):
            name = scene.fixed(value, "a name")
            yield _Use(name, value, f"{folder}{name}")
            continue
        check_keys(scene, value, f"{key} of {service.by}", _USE_KEYS)
        source, target = entry(value, "source"), entry(value, "target")
        mode = entry(value, "mode")
        if source is None:
            raise Unexpected(value, "`source:` with a name")
        name = scene.fixed(source, "a name")
        path = scene.fixed(target, "a path") if target is not None else name
        where = path if path.startswith("/") else f"{folder}{path}"
        owner = {key: _owner(entry(value, key)) for key in ("uid", "gid")}
        chosen = _mode(mode) if mode is not None else PLAIN_MODE
        yield _Use(name, value, where, chosen, owner["uid"], owner["gid"])


def _owner(value: Value | None) -> int | None:
    """Return the number of a user or group; None for root, as which files are anyway."""
    if value is None or not value.text:
        return None
    return whole(value, "the number of a user or group", 0, 2**32 - 2) or None


def _mode(value: Value) -> int:
    """Return a file mode; text is octal."""
    if isinstance(value.content, str) and re.fullmatch("0?[0-7]{1,3}", value.content, re.ASCII):
        return int(value.content, 8)
    return whole(value, "a mode such as 0o440", 0, 0o777)


def _is_file(value: Value | None) -> bool:
    return value is not None and entry(value, "file") is not None


def _kept(scene: Scene, name: str, value: Value) -> SecretSpec:
    check_keys(scene, value, f"secret or config {name}", _TOP_KEYS)
    if _NAME.fullmatch(name) is None:
        raise Unexpected(value, "a name of 1 to 128 of A-Z a-z 0-9 . _ -, as a file on the host")
    file, variable = entry(value, "file"), entry(value, "environment")
    content = entry(value, "content")
    if content is not None:
        scene.remark(content, f"the content of {name} is not carried: the host keeps it")
    if file is not None:
        hint = f"{value.key.file}: file {file.text}"
    elif variable is not None:
        hint = f"{value.key.file}: variable {variable.text}"
    else:
        hint = f"{value.key.file}: {'content' if content is not None else 'external'}"
    return SecretSpec(name=name, hint=hint[:1024])
