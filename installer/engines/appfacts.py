"""What the Docker Engine's API says of containers, networks and volumes in its lists; pure.

Source: Docker Engine API 1.41, `GET /containers/json`, `/networks`, `/volumes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Listed:
    """A container of anybody's, as the engine lists it.

    Attributes:
        id, name: of it.
        labels: all of them.
        ports: host's address, port and protocol of each that is open.
    """

    id: str
    name: str
    labels: Mapping[str, str]
    ports: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image, as the engine lists it.

    Attributes:
        names: by tag.
        size: bytes that it has, those that it shares included.
    """

    names: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Named:
    """A network or volume that the engine has.

    Attributes:
        name: of it.
        labels: all of them.
    """

    name: str
    labels: Mapping[str, str]


def read_listed(document: Mapping[str, Any]) -> Listed:
    """Read an entry of the list of containers."""
    names: Sequence[Any] = document.get("Names") or ()
    ports = [one for one in document.get("Ports") or () if one.get("PublicPort")]
    return Listed(
        id=str(document.get("Id")),
        name=str(names[0]).removeprefix("/") if names else "",
        labels=_labels(document),
        ports=tuple(
            (str(one.get("IP") or ""), int(one["PublicPort"]), str(one.get("Type")))
            for one in ports
        ),
    )


def read_image(document: Mapping[str, Any]) -> ListedImage:
    """Read an entry of the list of images."""
    size = document.get("Size")
    names = tuple(map(str, document.get("RepoTags") or ()))
    return ListedImage(names, size if isinstance(size, int) and size > 0 else 0)


def read_named(document: Mapping[str, Any]) -> Named:
    """Read a network or volume."""
    return Named(str(document.get("Name")), _labels(document))


def _labels(document: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in (document.get("Labels") or {}).items()}
