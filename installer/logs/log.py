"""The log: what this program did, line by line, for whoever must find out why.

Owns what is logged and how a line looks. One formatter for all of it: no control character, no
secret, and whatever has several lines is indented, so that no text of others looks like a record.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from installer.events import Advanced, Event, Failure, PictureDrawn, StageFailed, to_json
from installer.logs.logfile import LogFile
from installer.logs.redaction import REDACTION
from manifests.safetext import safe_text
from manifests.strictjson import canonical

LOGGER: Final = logging.getLogger("installer")
RECORD_LIMIT: Final = 32 * 1024
"""Characters of one record."""


class OneLine(logging.Formatter):
    """`2026-11-27T04:10:43Z 4711 info what happened`."""

    def __init__(self) -> None:
        super().__init__("{asctime} {process} {levelname} {message}", "%Y-%m-%dT%H:%M:%SZ", "{")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """Return the record without secrets and control characters."""
        made = REDACTION.text(super().format(record))
        return safe_text(made, limit=RECORD_LIMIT).replace("\n", "\n    ")


class Talk(logging.Handler):
    """Standard error as it is at the time: a progress bar may have taken it over."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        sys.stderr.write(f"{self.format(record)}\n")
        sys.stderr.flush()


def open_log(state: Path, *, verbose: bool) -> None:
    """Log to the state folder from here on, and to standard error too if that is wanted.

    Args:
        state: this host's state folder.
        verbose: whether a person wants to see it.
    """
    LOGGER.propagate = False
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.handlers[:] = [LogFile(state), *([Talk()] if verbose else [])]
    for handler in LOGGER.handlers:
        handler.setFormatter(OneLine())


def log_start(version: str, words: Sequence[str]) -> None:
    """Log what was asked of this program."""
    LOGGER.info("moonlift %s: installer %s", version, " ".join(words))


def log_event(event: Event) -> None:
    """Log what a run tells; how far it is, is no news."""
    if isinstance(event, Advanced | PictureDrawn):
        return
    facts = to_json(event)
    level = logging.ERROR if isinstance(event, StageFailed) else logging.INFO
    LOGGER.log(level, "%s %s", facts.pop("event"), canonical(facts).decode())


def log_failure(failure: Failure) -> None:
    """Log an expected failure."""
    LOGGER.error("%s: %s (exit %d)", failure.code, failure.message, failure.exit_code)


def log_bug(error: BaseException) -> None:
    """Log what was not expected, with its traceback."""
    LOGGER.critical("a bug", exc_info=error)


LOGGER.addHandler(logging.NullHandler())
