"""An app manifest on disk -> App, and the files that it carries."""

from __future__ import annotations

import errno
import os
import platform as host
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bundler.writing.entries import Entry
from manifests.appmanifest.app import App
from manifests.appmanifest.entries import AppFile
from manifests.bundle.chunks import ChunkedFile, ChunkHasher
from manifests.bundle.sums import MalformedSums, Sums, check_name
from manifests.digest import Digest, new_hash
from manifests.errors import AppManifestError, UsageError
from manifests.platform import Platform
from manifests.yaml.node import SIZE_LIMIT

PIECE: Final = 1024 * 1024
MAX_FILES: Final = 10_000
_MACHINES: Final = {
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "loongarch64": ("loong64", ""),
}
"""Names that the kernel and Go give to the same processors; `Platform` knows the others."""
_OTHER_NAME: Final = "give one of them another name with `to:`"


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


def host_platform() -> Platform:
    """Return `linux/` and this machine's architecture."""
    machine = host.machine().lower()
    architecture, variant = _MACHINES.get(machine, (machine, ""))
    return Platform.normalized("linux", architecture, variant)


def read_files(app: App, base: Path) -> tuple[Entry, ...]:
    """Hash what the app carries besides images; a folder stands for every file beneath it.

    Raises:
        AppManifestError: `file-not-found`, `file-name`, `file-outside`: what can't be carried.
    """
    found = [pair for item in app.files for pair in _expand(item, base)]
    if len(found) > MAX_FILES:
        raise AppManifestError(
            "file-name", f"expected at most {MAX_FILES} files, found {len(found)}"
        )
    entries = sorted((_entry(path, name) for path, name in found), key=lambda one: one.name)
    _check_names([entry.name for entry in entries])
    return tuple(entries)


def _check_names(names: Sequence[str]) -> None:
    """Refuse names that are one, or file and folder at once, where case does not count."""
    seen: dict[str, str] = {}
    for name in names:
        if (other := seen.get(name.casefold())) is not None:
            raise AppManifestError(
                "file-name", f"{other} and {name} can't both be in a bundle", hint=_OTHER_NAME
            )
        seen[name.casefold()] = name
    try:
        if names:
            Sums({name: Digest.of(b"") for name in names})
    except MalformedSums as error:
        raise AppManifestError("file-name", str(error), hint=_OTHER_NAME) from error


def _expand(item: AppFile, base: Path) -> Iterator[tuple[Path, str]]:
    source = base / item.source
    if not source.is_dir():
        yield _inside(source, base), item.name
        return
    for folder, folders, files in os.walk(_inside(source, base)):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*files, *links]):
            path = Path(folder) / name
            yield _inside(path, base), f"{item.name}/{path.relative_to(source).as_posix()}"


def _inside(path: Path, base: Path) -> Path:
    if not path.resolve().is_relative_to(base.resolve()):
        raise AppManifestError(
            "file-outside", f"{path}: expected a file beneath {base}, found a way out of it"
        )
    return path


def _entry(path: Path, name: str) -> Entry:
    try:
        check_name(name)
        return hash_file(path, name)
    except MalformedSums as error:
        raise AppManifestError("file-name", f"{path}: can't be carried: {error}") from error
    except OSError as error:
        raise AppManifestError(
            "file-not-found", f"expected a file at {path}, found {error.strerror or error}"
        ) from error


def hash_file(path: Path, name: str) -> Entry:
    """Return a file as it is now, under the name that it shall have in the bundle.

    Raises:
        OSError: it can't be read, or is no regular file.
    """
    whole, chunks, size = new_hash(), ChunkHasher(), 0
    with open(path, "rb", opener=_open_file) as file:
        while piece := file.read(PIECE):
            whole.update(piece)
            chunks.update(piece)
            size += len(piece)
        executable = bool(os.fstat(file.fileno()).st_mode & stat.S_IXUSR)
    digests = tuple(map(Digest, chunks.finish()))
    return Entry(ChunkedFile(name, size, digests), Digest.from_hash(whole), path, executable)


def _open_file(path: str, flags: int) -> int:
    """Open a regular file; a pipe or device is refused instead of waited for."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "something that is no regular file")
    return descriptor
