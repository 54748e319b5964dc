"""PackedBundle and signatures -> a directory, one tar, or numbered parts of one.

Written beside its place under a name that no one takes for a bundle, then renamed: there is the
old bundle or the new one, never a half. What comes from the cache is hashed again, chunk by chunk,
on its way. A directory gets SHA256SUMS and its signatures last.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundler.entries import Entry
from bundler.parts import PartWriter
from bundler.progress import Progress, Stage
from manifests import layout
from manifests.chunks import ChunkedFile
from manifests.digest import Digest
from manifests.errors import SourceFailed, UsageError
from manifests.release import CHUNK_SIZE
from manifests.tarform import END, header, padding

PIECE: Final = 1024 * 1024
"""Bytes read, hashed and written at once."""


class DamagedBlob(SourceFailed):
    """A cached blob or a file changed after it was hashed.

    Attributes:
        digest: of the blob that must be made anew.
    """

    def __init__(self, entry: Entry) -> None:
        super().__init__(
            "source-changed",
            f"{entry.content if isinstance(entry.content, Path) else entry.name}: "
            "its bytes changed since they were hashed",
            hint="run the same command again",
        )
        self.digest = entry.digest


@dataclass(frozen=True, slots=True)
class Output:
    """Where and how a bundle is written.

    Attributes:
        path: the directory, or `NAME.tar`.
        part_size: bytes of each numbered part of the tar; None for one file.
    """

    path: Path
    part_size: int | None = None

    @property
    def is_tar(self) -> bool:
        """Whether the one-file form is asked for."""
        return self.path.suffix == ".tar"

    @property
    def staging(self) -> Path:
        """Where it lies until it is whole."""
        return self.path.with_name(f".{self.path.name}.partial")


def write(entries: Sequence[Entry], output: Output, progress: Progress) -> tuple[Path, ...]:
    """Write all entries and return the paths made.

    Args:
        entries: SHA256SUMS, its signatures, then everything else in its order.
        output: where to.
        progress: told of every byte.

    Raises:
        UsageError: `output-exists`: something else than a bundle is in the way.
        DamagedBlob: an entry's bytes are not what was hashed.
        SourceFailed: `write-failed`, such as a full disk; what was there before stays.
    """
    _check_in_the_way(output)
    try:
        output.path.parent.mkdir(parents=True, exist_ok=True)
        with _staged(output) as staging:
            if output.is_tar:
                names = _write_tar(entries, staging, output, progress)
                return _replace_files(staging, names, output)
            _write_directory(entries, staging, progress)
            return (_replace_directory(staging, output.path),)
    except OSError as error:
        raise SourceFailed(
            "write-failed",
            f"{output.path}: {error.strerror or error}",
            hint="free some space, or give another place with -o",
        ) from error


def _check_in_the_way(output: Output) -> None:
    path = output.path
    if path.is_symlink() or (path.exists() and path.is_dir() == output.is_tar):
        raise _in_the_way(path)
    is_bundle = (path / layout.RELEASE).exists() or (path / layout.SUMS).exists()
    if path.is_dir() and any(path.iterdir()) and not is_bundle:
        raise _in_the_way(path)


def _in_the_way(path: Path) -> UsageError:
    return UsageError(
        "output-exists",
        f"{path}: expected nothing or an older bundle, found something else",
        hint="move it away, or give another place with -o",
    )


@contextmanager
def _staged(output: Output) -> Iterator[Path]:
    """Give an empty directory beside the output; a killed run's is taken over."""
    staging = output.staging
    staging.mkdir(exist_ok=True)
    folder = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _take(folder, output.path)
        if (staging / "old").exists() and not output.path.exists():
            (staging / "old").rename(output.path)
        for left in staging.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        os.close(folder)


def _take(folder: int, path: Path) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(
            "output-busy", f"{path}: another build is writing there", hint="wait for it"
        ) from error


def _write_directory(entries: Sequence[Entry], staging: Path, progress: Progress) -> None:
    bundle = staging / "bundle"
    sealing = [entry for entry in entries if entry.name.startswith(layout.SUMS)]
    rest = [entry for entry in entries if not entry.name.startswith(layout.SUMS)]
    for folder in sorted({(bundle / entry.name).parent for entry in rest}):
        folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1), "write") as pool:
        by_size = sorted(rest, key=lambda entry: -entry.file.size)
        jobs = [pool.submit(_write_file, entry, bundle, progress) for entry in by_size]
        for job in jobs:
            job.result()
    for entry in sealing:
        _write_file(entry, bundle, progress)


def _write_file(entry: Entry, bundle: Path, progress: Progress) -> None:
    path = bundle / entry.name
    with path.open("xb", buffering=0) as file:
        progress.start(Stage.WRITE, entry.name, entry.file.size)
        for piece in checked_pieces(entry):
            _write_all(file.fileno(), piece)
            progress.advance(Stage.WRITE, entry.name, len(piece))
        progress.finish(Stage.WRITE, entry.name)
    if entry.executable:
        path.chmod(0o755)


def checked_pieces(entry: Entry) -> Iterator[memoryview]:
    """Yield an entry's bytes; a view is valid until the next is asked for.

    Raises:
        DamagedBlob: at the first chunk that does not match.
    """
    if isinstance(entry.content, bytes):
        yield memoryview(entry.content)
        return
    buffer = memoryview(bytearray(CHUNK_SIZE))
    try:
        with entry.content.open("rb", buffering=0) as file:
            for number, expected in enumerate(entry.file.chunks):
                view = buffer[: _chunk_length(entry.file, number)]
                filled = 0
                while filled < len(view) and (count := file.readinto(view[filled:])):
                    filled += count
                if filled < len(view) or Digest.of(view) != expected:
                    raise DamagedBlob(entry)
                yield view
            if file.read(1):
                raise DamagedBlob(entry)
    except FileNotFoundError as error:
        raise DamagedBlob(entry) from error


def _chunk_length(file: ChunkedFile, number: int) -> int:
    return min(CHUNK_SIZE, file.size - number * CHUNK_SIZE)


def _write_all(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view) :]


def _write_tar(
    entries: Sequence[Entry], staging: Path, output: Output, progress: Progress
) -> list[str]:
    with PartWriter(staging, output.path.name, output.part_size) as out:
        for entry in entries:
            progress.start(Stage.WRITE, entry.name, entry.file.size)
            out.write(header(entry.name, entry.file.size, executable=entry.executable))
            for piece in checked_pieces(entry):
                out.write(piece)
                progress.advance(Stage.WRITE, entry.name, len(piece))
            out.write(padding(entry.file.size))
            progress.finish(Stage.WRITE, entry.name)
        out.write(END)
    return out.names


def _replace_files(staging: Path, names: list[str], output: Output) -> tuple[Path, ...]:
    """Put the tar or its parts in place; the first part, without which none is read, last."""
    folder = output.path.parent
    stale = {path.name for path in folder.glob(f"{output.path.name}.[0-9]*")} - set(names)
    for name in sorted(stale | {output.path.name} - set(names)):
        (folder / name).unlink(missing_ok=True)
    for name in reversed(names):
        (staging / name).rename(folder / name)
    return tuple(folder / name for name in names)


def _replace_directory(staging: Path, path: Path) -> Path:
    if path.exists():
        path.rename(staging / "old")
    (staging / "bundle").rename(path)
    return path
