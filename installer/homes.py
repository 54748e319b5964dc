"""Where this host keeps its keys, its ledger and its settings for apps, unless told otherwise.

Loads nothing: the full-screen program knows them before there is a command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TRUST_DIRECTORY: Final = Path("/etc/moonlift")
STATE_DIRECTORY: Final = Path("/var/lib/moonlift")
SETTINGS_DIRECTORY: Final = Path("/etc/moonlift/apps")

TRUST_VARIABLE: Final = "MOONLIFT_TRUST_DIR"
STATE_VARIABLE: Final = "MOONLIFT_STATE_DIR"
SETTINGS_VARIABLE: Final = "MOONLIFT_SETTINGS_DIR"


@dataclass(frozen=True, slots=True)
class Homes:
    """The three folders.

    Attributes:
        trust: has the trusted keys.
        state: has the ledger, the log and the reports.
        settings: has a folder for each app.
    """

    trust: Path = TRUST_DIRECTORY
    state: Path = STATE_DIRECTORY
    settings: Path = SETTINGS_DIRECTORY

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Homes:
        """Return what variables name; an empty one counts as none, as on the command line."""
        return cls(
            Path(environ.get(TRUST_VARIABLE) or TRUST_DIRECTORY),
            Path(environ.get(STATE_VARIABLE) or STATE_DIRECTORY),
            Path(environ.get(SETTINGS_VARIABLE) or SETTINGS_DIRECTORY),
        )
