"""Whether a shared library could be loaded; the answer only, `libraryasking` asks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loading:
    """What came of loading a library.

    Attributes:
        trouble: in the loader's words; empty when it was loaded.
        crashed: whether the process that loaded it was ended by a signal.
        hung: whether it was not done in time.
        tried: whether it could be tried at all.
    """

    trouble: str = ""
    crashed: bool = False
    hung: bool = False
    tried: bool = True
