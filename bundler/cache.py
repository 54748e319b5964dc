"""The build cache: blobs by digest, with what was learnt of them when they were made.

A blob enters by rename after it was hashed, and is hashed again, chunk by chunk, each time that it
leaves for a bundle (see `write`): so nothing here needs fsync, a damaged blob can't reach a
bundle, and any number of builds may share one cache. It never removes what another build may be
using; pruning is another room's business.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from manifests.chunks import ChunkedFile
from manifests.digest import Digest
from manifests.documents import DigestField, Line, Part, Size
from manifests.errors import MoonliftError, SourceFailed
from manifests.layout import blob_name
from manifests.release import HexDigest, LayerRecord
from manifests.strictjson import canonical, load_object

FACTS_LIMIT = 16 * 1024 * 1024


class LayerFacts(Part):
    """What is known of a layer in the cache.

    Attributes:
        digest: of the stored bytes.
        size: bytes stored.
        media_type: of the stored bytes.
        diff_id: digest of the uncompressed tar.
        uncompressed: bytes of the uncompressed tar.
        chunks: hexadecimal sha256 of each 8 MiB of the stored bytes.
    """

    digest: DigestField
    size: Size
    media_type: Line
    diff_id: DigestField
    uncompressed: Size
    chunks: tuple[HexDigest, ...]

    @property
    def record(self) -> LayerRecord:
        """The layer as `release.json` lists it."""
        return LayerRecord(
            digest=self.digest,
            size=self.size,
            media_type=self.media_type,
            diff_id=self.diff_id,
            uncompressed=self.uncompressed,
        )

    @property
    def file(self) -> ChunkedFile:
        """The stored bytes as a file of a bundle."""
        chunks = tuple(map(Digest, self.chunks))
        return ChunkedFile(blob_name(self.digest), self.size, chunks)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file on its way into the cache.

    Attributes:
        path: where it is for now.
        file: open for writing.
    """

    path: Path
    file: IO[bytes]


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache in one directory.

    Attributes:
        root: absolute; made when first needed.
    """

    root: Path

    def prepare(self) -> None:
        """Make the directories.

        Raises:
            SourceFailed: `cache-unusable`.
        """
        try:
            for folder in ("blobs", "facts", "partial", "tmp"):
                (self.root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SourceFailed(
                "cache-unusable",
                f"expected to write in {self.root}: {error.strerror}",
                hint="give another folder with --cache, or free some space",
            ) from error

    @property
    def scratch(self) -> Path:
        """Folder for temporary files of a build."""
        return self.root / "tmp"

    def sweep(self) -> None:
        """Remove what a killed build left half-written; running builds hold a lock on theirs."""
        for path in (self.root / "tmp").iterdir():
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def blob_path(self, digest: Digest) -> Path:
        """Return where the blob lies or would lie."""
        return self.root / "blobs" / digest.hex

    def partial_path(self, digest: Digest) -> Path:
        """Return where a blob's download is continued."""
        return self.root / "partial" / digest.hex

    def document(self, digest: Digest, limit: int) -> bytes | None:
        """Return a manifest or config if it is here undamaged."""
        try:
            with self.blob_path(digest).open("rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError:
            return None
        return data if Digest.of(data) == digest else None

    def put_document(self, data: bytes) -> None:
        """Keep a manifest or config."""
        with self.incoming() as incoming:
            incoming.file.write(data)
            self.adopt(incoming, Digest.of(data))

    @contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """Give a new file to write a blob into; it is gone afterwards unless adopted."""
        descriptor, name = tempfile.mkstemp(dir=self.root / "tmp")
        path = Path(name)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield Incoming(path, file)
            finally:
                path.unlink(missing_ok=True)

    def adopt(self, incoming: Incoming, digest: Digest) -> None:
        """Make what came in the blob `digest`; its bytes must have been hashed."""
        incoming.path.rename(self.blob_path(digest))

    def layer(self, source: Digest, settings: str) -> LayerFacts | None:
        """Return what the layer `source` was made into with `settings`, if it is all here."""
        try:
            raw = self._facts_path(source, settings).read_bytes()
            value = load_object(raw, limit=FACTS_LIMIT, subject="cache")
            value["chunks"] = tuple(value.get("chunks") or ())  # type: ignore[assignment, arg-type]
            facts = LayerFacts.model_validate(value)
            size = self.blob_path(facts.digest).stat().st_size
        except (FileNotFoundError, MoonliftError, ValidationError):
            return None
        return facts if size == facts.size else None

    def put_layer(self, source: Digest, settings: str, facts: LayerFacts) -> None:
        """Remember what the layer `source` was made into; its blob must be in place."""
        with self.incoming() as incoming:
            incoming.file.write(canonical(facts.model_dump(mode="json")))
            incoming.path.rename(self._facts_path(source, settings))

    def evict(self, digest: Digest) -> None:
        """Drop a blob that turned out damaged; whoever needs it makes it anew."""
        self.blob_path(digest).unlink(missing_ok=True)

    def _facts_path(self, source: Digest, settings: str) -> Path:
        return self.root / "facts" / f"{source.hex}.{settings}.json"
