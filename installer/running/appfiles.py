"""The files that a release carries besides images, placed on this host.

Owns `files/<product>/<digest>/` of the state directory. A folder is named after everything in it,
so that two releases with the same files share one, and it is there whole or not at all: it is
written beside, waited for, and renamed. Does not know what mounts it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from installer.running.descriptors import FILE_MODE, sync_directory, write_all
from installer.state.hostdir import DIRECTORY_MODE, HostDirectory
from manifests.bundle.chunks import chunked_file, verified_chunks
from manifests.bundle.layout import FILES
from manifests.bundle.medium import Medium
from manifests.bundle.sums import check_name
from manifests.digest import Digest
from manifests.errors import NotInstallableHere
from manifests.release import FileRecord, Release
from manifests.strictjson import canonical

FOLDER: Final = "files"
"""Below the state directory."""

_ROOM: Final = "files"
_PROGRAM_MODE: Final = 0o755
_NAME_LENGTH: Final = 16
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW

Advance = Callable[[int], None]
"""Told of bytes written; may raise to break off."""


def files_folder(state: Path, release: Release) -> Path:
    """Return where the files of `release` lie, without `files/` before their names."""
    entries = sorted((one.name, str(one.digest), one.executable) for one in release.files)
    name = Digest.of(canonical([list(entry) for entry in entries])).hex[:_NAME_LENGTH]
    return state / FOLDER / release.product / name


def is_placed(state: Path, release: Release) -> bool:
    """Tell whether all files of `release` lie on this host, in their sizes."""
    folder = files_folder(state, release)
    return all(_has(folder / _below(one), one) for one in release.files)


def place_files(state: Path, release: Release, medium: Medium, advance: Advance) -> Path:
    """Write the files of `release`, each chunk checked, and return their folder.

    Raises:
        BundleRefused: a file is not what was signed.
        NotInstallableHere: `files-io`, `files-unsafe`.
    """
    folder = files_folder(state, release)
    passing = folder.with_name(f".{folder.name}.new")
    for one in (state, state / FOLDER, folder.parent):
        HostDirectory(one, _ROOM).create()
    HostDirectory(folder.parent, _ROOM).names()  # refuses a folder that others may change
    try:
        _remove(passing)
        passing.mkdir(mode=DIRECTORY_MODE)
        for record in release.files:
            _write(passing / _below(record), record, _content(release, medium, record, advance))
        _sync(passing)
        _remove(folder)
        passing.rename(folder)
        sync_directory(folder.parent)
    except OSError as error:
        raise _failed(folder, error) from error
    return folder


def forget_files(state: Path, product: str, needed: Iterable[Release]) -> None:
    """Remove the files of a product but those of the releases that are needed.

    Raises:
        NotInstallableHere: `files-io`, `files-unsafe`.
    """
    home = HostDirectory(state / FOLDER / product, _ROOM)
    keep = {files_folder(state, release).name for release in needed}
    try:
        for name in home.names():
            if name not in keep:
                _remove(home.path / name)
    except OSError as error:
        raise _failed(home.path, error) from error


def files_bytes(release: Release) -> int:
    """Return the bytes of all files that `release` carries."""
    return sum(one.size for one in release.files)


def _below(record: FileRecord) -> str:
    return check_name(record.name).removeprefix(FILES)


def _has(path: Path, record: FileRecord) -> bool:
    try:
        return path.is_file() and path.stat().st_size == record.size
    except OSError:
        return False


def _content(
    release: Release, medium: Medium, record: FileRecord, advance: Advance
) -> Iterator[memoryview]:
    file = chunked_file(release, record.name, record.size, record.digest)
    for chunk in verified_chunks(medium, file):
        advance(len(chunk))
        yield chunk


def _write(path: Path, record: FileRecord, content: Iterator[memoryview]) -> None:
    mode = _PROGRAM_MODE if record.executable else FILE_MODE
    path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    descriptor = os.open(path, _CREATE, mode)
    try:
        os.fchmod(descriptor, mode)
        for chunk in content:
            write_all(descriptor, bytes(chunk))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    """Wait for the names in a folder and below; folders are as everyone may enter them."""
    for name, _, _ in os.walk(folder):
        Path(name).chmod(DIRECTORY_MODE)
        sync_directory(Path(name))


def _remove(path: Path) -> None:
    """Remove what lies at `path`; nothing happens if nothing does."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _failed(path: Path, error: OSError) -> NotInstallableHere:
    return NotInstallableHere(
        "files-io",
        f"{path}: the app's files can't be written: {error.strerror or error}",
        hint="free space there, or choose another folder: --state-dir",
        path=str(path),
    )
