"""Which source serves an image: the one asked for, else a registry, else the local engine.

Owns the sources of one build, opens each once, closes them all.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bundler.cache import Cache
from bundler.fetch import CachedDocuments, gone_digests
from bundler.resolve import Opened, WantedImage
from bundler.sources import Document, ImageSource
from manifests.appmanifest.fields import ImageOrigin, OriginKind
from manifests.errors import MoonliftError, UsageError
from manifests.oci import Descriptor

AUTO: Final = str(OriginKind.AUTO)
REGISTRY: Final = str(OriginKind.REGISTRY)
DOCKER: Final = str(OriginKind.DOCKER)
_ELSEWHERE: Final = frozenset({"image-not-found", "image-denied", "registry-unreachable"})
"""A registry's answers after which the local engine is asked."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How sources are reached.

    Attributes:
        base: folder that relative paths of `oci:PATH` and the like start from.
        forced: overrides every image's own `from`; `auto` leaves them.
        ca_files: PEM files of authorities trusted beside the system's.
        plain_http: registries that may be asked without TLS; loopback always may.
        realms: token services that may see credentials of another site's registry.
    """

    base: Path
    forced: str = AUTO
    ca_files: tuple[Path, ...] = ()
    plain_http: frozenset[str] = frozenset()
    realms: frozenset[str] = frozenset()


class Sources:
    """The sources that a build has opened so far, by their name in the lock."""

    def __init__(self, options: SourceOptions, cache: Cache) -> None:
        self._options = options
        self._cache = cache
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._opened: dict[str, ImageSource] = {}

    def open(self, image: WantedImage) -> Opened:
        """Find the source that has `image`, and ask it what the reference names.

        Raises:
            AppManifestError, SourceFailed: what the source, or the first of several, said.
        """
        origin = image.origin if self._options.forced == AUTO else self._options.forced
        if origin != AUTO:
            return self._ask(origin, image)
        try:
            return self._ask(REGISTRY, image)
        except MoonliftError as error:
            if error.code not in _ELSEWHERE:
                raise
            try:
                return self._ask(DOCKER, image)
            except MoonliftError:
                raise error from None

    def _ask(self, origin: str, image: WantedImage) -> Opened:
        documents = CachedDocuments(self.named(origin), self._cache)
        if image.pinned is None:
            found = documents.unchanged(image.reference, image.last)
            return Opened(origin, documents, found or documents.resolve(image.reference))
        known = Descriptor(image.pinned.media_type, image.pinned.digest, 0)
        with gone_digests(image.pinned):
            raw = documents.known(image.reference, known)
        return Opened(origin, documents, Document(raw, image.pinned.media_type))

    def named(self, origin: str) -> ImageSource:
        """Return the source that the lock calls `origin`.

        Raises:
            UsageError: `source-unknown`.
            SourceFailed: it can't be opened.
        """
        with self._lock:
            source = self._opened.get(origin)
            if source is None:
                source = self._opened[origin] = self._make(origin)
            return source

    def _make(self, origin: str) -> ImageSource:
        try:
            wanted = ImageOrigin.parse(origin)
        except ValueError as error:
            raise UsageError("source-unknown", str(error)) from error
        if wanted.kind is OriginKind.DOCKER:
            return self._docker()
        if not wanted.path:
            return self._registry()
        from bundler.sources.archive import open_local  # noqa: PLC0415 - only when asked for

        path = self._options.base / wanted.path
        return self._stack.enter_context(
            closing(open_local(wanted.kind, path, self._cache.scratch))
        )

    def _docker(self) -> ImageSource:
        from bundler.sources.docker import DockerSource  # noqa: PLC0415 - only when asked for
        from bundler.sources.dockerengine import connect  # noqa: PLC0415

        records = self._cache.root / "docker"
        return self._stack.enter_context(DockerSource(connect(), self._cache.scratch, records))

    def _registry(self) -> ImageSource:
        from bundler.sources.registry import RegistryOptions, RegistrySource  # noqa: PLC0415

        options = RegistryOptions(
            ca_files=self._options.ca_files,
            plain_http=self._options.plain_http,
            realms=self._options.realms,
        )
        return self._stack.enter_context(RegistrySource(options))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
