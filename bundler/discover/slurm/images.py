"""How pyxis, enroot, Apptainer and the engines write images, and what they take that is none.

Source: enroot's `doc/cmd/import.md` (`docker://[USER@][REGISTRY#]IMAGE[:TAG]`), pyxis's usage
text, Apptainer's user guide ("Build a container": sources), containers-transports(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

_FILE_ENDINGS: Final = (".sqsh", ".squashfs", ".sqfs", ".sif", ".simg", ".img", ".tar")
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+-]*):(?://)?", re.ASCII)
_LOCAL: Final = frozenset({"dockerd", "podman", "docker-daemon", "containers-storage"})
_ARCHIVES: Final = frozenset({"docker-archive", "oci-archive", "oci", "dir", "tarball"})
_SIF_SOURCES: Final = frozenset({"library", "shub", "oras", "http", "https", "ipfs"})
_DIGEST: Final = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}", re.ASCII)
_DOCKER_HUB: Final = "registry-1.docker.io"


class What(Enum):
    """What a text names."""

    IMAGE = auto()
    LOCAL_IMAGE = auto()
    FILE = auto()
    INSTANCE = auto()
    NO_IMAGE = auto()


@dataclass(frozen=True, slots=True)
class Named:
    """What a text names.

    Attributes:
        what: its kind; a local image is one that only an engine of the host has.
        name: of the image in Docker's form, or the text as written.
        doubt: what a person should know about it; empty for nothing.
    """

    what: What
    name: str
    doubt: str = ""


def pyxis_image(text: str) -> Named:
    """Return what `--container-image` names."""
    if text.startswith(("/", ".", "~")):
        return Named(What.FILE, text)
    scheme, rest = _split_scheme(text)
    if scheme in _LOCAL:
        return Named(What.LOCAL_IMAGE, rest)
    if text.endswith((".sqsh", ".squashfs", ".sqfs")):
        return Named(What.FILE, text, f"pyxis takes {text} for an image: write ./{text}")
    return enroot_image(rest if scheme == "docker" else text)


def enroot_uri(text: str) -> Named:
    """Return what `enroot import` takes."""
    scheme, rest = _split_scheme(text)
    if scheme in _LOCAL:
        return Named(What.LOCAL_IMAGE, rest)
    if scheme == "docker":
        return enroot_image(rest)
    return Named(What.NO_IMAGE, text)


def enroot_image(text: str) -> Named:
    """Return what `[USER@][REGISTRY#]IMAGE[:TAG]` names, in Docker's form."""
    registry, mark, image = text.rpartition("#")
    if mark:
        registry = registry.rpartition("@")[2]
        host = "docker.io" if registry == _DOCKER_HUB else registry
        return Named(What.IMAGE, f"{host}/{image}" if host else image)
    _, at, image = text.partition("@")
    if not at or _DIGEST.fullmatch(image):
        image = text
    first, slash, path = image.partition("/")
    doubt = ""
    if slash and ("." in first or ":" in first or first == "localhost"):
        doubt = f"enroot looks for {image} at Docker Hub unless it is written {first}#{path}"
    return Named(What.IMAGE, image, doubt)


def apptainer_uri(text: str) -> Named:
    """Return what apptainer and singularity take for an image."""
    scheme, rest = _split_scheme(text)
    if scheme == "docker":
        return Named(What.IMAGE, rest)
    if scheme in _LOCAL:
        return Named(What.LOCAL_IMAGE, rest)
    if scheme in _SIF_SOURCES:
        return Named(What.NO_IMAGE, text)
    if scheme == "instance":
        return Named(What.INSTANCE, rest)
    return Named(What.FILE, text)


def engine_image(text: str) -> Named:
    """Return what docker, podman and nerdctl take for an image."""
    scheme, rest = _split_scheme(text)
    if scheme == "docker" and text.startswith("docker://"):
        return Named(What.IMAGE, rest)
    if scheme in _LOCAL and "://" in text:
        return Named(What.LOCAL_IMAGE, rest)
    if scheme in _ARCHIVES and ("/" in rest or rest.endswith(_FILE_ENDINGS)):
        return Named(What.FILE, text)
    return Named(What.IMAGE, text)


def shifter_image(text: str) -> Named:
    """Return what shifter's `--image` names: `docker:repo:tag`."""
    scheme, rest = _split_scheme(text)
    return Named(What.IMAGE if scheme == "docker" else What.INSTANCE, rest)


def _split_scheme(text: str) -> tuple[str, str]:
    """Return the scheme, empty when there is none, and what stands behind it."""
    match = _SCHEME.match(text)
    known = _LOCAL | _ARCHIVES | _SIF_SOURCES | {"docker", "instance"}
    if match is None or match[1] not in known:
        return "", text
    return match[1], text[match.end() :]
