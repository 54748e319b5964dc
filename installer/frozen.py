"""What the installer knows of being frozen into one file: what that needs, and whose variables are.

The file is made by `tools/freeze`; nothing else here depends on it. See docs/frozen.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_FACTS: Final = "frozen.json"
_NAMED: Final = 3
_LOADERS: Final = "_PYI_"
"""Before the names of the variables that tell a child where its parent has unpacked the file."""


def build_lines() -> list[str]:
    """Return what the frozen file needs of a host, and why; nothing when this is none."""
    folder = getattr(sys, "_MEIPASS", None)
    if folder is None:
        return []
    import json  # noqa: PLC0415 - no verb needs it for this

    facts = json.loads(Path(folder, _FACTS).read_bytes())
    because = facts["because"]
    more = len(because) - _NAMED
    return [
        f"one file, with CPython {facts['python']}",
        f"needs {facts['machine']}, glibc {facts['glibc']} or later: {', '.join(because[:_NAMED])}"
        + (f" and {more} more" if more > 0 else "")
        + f" of {facts['files']} programs and libraries ask for it",
    ]


def portable_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are good on another machine, where this file is not unpacked."""
    return {name: value for name, value in environ.items() if not name.startswith(_LOADERS)}
