"""Where an engine's bytes come from: the bundle, each chunk checked before it is handed on.

Owns the reading of layers for a load, from a medium that can be read in any order or from a pipe
that passes once. Does not know engines and does not decide what is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from installer.engines.base import Delivery
from installer.running.expand import Packed, expand
from installer.stream.ahead import ahead
from manifests.bundle.chunks import chunked_file, verified_chunks
from manifests.digest import Digest
from manifests.errors import NotInstallableHere
from manifests.release import CHUNK_SIZE, BlobRecord, ImageRecord
from manifests.seals.seal import SealedRelease

KEPT_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of small layers that are remembered from a pipe because they are needed again."""

Advance = Callable[[int], None]
"""Told of bytes read; may raise to break off."""
AtWork = Callable[[ImageRecord, str], None]


class BundleSource:
    """The bytes of one bundle for one load."""

    def __init__(self, sealed: SealedRelease, advance: Advance, at_work: AtWork) -> None:
        self._sealed = sealed
        self._advance = advance
        self._at_work = at_work

    @property
    def repeatable(self) -> bool:
        """A medium that is not a pipe can be read again."""
        return True

    @property
    def complete(self) -> bool:
        """A difference does not bring all layers of an image."""
        return self._sealed.release.base is None

    def document(self, digest: Digest) -> bytes:
        """Return an index, manifest or config, read and checked when the seal was."""
        return self._sealed.documents[digest]

    def stored(self, blob: BlobRecord) -> Iterator[memoryview]:
        """Yield a layer as it lies in the bundle."""
        file = chunked_file(self._sealed.release, blob.name, blob.size, blob.digest)
        for chunk in verified_chunks(self._sealed.medium, file):
            self._advance(len(chunk))
            yield chunk

    def unpacked(self, layer: Packed) -> Iterator[memoryview]:
        """Yield a layer's tar, or a patch's operations."""
        for piece in ahead(expand(layer, self.stored(layer))):
            self._advance(0)
            yield memoryview(piece)

    def at_work(self, image: ImageRecord, how_far: str) -> None:
        """Pass on that the engine has all of an image and unpacks it."""
        self._at_work(image, how_far)

    def beside(self, sealed: SealedRelease) -> BundleSource:
        """Return the same of another bundle, whose bytes are not counted."""
        return BundleSource(sealed, lambda _: self.tick(), self._at_work)

    def tick(self) -> None:
        """Break off here, if that is wanted."""
        self._advance(0)


class PipeSource(BundleSource):
    """The same from a pipe: layers come once, in the bundle's order."""

    def __init__(
        self,
        sealed: SealedRelease,
        advance: Advance,
        at_work: AtWork,
        deliveries: Sequence[Delivery],
    ) -> None:
        super().__init__(sealed, advance, at_work)
        self._uses = Counter(
            blob.digest for one in deliveries for blob in sealed.release.carriers(one.missing)
        )
        self._kept: dict[Digest, bytes] = {}

    @property
    def repeatable(self) -> bool:
        """What passed is gone."""
        return False

    def stored(self, blob: BlobRecord) -> Iterator[memoryview]:
        """Yield a layer: one that was kept, or the one that comes."""
        if blob.digest not in self._kept:
            self._keep_until(blob)
        self._uses[blob.digest] -= 1
        if blob.digest in self._kept:
            yield memoryview(self._kept[blob.digest])
            if not self._uses[blob.digest]:
                del self._kept[blob.digest]
        else:
            yield from super().stored(blob)

    def _keep_until(self, wanted: BlobRecord) -> None:
        """Keep the small layers that come before `wanted` and are needed later."""
        blobs = {blob.name: blob for blob in self._sealed.release.blobs()}
        while (name := self._sealed.medium.peek()) is not None:
            blob = blobs.get(name)
            again = blob is not None and self._uses[blob.digest] > (name == wanted.name)
            if blob is not None and again and blob.size <= CHUNK_SIZE:
                self._kept[blob.digest] = b"".join(super().stored(blob))
            elif name != wanted.name:
                self._sealed.medium.open(name).close()
            if name == wanted.name:
                return


def refuse_unordered(sealed: SealedRelease, deliveries: Sequence[Delivery]) -> None:
    """Refuse a load that a pipe can't serve, before anything is read from it.

    Raises:
        NotInstallableHere: `pipe-order`: a large layer would be needed twice, or after it passed.
    """
    position = {blob.digest: at for at, blob in enumerate(sealed.release.blobs())}
    last, kept = -1, 0
    seen: set[Digest] = set()
    carriers = sealed.release.carriers
    for layer in (layer for one in deliveries for layer in carriers(one.missing)):
        late = layer.digest in seen or position[layer.digest] < last
        kept += layer.size if late else 0
        if late and (layer.size > CHUNK_SIZE or kept > KEPT_LIMIT):
            raise NotInstallableHere(
                "pipe-order",
                f"{layer.name} is needed more than once, or after it has passed in the pipe",
                hint="save the bundle to a file, and install that",
            )
        seen.add(layer.digest)
        last = max(last, position[layer.digest])
