"""The build cache: blobs by digest, with what was learnt of them when they were made.

A blob enters by rename after it was hashed, and is hashed again, chunk by chunk, each time that a
later run takes it into a bundle (see `write`); what was learnt carries its own digest: so nothing
here needs fsync, damage can't reach a bundle, and any number of builds may share one cache. It
never removes what another build may be using; pruning is `bundler.prune`'s business, which waits
for no build and is kept out while one is `in_use`. What is used gets the time of its use: a layer
by the file with what was learnt of it, a document by its own.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bundler.layers.facts import LayerFacts, read_facts, written_facts
from bundler.writing.entries import Witness
from manifests.digest import Digest
from manifests.errors import SourceFailed


def default_cache() -> Path:
    """Return the build cache's place by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "moonlift"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file on its way into the cache.

    Attributes:
        path: where it is for now.
        descriptor: open for writing, and locked, so that no other build sweeps it away.
    """

    path: Path
    descriptor: int

    def write(self, data: bytes) -> None:
        """Append all of `data`."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.descriptor, view) :]


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache in one directory.

    Attributes:
        root: absolute; made when first needed.
    """

    root: Path
    _made: dict[Digest, Witness] = field(default_factory=dict, repr=False, compare=False)

    def prepare(self) -> None:
        """Make the directories, and remove what a killed build left half-written.

        Raises:
            SourceFailed: `cache-unusable`.
        """
        with self.guarded():
            for folder in ("blobs", "facts", "partial", "tmp"):
                (self.root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Prepare the cache, and keep it from being pruned until the block ends.

        Raises:
            SourceFailed: `cache-unusable`.
        """
        self.prepare()
        with self.guarded():
            folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_SH)
            yield
        finally:
            os.close(folder)

    @contextmanager
    def unused(self) -> Iterator[None]:
        """Keep builds from starting until the block ends.

        Raises:
            SourceFailed: `cache-busy`: one runs; `cache-unusable`.
        """
        with self.guarded():
            folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise SourceFailed(
                "cache-busy",
                f"a build uses {self.root}",
                hint="wait until it has ended, then run this again",
            ) from error
        finally:
            os.close(folder)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Tell what fails with the cache's disk in the block.

        Raises:
            SourceFailed: `cache-unusable`.
        """
        try:
            yield
        except OSError as error:
            raise SourceFailed(
                "cache-unusable",
                f"expected to read and write in {self.root}: {error.strerror or error}",
                hint="free some space there, or give another folder with --cache",
            ) from error

    @property
    def scratch(self) -> Path:
        """Folder for temporary files of a build."""
        return self.root / "tmp"

    def _sweep(self) -> None:
        """Remove temporary files that no running build holds a lock on."""
        for path in self.scratch.iterdir():
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def blob_path(self, digest: Digest) -> Path:
        """Return where the blob lies or would lie."""
        return self.root / "blobs" / digest.hex

    def partial_path(self, digest: Digest) -> Path:
        """Return where a blob's download is continued."""
        return self.root / "partial" / digest.hex

    def forget_partials(self, digests: Iterable[Digest]) -> None:
        """Remove what a build that was killed has kept of blobs that are finished."""
        with self.guarded():
            for digest in digests:
                self.partial_path(digest).unlink(missing_ok=True)

    def document(self, digest: Digest, limit: int) -> bytes | None:
        """Return a manifest or config if it is here undamaged."""
        try:
            with self.blob_path(digest).open("rb") as file:
                data = file.read(limit + 1)
        except OSError:
            return None
        _touch(self.blob_path(digest))
        return data if Digest.of(data) == digest else None

    def put_document(self, data: bytes) -> None:
        """Keep a manifest or config."""
        self._put(data, self.blob_path(Digest.of(data)))

    @contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """Give a new file to write a blob into; it is gone afterwards unless adopted.

        Raises:
            SourceFailed: `cache-unusable`: the disk is full or fails, here or in the block.
        """
        with self.guarded():
            incoming = self._create()
            try:
                yield incoming
            finally:
                incoming.path.unlink(missing_ok=True)
                os.close(incoming.descriptor)

    def _create(self) -> Incoming:
        while True:
            descriptor, name = tempfile.mkstemp(dir=self.scratch)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return Incoming(Path(name), descriptor)
            os.close(descriptor)  # another build swept it away before it was locked

    def adopt(self, incoming: Incoming, digest: Digest) -> None:
        """Make what came in the blob `digest`; its bytes must have been hashed."""
        incoming.path.rename(self.blob_path(digest))

    def link(self, file: int, digest: Digest) -> bool:
        """Make an open file of this cache the blob `digest`, without a copy.

        Returns:
            False where the file system can't, or the file has no name any more.
        """
        path = self.blob_path(digest)
        path.unlink(missing_ok=True)
        try:
            os.link(f"/proc/self/fd/{file}", path, src_dir_fd=file)
        except FileExistsError:
            return True
        except OSError:
            return False
        return True

    def layer(self, source: Digest, settings: str) -> LayerFacts | None:
        """Return what the layer `source` was made into with `settings`, if it is all here."""
        facts = read_facts(self._facts_path(source, settings))
        if facts is None:
            return None
        try:
            size = self.blob_path(facts.digest).stat().st_size
        except OSError:
            return None
        _touch(self._facts_path(source, settings))
        return facts if size == facts.size else None

    def all_layers(self) -> Iterator[LayerFacts]:
        """Yield what is known of every layer whose blob is here."""
        with self.guarded():
            for path in sorted((self.root / "facts").iterdir()):
                facts = read_facts(path)
                if facts is not None and self.blob_path(facts.digest).exists():
                    yield facts

    def put_layer(self, source: Digest, settings: str, facts: LayerFacts) -> None:
        """Remember what the layer `source` was made into; its blob must be in place."""
        self._put(written_facts(facts), self._facts_path(source, settings))

    def saw_made(self, digest: Digest) -> None:
        """Remember how a blob is now that this run has hashed it and put it in place.

        It gets a time in the past: a clock that ticks every few milliseconds would give a write
        that comes at once the time that the blob has already.
        """
        path, then = self.blob_path(digest), time.time_ns() - 10**9
        with suppress(OSError):
            os.utime(path, ns=(then, then))
            self._made[digest] = Witness.of(path)

    def made(self, digest: Digest) -> Witness | None:
        """Return how the blob was when this run hashed it; None if an earlier run did."""
        return self._made.get(digest)

    def _put(self, data: bytes, path: Path) -> None:
        with self.incoming() as incoming:
            incoming.write(data)
            incoming.path.rename(path)

    def evict(self, digest: Digest) -> None:
        """Drop a blob that turned out damaged; whoever needs it makes it anew."""
        self.blob_path(digest).unlink(missing_ok=True)

    def _facts_path(self, source: Digest, settings: str) -> Path:
        return self.root / "facts" / f"{source.hex}.{settings}.json"


def _touch(path: Path) -> None:
    """Remember that a file was used now; whoever can't write there never prunes there."""
    with suppress(OSError):
        os.utime(path)
