"""PackedBundle and signatures -> a directory, one tar, or numbered parts of one.

What comes from the cache or from the app's folder is hashed again, chunk by chunk, on its way,
unless this very run hashed it and nobody wrote to it since. A directory gets SHA256SUMS and its
signatures last. Where it all goes is `place`'s business.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from bundler.layers.pools import wait_all
from bundler.progress import Progress, Stage
from bundler.writing.entries import Entry, Witness
from bundler.writing.parts import PartWriter, check_part_count
from bundler.writing.place import (
    BUNDLE,
    Output,
    check_place,
    replace_directory,
    replace_files,
    staged,
)
from manifests.bundle import layout
from manifests.bundle.chunks import ChunkedFile
from manifests.bundle.tarform import BLOCK, END, header, padding
from manifests.digest import Digest
from manifests.errors import SourceFailed
from manifests.release import CHUNK_SIZE

WRITERS: Final = 4
"""Files written at once."""


class DamagedEntry(SourceFailed):
    """A cached blob or a file changed after it was hashed.

    Attributes:
        entry: whose bytes are not what was hashed.
    """

    def __init__(
        self, entry: Entry, reason: str = "its bytes changed since they were hashed"
    ) -> None:
        super().__init__(
            "source-changed",
            f"{entry.content if isinstance(entry.content, Path) else entry.name}: {reason}",
            hint="run the same command again",
        )
        self.entry = entry


def write(
    entries: Sequence[Entry], output: Output, accept: Callable[[Path], None], progress: Progress
) -> tuple[Path, ...]:
    """Write all entries and return the paths made.

    Args:
        entries: SHA256SUMS, its signatures, then everything else in its order.
        output: where to.
        accept: called with the written bundle before it takes the old one's place; may raise.
        progress: told of every byte.

    Raises:
        UsageError: `output-exists`: something else than a bundle is in the way; `output-busy`.
        DamagedEntry: an entry's bytes are not what was hashed.
        SourceFailed: `write-failed`, such as a full disk; what was there before stays.
    """
    check_place(output)
    progress.expect(Stage.WRITE, sum(entry.file.size for entry in entries))
    with staged(output) as staging:
        if output.is_tar:
            names = _write_tar(entries, staging, output, progress)
            accept(staging / names[0])
            return replace_files(staging, names, output)
        _write_directory(entries, staging / BUNDLE, progress)
        accept(staging / BUNDLE)
        return replace_directory(staging, output)


def is_damaged(entry: Entry) -> bool:
    """Tell whether an entry's bytes are no longer what was hashed."""
    try:
        for _ in checked_pieces(entry):
            pass
    except DamagedEntry:
        return True
    return False


def checked_pieces(entry: Entry) -> Iterator[memoryview]:
    """Yield an entry's bytes; a view is valid until the next is asked for.

    Raises:
        DamagedEntry: at the first chunk that does not match.
    """
    if isinstance(entry.content, bytes):
        yield memoryview(entry.content)
        return
    try:
        with entry.content.open("rb", buffering=0) as file:
            known = entry.witness is not None and entry.witness == Witness.of(file.fileno())
            yield from _pieces(entry, file, hashed=known)
    except OSError as error:
        raise DamagedEntry(entry, f"can't be read again: {error.strerror or error}") from error


def _pieces(entry: Entry, file: io.FileIO, *, hashed: bool) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(min(CHUNK_SIZE, entry.file.size)))
    for number, expected in enumerate(entry.file.chunks):
        view = buffer[: _chunk_length(entry.file, number)]
        filled = 0
        while filled < len(view) and (count := file.readinto(view[filled:])):
            filled += count
        if filled < len(view) or not (hashed or Digest.of(view) == expected):
            raise DamagedEntry(entry)
        yield view
    if file.read(1):
        raise DamagedEntry(entry)


def _chunk_length(file: ChunkedFile, number: int) -> int:
    return min(CHUNK_SIZE, file.size - number * CHUNK_SIZE)


def _write_directory(entries: Sequence[Entry], bundle: Path, progress: Progress) -> None:
    sealing = [entry for entry in entries if entry.name.startswith(layout.SUMS)]
    rest = [entry for entry in entries if not entry.name.startswith(layout.SUMS)]
    for folder in sorted({(bundle / entry.name).parent for entry in rest}):
        folder.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    pool = ThreadPoolExecutor(min(WRITERS, os.cpu_count() or 1), "write")
    try:
        by_size = sorted(rest, key=lambda entry: -entry.file.size)
        wait_all([pool.submit(_write_file, entry, bundle, progress, stop) for entry in by_size])
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
    for entry in sealing:
        _write_file(entry, bundle, progress, threading.Event())


def _write_file(entry: Entry, bundle: Path, progress: Progress, stop: threading.Event) -> None:
    path = bundle / entry.name
    with path.open("xb", buffering=0) as file:
        for piece in _told_pieces(entry, progress):
            if stop.is_set():
                return
            _write_all(file.fileno(), piece)
    if entry.executable:
        with suppress(PermissionError):  # FAT has no such bit; release.json has it
            path.chmod(0o755)


def _write_all(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view) :]


def _write_tar(
    entries: Sequence[Entry], staging: Path, output: Output, progress: Progress
) -> list[str]:
    size = sum(BLOCK + len(padding(one.file.size)) + one.file.size for one in entries) + len(END)
    check_part_count(size, output.part_size)
    with PartWriter(staging, output.path.name, output.part_size) as out:
        for entry in entries:
            out.write(header(entry.name, entry.file.size, executable=entry.executable))
            for piece in _told_pieces(entry, progress):
                out.write(piece)
            out.write(padding(entry.file.size))
        out.write(END)
    return out.names


def _told_pieces(entry: Entry, progress: Progress) -> Iterator[memoryview]:
    progress.start(Stage.WRITE, entry.name, entry.file.size)
    for piece in checked_pieces(entry):
        yield piece
        progress.advance(Stage.WRITE, entry.name, len(piece))
    progress.finish(Stage.WRITE, entry.name)
