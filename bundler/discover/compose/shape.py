"""One shape for what compose files may write in several: short and long forms, lists and mappings.

Paths become relative to the app's folder here, as each file has its own folder to start from.
Tells values of a kind that Compose refuses, where they can say something of images.

Source: Compose specification, "Services top-level elements" and "Compose Build Specification".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, TypeAlias

from bundler.discover.compose.notes import Notes
from bundler.discover.compose.tree import Merge, Value
from bundler.discover.compose.unexpected import Unexpected, tell_unexpected
from bundler.discover.folder import join

UNKNOWN: Final = ""
"""Key under which a service keeps what should have named its image and could not be read."""
_REMOTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|git@|github\.com/|[^/\s]+\.git(?:#|$)")

Shaper: TypeAlias = Callable[[Value, str], Value]


def is_remote(path: str) -> bool:
    """Tell whether a path leads to another machine: a URL, or a Git repository's short form."""
    return _REMOTE.match(path) is not None


def located(value: Value, base: str) -> Value:
    """Return a path made relative to the app's folder; a URL stays."""
    if not value.text or is_remote(value.text):
        return value
    return replace(value, content=join(base, value.text))


def shaped(service: Value, base: str, notes: Notes) -> Value:
    """Return a service in the one shape.

    Args:
        service: as read; one that is no mapping stays as it is.
        base: folder that its paths are relative to.
        notes: where wrong kinds of values are told; those are left out.
    """
    if not isinstance(service.content, Mapping):
        return service
    content: dict[str, Value] = {}
    for key, value in service.content.items():
        shape = _SHAPES.get(key)
        if shape is None or value.merge is Merge.RESET or value.content is None:
            content[key] = value
        else:
            try:
                content[key] = shape(value, base)
            except Unexpected as error:
                tell_unexpected(error, notes)
                content.update({UNKNOWN: value} if key in _NAMING else {})
    return replace(service, content=content)


def without_base(service: Value) -> Value:
    """Return a service whose base can't be known, so that nothing is expected of it."""
    content = dict(service.content) if isinstance(service.content, Mapping) else {}
    content[UNKNOWN] = content.pop("extends", service)
    return replace(service, content=content)


def by_name(value: Value, separator: str) -> Value:
    """Return a mapping of a list of names, each with a value after `separator`.

    Raises:
        Unexpected: it is neither.
    """
    return _named(separator)(value, "")


def _text(what: str) -> Shaper:
    def shape(value: Value, _base: str) -> Value:
        if isinstance(value.content, str):
            return value
        raise Unexpected(value, what)

    return shape


def _path(value: Value, base: str) -> Value:
    if isinstance(value.content, str):
        return located(value, base)
    raise Unexpected(value, "a path")


def _list(value: Value, _base: str) -> Value:
    if isinstance(value.content, tuple):
        return value
    raise Unexpected(value, "a list")


def _named(separator: str) -> Shaper:
    """Return what makes a mapping of a list of names, each with a value after `separator`."""

    def shape(value: Value, _base: str) -> Value:
        if isinstance(value.content, Mapping):
            return value
        if not isinstance(value.content, tuple):
            raise Unexpected(value, "a list or mapping")
        content: dict[str, Value] = {}
        for item in value.content:
            name, found, _ = item.text.partition(separator)
            content[name] = item.after(separator) if found else replace(item, content=None)
        return replace(value, content=content)

    return shape


def _names(value: Value, base: str) -> Value:
    """Make a mapping of a list of names, such as `depends_on: [db]`."""
    return _named("\0")(value, base)


def _extends(value: Value, base: str) -> Value:
    if isinstance(value.content, str):
        return replace(value, content={"service": replace(value, key=value.place)})
    file, service = value.at("file"), value.at("service")
    if service is None or not isinstance(service.content, str):
        raise Unexpected(service or value, "`service:` with the name of a service")
    if file is None or file.content is None:
        return replace(value, content={"service": service})
    if not isinstance(file.content, str):
        raise Unexpected(file, "a path")
    return replace(value, content={"service": service, "file": located(file, base)})


def _build(value: Value, base: str) -> Value:
    if isinstance(value.content, str):
        return replace(value, content={"context": located(value, base)})
    if not isinstance(value.content, Mapping):
        raise Unexpected(value, "a folder or a mapping")
    content = dict(value.content)
    for key, shape in _BUILD.items():
        one = content.get(key)
        if one is not None and one.merge is not Merge.RESET and one.content is not None:
            content[key] = shape(one, base)
    return replace(value, content=content)


def _as_list(value: Value, _base: str) -> Value:
    """Make a list of a single item, such as `dns: 9.9.9.9`."""
    if isinstance(value.content, tuple):
        return value
    if isinstance(value.content, Mapping):
        raise Unexpected(value, "an item or a list")
    return replace(value, content=(replace(value, merge=Merge.OVER),))


def _hosts(value: Value, _base: str) -> Value:
    """Make a list of `name:address`, which may say several addresses of one name."""
    if isinstance(value.content, tuple):
        return value
    if not isinstance(value.content, Mapping):
        raise Unexpected(value, "a list or mapping")
    pairs = [(name, one) for name, of in value.entries for one in (of.items or (of,))]
    return replace(
        value,
        content=tuple(
            replace(one, content=f"{name}:{one.text}", merge=Merge.OVER) for name, one in pairs
        ),
    )


def _words(value: Value, _base: str) -> Value:
    """Take a command whole: one of a later file stands for all of it."""
    if isinstance(value.content, Mapping):
        raise Unexpected(value, "a command or a list of its words")
    return replace(value, merge=Merge.OVERRIDE)


def _healthcheck(value: Value, _base: str) -> Value:
    if not isinstance(value.content, Mapping):
        raise Unexpected(value, "a mapping")
    test = value.content.get("test")
    if test is None or test.merge is Merge.RESET:
        return value
    return replace(value, content={**value.content, "test": replace(test, merge=Merge.OVERRIDE)})


def _mapping(value: Value, _base: str) -> Value:
    if isinstance(value.content, Mapping):
        return value
    raise Unexpected(value, "a mapping")


def _gpus(value: Value, _base: str) -> Value:
    if isinstance(value.content, tuple):
        return value
    if value.text == "all":
        device = replace(value, content={"count": value}, merge=Merge.OVER)
        return replace(value, content=(device,))
    raise Unexpected(value, "`all` or a list of devices")


def _volumes(value: Value, _base: str) -> Value:
    """Make a mapping by target: a later volume takes the place of an earlier one there."""
    if not isinstance(value.content, tuple):
        raise Unexpected(value, "a list")
    content: dict[str, Value] = {}
    for item in value.content:
        target = item.at("target")
        parts = item.text.split(":")
        name = target.text if target is not None else parts[1] if len(parts) > 1 else parts[0]
        content[name] = replace(item, merge=Merge.OVERRIDE)
    return replace(value, content=content)


_NAMING: Final = frozenset({"build", "extends", "image"})
_BUILD: Final[Mapping[str, Shaper]] = MappingProxyType(
    {"context": _path, "args": _named("="), "additional_contexts": _named("=")}
)
_SHAPES: Final[Mapping[str, Shaper]] = MappingProxyType(
    {
        "annotations": _named("="),
        "build": _build,
        "cap_add": _list,
        "cap_drop": _list,
        "command": _words,
        "configs": _list,
        "depends_on": _names,
        "deploy": _mapping,
        "device_cgroup_rules": _list,
        "devices": _list,
        "dns": _as_list,
        "dns_opt": _as_list,
        "dns_search": _as_list,
        "entrypoint": _words,
        "env_file": _as_list,
        "environment": _named("="),
        "expose": _list,
        "extends": _extends,
        "external_links": _list,
        "extra_hosts": _hosts,
        "gpus": _gpus,
        "group_add": _list,
        "healthcheck": _healthcheck,
        "image": _text("an image such as nginx:1.25"),
        "label_file": _as_list,
        "labels": _named("="),
        "links": _named(":"),
        "logging": _mapping,
        "networks": _names,
        "platform": _text("a platform such as linux/amd64"),
        "ports": _list,
        "profiles": _list,
        "secrets": _list,
        "security_opt": _list,
        "sysctls": _named("="),
        "tmpfs": _as_list,
        "ulimits": _mapping,
        "volumes": _volumes,
        "volumes_from": _list,
    }
)
