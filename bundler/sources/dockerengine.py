"""The local Docker engine's API: what an image is, and all its bytes. Asks; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from manifests.digest import Digest, MalformedDigest
from manifests.errors import AppManifestError, SourceFailed
from manifests.reference import Reference
from manifests.safetext import safe_line

PATIENCE_S: Final = 3600
"""Seconds without an answer: `docker save` stages a whole image before its first byte."""
CONTAINERD_STORE: Final = "io.containerd.snapshotter.v1"
_FAILURES = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError)


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image that the engine has.

    Attributes:
        image_id: digest of the config; in containerd's store, of the manifest or index.
        diff_ids: as the engine tells them; of the host's platform when there are several.
        size: bytes, roughly: of the unpacked layers.
    """

    image_id: Digest
    diff_ids: tuple[Digest, ...]
    size: int


def connect() -> docker.DockerClient:
    """Return a client of the engine that DOCKER_HOST names, or of this machine's.

    Raises:
        SourceFailed: `engine-unreachable`.
    """
    try:
        return docker.from_env(timeout=PATIENCE_S)
    except _FAILURES as error:
        raise _unreachable(error) from error


class LocalEngine:
    """An engine; takes over `client`, whose timeout must let `docker save` take its time."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._api: Any = client.api

    @cached_property
    def containerd_store(self) -> bool:
        """Whether images lie in containerd's store; told by the engine, not by its version."""
        with explained():
            info = self._api.info()
        return CONTAINERD_STORE in str(info.get("DriverStatus"))

    def inspect(self, reference: Reference) -> LocalImage:
        """Return the image that `reference` names; a digest must be among its RepoDigests.

        Raises:
            AppManifestError: `image-not-found`.
            SourceFailed: `engine-unreachable`, `engine-failed`.
        """
        name = reference.at(reference.digest) if reference.digest else reference.tagged
        try:
            with explained():
                found = self._api.inspect_image(name)
        except ImageNotFound as error:
            raise _not_found(reference) from error
        return _image(found, reference)

    def save(self, image_id: Digest) -> Iterator[bytes]:
        """Yield what `docker save` writes of one image.

        Raises:
            SourceFailed: `engine-failed`.
        """
        try:
            with explained():
                yield from self._api.get_image(str(image_id))
        except NotFound as error:
            raise SourceFailed(
                "engine-failed", f"the local engine has no image {image_id.short} any more"
            ) from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _image(found: Mapping[str, Any], reference: Reference) -> LocalImage:
    try:
        layers = (found.get("RootFS") or {}).get("Layers") or ()
        diff_ids = tuple(Digest.parse(str(one)) for one in layers)
        return LocalImage(Digest.parse(str(found["Id"])), diff_ids, int(found.get("Size") or 0))
    except (KeyError, ValueError, AttributeError, MalformedDigest) as error:
        raise SourceFailed(
            "engine-failed",
            f"the local engine described {reference.familiar} in a way that is not understood",
        ) from error


@contextmanager
def explained() -> Iterator[None]:
    """Turn the client's failures into ours; `NotFound` passes.

    Raises:
        SourceFailed: `engine-unreachable`, `engine-failed`.
    """
    try:
        yield
    except NotFound:
        raise
    except APIError as error:
        if error.response is not None:
            error.response.close()
        reason = safe_line(str(error.explanation or error), limit=500)
        raise SourceFailed("engine-failed", f"the local engine refused: {reason}") from error
    except _FAILURES as error:
        raise _unreachable(error) from error


def _unreachable(error: Exception) -> SourceFailed:
    reason = safe_line(str(error), limit=300)
    return SourceFailed(
        "engine-unreachable",
        f"expected a local Docker engine, found none: {reason}",
        hint="start it, set DOCKER_HOST, or take the image from a registry: 'from: registry'",
    )


def _not_found(reference: Reference) -> AppManifestError:
    return AppManifestError(
        "image-not-found",
        f"the local engine has no image {reference.familiar}",
        hint=f"docker pull {reference.familiar}, or build it; `docker images` lists what is there",
        image=str(reference),
    )
