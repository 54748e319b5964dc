"""How a command loads what it works with: nobody looks for garbage meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Look for no garbage in this block: modules and models are none, and there are many.

    Where the program began so (`bundler.start`), what was loaded isn't looked at later, either; a
    process that has done other work before keeps all of it in view.
    """
    begun_so = not gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if begun_so:
            gc.freeze()
        gc.enable()
