"""Where a person was, so that the program reopens there after a crash or a lost connection.

Owns `screen.json` in the state directory: which bundle, which engine, which step. What was done is
not in it: that is found out by planning anew. It decides nothing, so a damaged one is forgotten.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from installer.state.hostdir import HostDirectory
from installer.tui.steps import Step
from manifests.errors import MoonliftError
from manifests.strictjson import JsonValue, load_object, readable

_NAME: Final = "screen.json"
_LIMIT: Final = 64 * 1024
_SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person was.

    Attributes:
        bundle: which bundle.
        engine: as on the command line.
        step: which step.
    """

    bundle: Path
    engine: str
    step: Step


class Journal:
    """The one file; a user who may not write it has none."""

    def __init__(self, state: Path) -> None:
        self._home = HostDirectory(state, "ledger")

    def read(self) -> Place | None:
        """Return where a person was; None if nothing was left open."""
        with suppress(MoonliftError, ValueError, KeyError):
            raw = self._home.read(_NAME, limit=_LIMIT)
            found = load_object(raw or b"{}", limit=_LIMIT, subject=_NAME)
            if found["schema"] == _SCHEMA:
                step = Step(str(found["step"]))
                return Place(Path(str(found["bundle"])), str(found["engine"]), step)
        return None

    def write(self, place: Place) -> None:
        """Remember where a person is."""
        document: dict[str, JsonValue] = {
            "schema": _SCHEMA,
            "bundle": str(place.bundle),
            "engine": place.engine,
            "step": str(place.step),
        }
        with suppress(MoonliftError):
            self._home.create()
            self._home.write(_NAME, readable(document))

    def forget(self) -> None:
        """Remember nothing: all that was begun is done, or was left on purpose."""
        with suppress(MoonliftError):
            if self._home.exists():
                self._home.remove(_NAME)


class Notebook:
    """The journal of a screen: written by a thread, one after the other, for a disk may be slow.

    Attributes:
        journal: what is written.
    """

    def __init__(self, state: Path) -> None:
        self.journal = Journal(state)
        self._writer = ThreadPoolExecutor(1, "moonlift-journal")

    def note(self, bundle: Path | None, engine: str, step: Step) -> None:
        """Remember where a person is, between the choice of a bundle and the summary."""
        if bundle is None or step in (Step.CHOOSE, Step.SUMMARY):
            self.strike()
        else:
            self._writer.submit(self.journal.write, Place(bundle.absolute(), engine, step))

    def strike(self) -> None:
        """Remember nothing any more."""
        self._writer.submit(self.journal.forget)
