"""Which glibc a set of ELF files needs: the newest symbol version that any of them asks for.

glibc keeps every older version, so the newest one asked for decides. Read with binutils' readelf.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_FILE: Final = re.compile(r"^File: (.*)$")
_NEED: Final = re.compile(r"Name: GLIBC_([0-9]+(?:\.[0-9]+)+) ")


@dataclass(frozen=True, slots=True)
class Floor:
    """The oldest glibc that will do.

    Attributes:
        version: such as `2.36`.
        because: names of the files that ask for it.
        files: how many were looked at.
    """

    version: str
    because: tuple[str, ...]
    files: int


def floor_of(files: Sequence[tuple[str, str]]) -> Floor:
    """Return what files need, given as name and path.

    Raises:
        ValueError: no file asks for any version.
    """
    needs = _needs([path for _, path in files])
    newest = max((version for found in needs.values() for version in found), default=None)
    if newest is None:
        raise ValueError("expected ELF files that use glibc, found none")
    because = sorted({name for name, path in files if newest in needs.get(path, ())})
    return Floor(".".join(map(str, newest)), tuple(because), len(files))


def _needs(paths: Sequence[str]) -> dict[str, set[tuple[int, ...]]]:
    # A file that there is twice makes readelf name every file, also where there is only one.
    argv = ["readelf", "--version-info", "--wide", *paths, *paths[:1]]
    told = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    needs: dict[str, set[tuple[int, ...]]] = {}
    found: set[tuple[int, ...]] = set()
    for line in told.splitlines():
        if (named := _FILE.match(line)) is not None:
            found = needs.setdefault(named[1], set())
        elif (need := _NEED.search(line)) is not None:
            found.add(tuple(map(int, need[1].split("."))))
    return needs
