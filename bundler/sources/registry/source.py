"""Images from registries that speak the OCI distribution specification.

Documents are bounded and checked against what named them; layers are streams that resume. An
address in a manifest (`urls`) is never followed. How to connect, who to log in as and what to try
again is decided in the `registry_*` modules beside this one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bundler.sources import Document
from bundler.sources.registry import errors
from bundler.sources.registry.auth import Authorizer
from bundler.sources.registry.blob import RegistryBlob
from bundler.sources.registry.client import Call, Client, Fetched
from bundler.sources.registry.credentials import Keychain
from bundler.sources.registry.http import Transport
from bundler.sources.registry.media import DOCUMENT_TYPES, check_told, media_type_of
from bundler.sources.registry.pools import Settings
from bundler.sources.registry.retry import Clock, SystemClock
from manifests.digest import Digest, MalformedDigest
from manifests.errors import MoonliftError
from manifests.oci import CONFIG_LIMIT, MANIFEST_LIMIT, Descriptor
from manifests.reference import Reference

_ACCEPT: Final = {"Accept": ", ".join(sorted(DOCUMENT_TYPES))}


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """How to reach registries.

    Attributes:
        ca_files: PEM files of authorities trusted beside the system's.
        plain_http: `host` or `host:port` that may be asked without TLS; loopback always may.
        realms: hosts of token services that may see credentials of another site's registry.
        retries: tries after a failure, counted anew when bytes arrive.
        connect_timeout: seconds.
        read_timeout: seconds without a byte.
        docker_config: folder of config.json; `$DOCKER_CONFIG` or `~/.docker` when None.
        environment: for proxies, credential helpers and the folder above.
    """

    ca_files: tuple[Path, ...] = ()
    plain_http: frozenset[str] = frozenset()
    realms: frozenset[str] = frozenset()
    retries: int = 5
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    docker_config: Path | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


class RegistrySource:
    """Every registry that references name. Safe to use from several threads."""

    def __init__(self, options: RegistryOptions, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        settings = Settings(
            options.ca_files,
            options.plain_http,
            options.connect_timeout,
            options.read_timeout,
            options.environment,
        )
        self._transport = Transport(settings, self._clock)
        keychain = Keychain(options.environment, options.docker_config)
        authorizer = Authorizer(self._transport, keychain, options.realms)
        self._client = Client(self._transport, authorizer, options.retries)

    @property
    def origin(self) -> str:
        """`registry`."""
        return "registry"

    def resolve(self, reference: Reference) -> Document:
        """Return the manifest or index that `reference` names.

        Raises:
            AppManifestError: `image-not-found`, `image-denied`, `image-schema1`.
            SourceFailed: the registry could not answer, or its answer contradicts itself.
        """
        call = _manifest_call(reference, str(reference.digest or reference.tag))
        fetched = self._client.document(call, MANIFEST_LIMIT)
        if len(fetched.raw) > MANIFEST_LIMIT:
            raise errors.too_large(call.subject, MANIFEST_LIMIT)
        told = check_told(fetched.headers, reference, call.subject)
        digest = _announced(fetched)
        for expected in filter(None, (reference.digest, digest)):
            _check_digest(call.subject, expected, fetched.raw)
        return Document(fetched.raw, media_type_of(fetched.raw, told, reference, call.subject))

    def head(self, reference: Reference) -> Digest | None:
        """Return what the registry says `reference` points to, without fetching it.

        The answer is a hint, for finding a cached document; None when the registry doesn't say.

        Raises:
            AppManifestError, SourceFailed: as `resolve`.
        """
        call = _manifest_call(reference, str(reference.digest or reference.tag), "HEAD")
        return _announced(self._client.document(call, MANIFEST_LIMIT))

    def document(self, reference: Reference, descriptor: Descriptor) -> Document:
        """Return a manifest, index or config by its descriptor, size and digest checked.

        Raises:
            SourceFailed: `document-too-large`, `size-mismatch`, `digest-mismatch`,
                `registry-error`, ...
            AppManifestError: `image-denied`.
        """
        is_manifest = descriptor.media_type in DOCUMENT_TYPES
        call = _document_call(reference, descriptor, "manifests" if is_manifest else "blobs")
        limit = MANIFEST_LIMIT if is_manifest else CONFIG_LIMIT
        if descriptor.size > limit:
            raise errors.too_large(call.subject, limit)
        fetched = self._client.document(call, limit)
        if len(fetched.raw) != descriptor.size:
            raise errors.wrong_size(call.subject, descriptor.size, _count(fetched.raw, limit))
        _check_digest(call.subject, descriptor.digest, fetched.raw)
        if is_manifest:
            media_type_of(fetched.raw, descriptor.media_type, reference, call.subject)
        return Document(fetched.raw, descriptor.media_type)

    def open_blob(
        self, reference: Reference, descriptor: Descriptor, offset: int = 0
    ) -> RegistryBlob:
        """Open a layer at byte `offset`; faults that may pass are retried inside.

        Raises:
            SourceFailed: it is not there or the registry keeps failing.
            AppManifestError: `image-denied`.
        """
        if not 0 <= offset <= descriptor.size:
            raise ValueError(f"offset {offset} of {descriptor.size} bytes")
        call = _document_call(reference, descriptor, "blobs")
        return RegistryBlob(self._client, call, descriptor.size, offset, self._clock).open()

    def close(self) -> None:
        """End every connection and wait; threads that are reading get `registry-closed`."""
        self._clock.wake()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()


def _manifest_call(reference: Reference, name: str, method: str = "GET") -> Call:
    missing = partial(errors.not_found, reference)
    return Call(reference, f"manifests/{name}", str(reference), missing, method, _ACCEPT)


def _document_call(reference: Reference, descriptor: Descriptor, kind: str) -> Call:
    subject = f"{descriptor.digest} of {reference}"

    def missing(said: str) -> MoonliftError:
        if descriptor.urls:
            return errors.foreign_layer(reference, descriptor)
        return errors.missing_content(reference, descriptor.digest, said)

    headers = _ACCEPT if kind == "manifests" else {}
    return Call(reference, f"{kind}/{descriptor.digest}", subject, missing, "GET", headers)


def _announced(fetched: Fetched) -> Digest | None:
    header = fetched.headers.get("Docker-Content-Digest")
    if header is None:
        return None
    try:
        return Digest.parse(header.strip())
    except MalformedDigest as error:
        what = "its Docker-Content-Digest header is not a sha256 digest"
        raise errors.bad_answer(fetched.origin, what) from error


def _check_digest(subject: str, expected: Digest, raw: bytes) -> None:
    found = Digest.of(raw)
    if found != expected:
        raise errors.wrong_digest(subject, expected, found)


def _count(raw: bytes, limit: int) -> str:
    return f"more than {limit}" if len(raw) > limit else str(len(raw))
