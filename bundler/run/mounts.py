"""What a service sees in its file system: `volumes`, `tmpfs`, and those of other services.

Owns which of the host's paths are carried by the bundle. Source: Compose specification, "volumes",
"tmpfs", "volumes_from".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from bundler.discover.compose.notes import Refused
from bundler.discover.compose.service import Service
from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected, tell_unexpected
from bundler.discover.folder import join
from bundler.run.scalars import items, size, truth, whole
from bundler.run.scene import Scene, check_keys, entry
from manifests.interpolation import escaped
from manifests.serviceinputs import Mount

_LONG_KEYS: Final = MappingProxyType(
    dict.fromkeys(
        ("type", "source", "target", "read_only", "consistency", "bind", "volume", "tmpfs", "image")
    )
)
_SPREADING: Final = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_ELSEWHERE: Final = frozenset({"npipe", "cluster", "image"})
_CARRY: Final = "add to `files:` in app.yaml:"


@dataclass(frozen=True, slots=True)
class Named:
    """The named volumes of the app, and what is told of one that is not there."""

    volumes: Mapping[str, Value]
    tell: Callable[[Value, str], None]


def mount_fields(scene: Scene, service: Service, named: Named) -> dict[str, object]:
    """Return the mounts of a service.

    Raises:
        Unexpected, Refused: one can't be read.
    """
    volumes = entry(service.value, "volumes")
    found: dict[str, Mount] = {}
    for _, value in volumes.entries if volumes is not None else ():
        try:
            mount = _mount(scene, value, service, named)
        except Unexpected as error:
            tell_unexpected(error, scene.notes)
        except Refused:
            continue
        else:
            found.update({mount.target: mount} if mount is not None else {})
    for value in items(service.value.at("tmpfs")):
        mount = _tmpfs(scene, value)
        found[mount.target] = mount
    return {"mounts": tuple(found.values())}


def _mount(scene: Scene, value: Value, service: Service, named: Named) -> Mount | None:
    if isinstance(value.content, Mapping):
        return _long(scene, value, service, named)
    if _WINDOWS.match(value.text):
        raise _no_path(scene, value, service, "a path of Windows")
    parts = scene.parts(value, ":")
    if len(parts) == 1:
        return Mount(target=scene.fixed(value, "a path in the container"), kind="anonymous")
    if len(parts) > 3:
        raise Unexpected(value, "[SOURCE:]TARGET[:OPTIONS]")
    source, target = parts[:2]
    words = scene.fixed(parts[2], "options").split(",") if len(parts) == 3 else []
    path = scene.fixed(target, "a path in the container")
    if not path:
        raise Unexpected(value, "[SOURCE:]TARGET[:OPTIONS]")
    kind, text = _source(scene, source, service, named)
    kept = tuple(word for word in words if word in {"nocopy", "z", "Z", *_SPREADING})
    return Mount.model_validate(
        {
            "target": path,
            "kind": kind,
            "source": text,
            "read_only": "ro" in words,
            "options": kept,
        }
    )


def _source(
    scene: Scene, source: Value, service: Service, named: Named
) -> tuple[str, str]:  # kind and source of a mount
    """Return what a source is: one that begins like a path is a path, else a volume's name."""
    if source.text.startswith((".", "/", "~")) or not source.text:
        return _path(scene, source, service)
    name = scene.fixed(source, "a volume's name")
    if name not in named.volumes:
        named.tell(source, name)
    return "volume", name


def _path(scene: Scene, source: Value, service: Service) -> tuple[str, str]:
    text = source.text
    if text.startswith("~") or _WINDOWS.match(text):
        raise _no_path(scene, source, service, text)
    if text.startswith("/") or (not text and "$" in source.written):
        return "host", scene.template(source, "a path")
    if not text:
        raise Unexpected(source, "a path")
    found = join(source.origin.base, scene.fixed(source, "a path"))
    carried = scene.carried.path(found)
    if carried is None:
        scene.problem(source, "run-file-not-carried", *_not_carried(found, service.by))
        raise Refused(found)
    return "carried", carried


def _not_carried(path: str, by: str) -> tuple[str, str]:
    message = f"{by}: expected {path} among the files that the bundle carries, found it not"
    if path == "." or path.startswith(".."):
        return message, "move it into a folder beneath that of app.yaml, and list that in `files:`"
    keep = "; data that must outlive releases belongs into a named volume"
    return message, f"{_CARRY} - {path}{keep}"


def _no_path(scene: Scene, value: Value, service: Service, found: str) -> Refused:
    return scene.notes.refuse(
        value.place,
        "run-path",
        f"{service.by}: expected an absolute path, or one beneath the app's folder, found {found}",
        "write where it lies on the host, such as /srv/data, or ${DATA:?}",
    )


def _long(scene: Scene, value: Value, service: Service, named: Named) -> Mount | None:
    check_keys(scene, value, f"a volume of {service.by}", _LONG_KEYS)
    kind, target = entry(value, "type"), entry(value, "target")
    if target is None:
        raise Unexpected(value, "`target:` with a path in the container")
    locked = entry(value, "read_only")
    fields: dict[str, object] = {
        "target": scene.fixed(target, "a path in the container"),
        "read_only": locked is not None and truth(locked),
        "options": tuple(_options(scene, value)),
    }
    form = kind.text if kind is not None else ""
    if form in _ELSEWHERE:
        scene.remark(value, f"{service.by}: a volume of type {form} is left out")
        return None
    source = entry(value, "source")
    if form == "tmpfs":
        fields |= {"kind": "tmpfs", **_memory(value)}
    elif form == "volume" and source is None:
        fields |= {"kind": "anonymous"}
    elif form in ("volume", "bind") and source is not None:
        fields |= _named_source(scene, source, service, named if form == "volume" else None)
    else:
        raise Unexpected(kind or value, "`type:` volume, bind or tmpfs, with its source")
    return Mount.model_validate(fields)


def _named_source(
    scene: Scene, source: Value, service: Service, named: Named | None
) -> dict[str, object]:
    """Return the kind and source of a mount in the long form, in which a type is written."""
    if named is None:
        is_path = source.text.startswith((".", "/", "~")) or not source.text
        kind, text = _path(scene, source if is_path else _below(source), service)
        return {"kind": kind, "source": text}
    name = scene.fixed(source, "a volume's name")
    if name not in named.volumes:
        named.tell(source, name)
    return {"kind": "volume", "source": name}


def _below(source: Value) -> Value:
    """Return a bind's source, which is a path however it begins, so that it begins like one."""
    return replace(source, content=f"./{source.text}", written=f"./{source.written}")


def _options(scene: Scene, value: Value) -> Iterator[str]:
    """Yield mount options; those that name a folder of the host to be made need none."""
    spreading, selinux = entry(value, "bind", "propagation"), entry(value, "bind", "selinux")
    nocopy, subpath = entry(value, "volume", "nocopy"), entry(value, "volume", "subpath")
    if spreading is not None:
        if spreading.text not in _SPREADING:
            raise Unexpected(spreading, f"one of {', '.join(sorted(_SPREADING))}")
        yield spreading.text
    if selinux is not None:
        if selinux.text not in ("z", "Z"):
            raise Unexpected(selinux, "z or Z")
        yield selinux.text
    if nocopy is not None and truth(nocopy):
        yield "nocopy"
    if subpath is not None:
        yield f"subpath={scene.fixed(subpath, 'a path')}"


def _memory(value: Value) -> dict[str, int]:
    found: dict[str, int] = {}
    limit, mode = entry(value, "tmpfs", "size"), entry(value, "tmpfs", "mode")
    if limit is not None:
        found["size"] = size(limit)
    if mode is not None:
        found["mode"] = whole(mode, "a mode such as 0o1777", 0, 0o7777)
    return found


def _tmpfs(scene: Scene, value: Value) -> Mount:
    """Return a `tmpfs:` such as `/run:size=64m,mode=1777,noexec`."""
    text = scene.fixed(value, "PATH[:OPTIONS]")
    path, _, written = text.partition(":")
    if not path.startswith("/"):
        raise Unexpected(value, "an absolute path in the container, [:OPTIONS]")
    limit: int | None = None
    mode: int | None = None
    rest: list[str] = []
    for word in filter(None, written.split(",")):
        key, _, setting = word.partition("=")
        if key == "size" and not setting.endswith("%"):
            limit = size(_with(value, setting))
        elif key == "mode" and re.fullmatch("[0-7]{1,4}", setting, re.ASCII):
            mode = int(setting, 8)
        elif word != "rw":
            rest.append(word)
    kept = tuple(word for word in rest if word != "ro")
    return Mount(
        target=path, kind="tmpfs", size=limit, mode=mode, read_only="ro" in rest, options=kept
    )


def _with(value: Value, text: str) -> Value:
    return replace(value, content=text, written=escaped(text))


def borrowed_mounts(
    scene: Scene, service: Service, mounts: Mapping[str, tuple[Mount, ...]]
) -> tuple[Mount, ...]:
    """Return the mounts that a service has from others: `volumes_from: [SERVICE[:ro]]`.

    Args:
        scene: where things are told.
        service: that borrows.
        mounts: of all services, by name.

    Raises:
        Unexpected: an entry that is no text.
        Refused: too many.
    """
    found: list[Mount] = []
    for value in items(service.value.at("volumes_from")):
        name, _, mode = scene.fixed(value, "a service").partition(":")
        if name not in mounts:
            scene.remark(value, f"{service.by}: volumes_from {name} is left out: no service of it")
            continue
        scene.notes.spend(value.place, len(mounts[name]))
        for mount in mounts[name]:
            if mount.kind == "anonymous":
                what = f"{service.by}: the unnamed volume {mount.target} of {name} is not shared"
                scene.remark(value, what)
                continue
            locked = mount.read_only or mode == "ro"
            found.append(mount.model_copy(update={"read_only": locked}))
    return tuple(found)
