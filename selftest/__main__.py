"""Entry of `python -m selftest`."""

from __future__ import annotations

import signal
import sys

from selftest.cli import main

if __name__ == "__main__":
    # Told to end, it cleans up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
