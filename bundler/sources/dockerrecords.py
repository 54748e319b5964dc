"""What was learnt of the local engine's images, so that an unchanged build saves none again.

The engine's API tells neither an image's config nor the sizes of its layers: only `docker save`
does. What it told once is kept here by image ID. A record is a hint and checked like foreign
input: the config must hash to the image ID, the manifest must fit the config; documents of
containerd's store must hash to their names.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bundler.sources import Document
from manifests.digest import Digest
from manifests.errors import MoonliftError
from manifests.mediatype import MediaType
from manifests.oci import CONFIG_LIMIT, ImageConfig, Manifest


@dataclass(frozen=True, slots=True)
class Records:
    """A folder of records; made when first needed, may be removed at any time.

    Attributes:
        root: the folder; None to keep nothing.
    """

    root: Path | None

    def document(self, digest: Digest) -> bytes | None:
        """Return the bytes that hash to `digest`, if they are here undamaged."""
        data = self._read(digest.hex)
        return data if data is not None and Digest.of(data) == digest else None

    def keep(self, data: bytes) -> None:
        """Keep a document by its digest."""
        self._write(Digest.of(data).hex, data)

    def manifest_of(self, image_id: Digest) -> tuple[Document, Document] | None:
        """Return the manifest made for an image, and its config, if both are here and fit."""
        config, raw = self.document(image_id), self._read(f"{image_id.hex}.manifest")
        if config is None or raw is None:
            return None
        try:
            manifest, parsed = Manifest.parse(raw), ImageConfig.parse(config)
        except MoonliftError:
            return None
        named = (manifest.config.digest, len(manifest.layers))
        if named != (image_id, len(parsed.diff_ids)):
            return None
        return Document(raw, manifest.media_type), Document(config, MediaType.OCI_CONFIG)

    def keep_manifest(self, manifest: Document, config: Document) -> None:
        """Keep the manifest made for an image, and its config."""
        self.keep(config.raw)
        self._write(f"{config.digest.hex}.manifest", manifest.raw)

    def _read(self, name: str) -> bytes | None:
        if self.root is None:
            return None
        with suppress(OSError), (self.root / name).open("rb") as file:
            return file.read(CONFIG_LIMIT + 1)
        return None

    def _write(self, name: str, data: bytes) -> None:
        """Write by rename; a record that can't be kept is only time lost later."""
        if self.root is None:
            return
        with suppress(OSError):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self.root, prefix=".")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                Path(temporary).rename(self.root / name)
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise
