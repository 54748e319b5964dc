"""The tools that a bundle carries for hosts that lack them: the frozen installer, as a signed file.

Owns what may be carried as one. Nothing of it is run here: it may be for another machine.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

from bundler.locking.appfiles import hash_file
from bundler.writing.entries import Entry
from manifests.bundle.layout import INSTALLER
from manifests.errors import UsageError

_ELF: Final = b"\x7fELF"


def installer_entries(path: Path | None) -> tuple[Entry, ...]:
    """Return the installer as the bundle carries it, executable; nothing for None.

    Raises:
        UsageError: `installer-file`: there is no such file, or it is no program.
    """
    if path is None:
        return ()
    try:
        with path.open("rb") as file:
            start = file.read(len(_ELF))
        entry = hash_file(path, INSTALLER)
    except OSError as error:
        raise _refusal(path, error.strerror or str(error)) from error
    if start != _ELF:
        raise _refusal(path, "a file that is no ELF program")
    return (dataclasses.replace(entry, executable=True),)


def _refusal(path: Path, found: str) -> UsageError:
    return UsageError(
        "installer-file",
        f"{path}: expected the installer in one file, found {found}",
        hint="make installer makes it: dist/installer",
    )
