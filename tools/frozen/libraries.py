"""Keeps the frozen program's shared libraries to itself.

The loader puts its folder into LD_LIBRARY_PATH. What is started from here, such as `ssh` or
`srun`, must have the host's libraries instead, and a child of the frozen program ours again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

LIBGCC: Final = "libgcc_s.so.1"
LIBSTDCXX: Final = "libstdc++.so.6"
FALLBACK: Final = "fallback"
"""Folder of the two, where only those look who found none on the host."""

_PATH: Final = "LD_LIBRARY_PATH"
_BEFORE: Final = "LD_LIBRARY_PATH_ORIG"
"""Where the loader keeps what it found."""


def use_own(folder: str, environ: MutableMapping[str, str]) -> None:
    """See that this process has our libraries, and that its children begin without them.

    They are read once, when a process starts: so one that has not got them starts itself again.
    """
    if folder in environ.get(_PATH, "").split(":"):
        _restore(environ)
        return
    os.execve(sys.executable, [sys.executable, *sys.argv[1:]], _with_own(folder, environ))


def lend(folder: str) -> None:
    """From now on give our libraries to each child that is this file itself.

    The loader of a child takes the parent's folder, but does not set the variable.
    """
    begin = subprocess.Popen.__init__

    def lent(self: Any, args: Any, *others: Any, **settings: Any) -> None:
        if isinstance(args, list | tuple) and args[:1] in ([sys.executable], (sys.executable,)):
            environ = settings.get("env")
            settings["env"] = _with_own(folder, os.environ if environ is None else environ)
        begin(self, args, *others, **settings)

    type.__setattr__(subprocess.Popen, "__init__", lent)


def _with_own(folder: str, environ: Mapping[str, str]) -> dict[str, str]:
    before = environ.get(_PATH)
    if before is None:
        return {**environ, _PATH: folder}
    return {**environ, _PATH: f"{folder}:{before}", _BEFORE: before}


def load(name: str, folder: str) -> None:
    """Load the host's library, ours where it has none.

    The host's drivers may need a newer one than ours, and only one of the name can be in a process.
    """
    import ctypes  # noqa: PLC0415 - it has a library of ours, which `use_own` sees to

    try:
        ctypes.CDLL(name, ctypes.RTLD_GLOBAL)
    except OSError:
        ours = Path(folder, FALLBACK, name)
        if ours.exists():
            ctypes.CDLL(str(ours), ctypes.RTLD_GLOBAL)


def _restore(environ: MutableMapping[str, str]) -> None:
    before = environ.pop(_BEFORE, None)
    if before is None:
        del environ[_PATH]
    else:
        environ[_PATH] = before
