"""Loads the shared library named on the command line; runs as a program of its own.

Loading runs code of a driver, which may crash or hang: only this process goes down with it. Ends
with 0 when it was loaded; else writes what the loader said and ends with 1.
"""

from __future__ import annotations

import ctypes
import os
import sys


def main() -> None:
    """Load it and end at once, before the driver's own clean-up has a chance to fail."""
    try:
        ctypes.CDLL(sys.argv[1])
    except OSError as error:
        os.write(1, str(error).encode(errors="replace"))
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
