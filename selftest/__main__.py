"""Entry of `python -m selftest`."""

from __future__ import annotations

import sys

from selftest.cli import main

if __name__ == "__main__":
    sys.exit(main())
