"""Reads the words with which the packages start Python for their children.

They start `sys.executable`, which is the frozen file itself. It understands so much of Python's
command line as they use, and runs modules of this list and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MODULES: Final = frozenset(
    {
        "selftest",
        "selftest.worker",
        "installer.checks.libraryprobe",
        "installer.checks.nvmlprobe",
    }
)
_ALONE: Final = frozenset({"-P", "-I", "-S"})
"""Options that keep Python from looking for modules elsewhere, as a frozen one never does."""


@dataclass(frozen=True, slots=True)
class PythonWords:
    """What Python is to run.

    Attributes:
        module: its name.
        arguments: for it.
        reports_crashes: whether `-X faulthandler` was given.
    """

    module: str
    arguments: tuple[str, ...]
    reports_crashes: bool = False


def words_of_python(words: Sequence[str], folder: str) -> PythonWords | None:
    """Return what Python would run; None when the words are the installer's own.

    Args:
        words: the command line after the program.
        folder: where the frozen modules seem to lie, for programs that are given as a path.
    """
    rest, reports = list(words), False
    while rest and (rest[0] in _ALONE or rest[:2] == ["-X", "faulthandler"]):
        option = rest.pop(0)
        if option == "-X":
            rest.pop(0)
            reports = True
    if rest[:1] == ["-m"] and len(rest) > 1 and rest[1] in MODULES:
        return PythonWords(rest[1], tuple(rest[2:]), reports)
    if rest and (module := _module_at(rest[0], folder)) in MODULES:
        return PythonWords(module, tuple(rest[1:]), reports)
    return None


def _module_at(path: str, folder: str) -> str:
    if not Path(path).is_relative_to(folder):
        return ""
    return ".".join(Path(path).relative_to(folder).with_suffix("").parts)
