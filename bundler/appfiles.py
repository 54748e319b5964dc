"""An app manifest on disk -> App, the images that it wants, the files that it carries."""

from __future__ import annotations

import os
import platform as host
from collections.abc import Iterator, Sequence
from pathlib import Path

from bundler.entries import Entry
from bundler.resolve import WantedImage
from manifests.app import App, AppFile
from manifests.chunks import ChunkedFile, ChunkHasher
from manifests.digest import Digest, new_hash
from manifests.errors import AppManifestError, UsageError
from manifests.platform import Platform
from manifests.release import LayerPolicy
from manifests.sums import MalformedSums, check_name
from manifests.yamltree import SIZE_LIMIT

PIECE = 1024 * 1024
MAX_FILES = 10_000


def read_app(path: Path) -> App:
    """Read and parse an app manifest.

    Raises:
        UsageError: `app-not-found`.
        AppManifestError: `app-invalid`, with every problem.
    """
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise UsageError(
            "app-not-found",
            f"expected an app manifest at {path}, found {error.strerror}",
            hint="bundle init writes one to start from",
        ) from error
    return App.parse(data, str(path))


def wanted_images(
    app: App, *, policy: LayerPolicy | None, platforms: Sequence[Platform]
) -> tuple[WantedImage, ...]:
    """Return the app's images with every default filled in.

    Args:
        app: the manifest.
        policy: overrides every image's own.
        platforms: override every image's own.
    """
    return tuple(
        WantedImage(
            reference=image.reference,
            written=image.image,
            policy=policy or image.layers,
            platforms=tuple(platforms) or app.platforms_of(image, host_platform()),
            origin=str(image.origin),
        )
        for image in app.images
    )


def host_platform() -> Platform:
    """Return `linux/` and this machine's architecture."""
    return Platform.normalized("linux", host.machine().lower())


def read_files(app: App, base: Path) -> tuple[Entry, ...]:
    """Hash what the app carries besides images; a folder stands for every file beneath it.

    Raises:
        AppManifestError: `file-not-found`, `file-name`, `file-outside`: what can't be carried.
    """
    entries = [_entry(path, target) for item in app.files for path, target in _expand(item, base)]
    names = [entry.name for entry in entries]
    if len(names) > MAX_FILES or len({name.casefold() for name in names}) != len(names):
        raise AppManifestError(
            "file-name", f"expected at most {MAX_FILES} files, no two of the same name"
        )
    return tuple(sorted(entries, key=lambda entry: entry.name))


def _expand(item: AppFile, base: Path) -> Iterator[tuple[Path, str]]:
    source = base / item.source
    if not source.resolve().is_relative_to(base.resolve()):
        raise AppManifestError(
            "file-outside", f"{item.source}: expected a file beneath {base}, found a way out of it"
        )
    if source.is_dir():
        for folder, folders, files in os.walk(source):
            folders.sort()
            for name in sorted(files):
                path = Path(folder) / name
                yield path, f"{item.name}/{path.relative_to(source).as_posix()}"
        return
    yield source, item.name


def _entry(path: Path, name: str) -> Entry:
    try:
        check_name(name)
        if not path.is_file():
            raise FileNotFoundError(path)
        return _hash(path, name)
    except MalformedSums as error:
        raise AppManifestError("file-name", f"{path}: can't be carried: {error}") from error
    except OSError as error:
        raise AppManifestError(
            "file-not-found", f"expected a file at {path}: {error.strerror or 'not a regular file'}"
        ) from error


def _hash(path: Path, name: str) -> Entry:
    whole, chunks, size = new_hash(), ChunkHasher(), 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            whole.update(piece)
            chunks.update(piece)
            size += len(piece)
        executable = bool(os.fstat(file.fileno()).st_mode & 0o100)
    digests = tuple(map(Digest, chunks.finish()))
    return Entry(ChunkedFile(name, size, digests), Digest.from_hash(whole), path, executable)
