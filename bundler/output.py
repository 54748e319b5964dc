"""Standard output of `bundle` without a screen: lines for copying, documents for programs.

Whatever is drawn or told is `bundler.console`'s, which takes long to load.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from manifests.errors import MoonliftError
from manifests.safetext import safe_text
from manifests.strictjson import JsonValue, readable


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output as they are: paths and commands, for copying."""
    sys.stdout.write("".join(f"{safe_text(line)}\n" for line in lines))
    sys.stdout.flush()


def print_json(value: JsonValue) -> None:
    """Write one JSON document to standard output."""
    sys.stdout.write(readable(value).decode())
    sys.stdout.flush()


def error_json(error: MoonliftError) -> dict[str, JsonValue]:
    """Return an expected failure for programs, as the member that every document of one has."""
    return {
        "error": {
            "code": error.code,
            "message": str(error),
            "hint": error.hint,
            "context": dict(error.context),
            "exit": int(error.exit_code),
            "problems": [
                {
                    "code": part.code,
                    "message": str(part),
                    "hint": part.hint,
                    "context": dict(part.context),
                }
                for part in error.parts
            ],
        }
    }
