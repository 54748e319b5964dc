"""Unpacks what only the self-test needs, once for a running program and all its children."""

from __future__ import annotations

import fcntl
import zipfile
from pathlib import Path
from typing import Final

from tools.frozen import libraries
from tools.frozen.libraries import LIBSTDCXX

ARCHIVE: Final = "aside.zip"
_LOCK: Final = "aside.lock"
_DONE: Final = "aside.done"


def unpack(folder: str) -> None:
    """Lay the self-test's libraries where its modules look for them; load what drivers share."""
    place = Path(folder)
    with (place / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / _DONE).exists():
            with zipfile.ZipFile(place / ARCHIVE) as archive:
                archive.extractall(place)
            (place / _DONE).touch()
    libraries.load(LIBSTDCXX, folder)
