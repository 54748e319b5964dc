"""The place that a bundle is written to: what may be in the way, and how the new comes for the old.

A bundle is written beside its place, under a name that no one takes for a bundle, and renamed:
a reader finds the old bundle, the new one or none, never a half. What a killed run left is taken
over by the next one.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from manifests.bundle import layout
from manifests.bundle.claim import claim, staging_of
from manifests.bundle.tarform import header, part_name
from manifests.errors import SourceFailed, UsageError

BUNDLE: Final = "bundle"
"""The new directory's name while it is written."""
OLD: Final = "old"
"""The old directory's name while the new one takes its place; whoever finds it puts it back."""
GONE: Final = "gone"
"""Its name when it is being removed."""

_OWN: Final = {
    layout.SUMS,
    layout.RELEASE,
    layout.OCI_LAYOUT,
    layout.INDEX,
    layout.DOCKER_MANIFEST,
    layout.BLOBS.partition("/")[0],
    layout.FILES.partition("/")[0],
    layout.TOOLS.partition("/")[0],
    layout.PARITY.partition("/")[0],
}
_HINTS: Final = {
    errno.ENOSPC: "free some space, or give another place with -o",
    errno.EDQUOT: "free some space, or give another place with -o",
    errno.EFBIG: "its file system takes no file of that size: add -o NAME.tar --part-size 2GiB",
}


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
        return staging_of(self.path)

    def parts(self) -> list[Path]:
        """Return what is there of a bundle in parts."""
        pattern = re.compile(rf"{re.escape(self.path.name)}\.[0-9]{{3,4}}", re.ASCII)
        folder = self.path.parent
        entries = folder.iterdir() if folder.is_dir() else ()
        return sorted(path for path in entries if pattern.fullmatch(path.name))


def check_place(output: Output) -> None:
    """Refuse to replace what is no bundle.

    Raises:
        UsageError: `output-exists`.
        SourceFailed: `write-failed`: it can't be seen.
    """
    with told(output):
        if output.path.is_mount():
            raise UsageError(
                "output-exists",
                f"{output.path}: expected a place for a bundle, found a whole file system",
                hint=f"give a folder in it: -o {output.path}/NAME",
            )
        if os.path.lexists(output.path) and not _replaceable(output.path, is_tar=output.is_tar):
            raise _in_the_way(output.path)
        for part in output.parts() if output.is_tar else ():
            is_first = part.name == part_name(output.path.name, 1)
            if not part.is_file() or (is_first and not _is_tar_of_ours(part)):
                raise _in_the_way(part)


def _replaceable(path: Path, *, is_tar: bool) -> bool:
    mode = path.lstat().st_mode
    if is_tar:
        return stat.S_ISREG(mode) and _is_tar_of_ours(path)
    return stat.S_ISDIR(mode) and _is_folder_of_ours(path)


def _is_tar_of_ours(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(len(layout.SUMS) + 1)
    return start in (b"", header(layout.SUMS, 0)[: len(start)])


def _is_folder_of_ours(path: Path) -> bool:
    """Tell whether nothing is there, or a bundle and nothing else."""
    names = {entry.name for entry in path.iterdir()}
    rest = {name for name in names if not (layout.is_signature(name) or layout.is_litter(name))}
    return not names or {layout.SUMS, layout.RELEASE} <= rest <= _OWN


def _in_the_way(path: Path) -> UsageError:
    return UsageError(
        "output-exists",
        f"{path}: expected nothing or an older bundle, found something else",
        hint="move it away, or give another place with -o",
    )


@contextmanager
def told(output: Output) -> Iterator[None]:
    """Tell what fails with the output's disk in the block.

    Raises:
        SourceFailed: `write-failed`.
    """
    try:
        yield
    except OSError as error:
        raise SourceFailed(
            "write-failed",
            f"{output.path}: {error.strerror or error}",
            hint=_HINTS.get(error.errno or 0, "give another place with -o"),
        ) from error


@contextmanager
def staged(output: Output) -> Iterator[Path]:
    """Give an empty directory beside the output, alone; it is gone afterwards.

    Raises:
        UsageError: `output-busy`: another process is writing there.
        SourceFailed: `write-failed`.
    """
    with told(output):
        output.path.parent.mkdir(parents=True, exist_ok=True)
        folder = claim(output.path)
        try:
            _clear(output)
            yield output.staging
        finally:
            with suppress(OSError):
                _clear(output)
                output.staging.rmdir()
            os.close(folder)


def _clear(output: Output) -> None:
    """Put the old bundle back if nothing has come for it, and remove the rest."""
    old, gone = output.staging / OLD, output.staging / GONE
    if old.exists() and not output.path.exists():
        old.rename(output.path)
    _remove(gone)
    if old.exists():
        old.rename(gone)
    for left in output.staging.iterdir():
        _remove(left)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def replace_directory(staging: Path, output: Output) -> tuple[Path, ...]:
    """Put the new directory in the old one's place."""
    if output.path.exists():
        output.path.rename(staging / OLD)
    (staging / BUNDLE).rename(output.path)
    return (output.path,)


def replace_files(staging: Path, names: Sequence[str], output: Output) -> tuple[Path, ...]:
    """Put the tar or its parts in the old one's place.

    Without its first part nothing is read: so the old first part goes first, the new comes last.
    """
    folder = output.path.parent
    if output.part_size is None:
        (staging / names[0]).rename(folder / names[0])
    for part in output.parts():
        part.unlink()
    if output.part_size is not None:
        for name in reversed(names):
            (staging / name).rename(folder / name)
        output.path.unlink(missing_ok=True)
    return tuple(folder / name for name in names)
