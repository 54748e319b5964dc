"""Reads of a bundle's files that end, and that are tried again where a drive fails.

Owns how often a place is read again: a bounded number of times, past the system's memory of it, and
then no more. Knows media and their failures; what bytes must be its callers say.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing, suppress
from time import sleep
from typing import Final

from manifests.bundle.drivefaults import unreadable
from manifests.bundle.layout import SUMS
from manifests.bundle.medium import Medium
from manifests.digest import Digest, digest_mismatch
from manifests.errors import BundleRefused

PAUSES: Final = (0.05, 0.1, 0.2)
"""Seconds before each further try of one place."""
MAX_HOPELESS: Final = 64
"""Places read again in vain, after which every other one is read once: a drive can have many."""
FAULTS: Final = frozenset(
    {
        "bundle-truncated",
        "chunk-damaged",
        "digest-mismatch",
        "file-missing",
        "medium-unreadable",
    }
)
"""Codes of what may come right when it is read again, and is damage where it does not."""

Judge = Callable[[memoryview], BundleRefused | None]
"""Says what is wrong with bytes that were read."""


class Patience:
    """How much more a medium is asked again."""

    def __init__(self) -> None:
        self._left = MAX_HOPELESS

    def pauses(self) -> tuple[float, ...]:
        """Return the pauses before further tries of the next place that fails."""
        return PAUSES if self._left else ()

    def in_vain(self) -> None:
        """Count a place that all tries did not bring."""
        self._left = max(0, self._left - 1)


class PatientFile:
    """A file of a medium; what fails is read again, unless it comes through a pipe."""

    def __init__(self, medium: Medium, name: str, patience: Patience | None = None) -> None:
        self._medium = medium
        self._name = name
        self._patience = patience or Patience()
        self._position = 0
        self._stream: io.RawIOBase | None = None
        try:
            self._stream = medium.open(name)
        except BundleRefused as error:
            if error.code not in FAULTS or name not in medium.sizes:
                raise

    def fill(self, view: memoryview, offset: int, judge: Judge) -> None:
        """Fill `view` with the bytes at `offset`, such that `judge` finds nothing wrong.

        What is wrong in the same way twice is taken for what is there; an error of the drive is
        given every try.

        Raises:
            BundleRefused: one of `FAULTS`, or `medium-gone`.
        """
        before, error = None, self._tried(view, offset, judge)
        pauses = () if self._medium.sequential else self._patience.pauses()
        for pause in pauses:
            if error is None or _is_settled(before, error):
                break
            sleep(pause)
            self._let_go()
            before, error = error, self._tried(view, offset, judge)
        if error is not None:
            self._patience.in_vain()
            raise error if self._answers(error) else _gone(self._medium, error)

    def close(self) -> None:
        """Close it."""
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    def _tried(self, view: memoryview, offset: int, judge: Judge) -> BundleRefused | None:
        """Read once; return what went wrong."""
        try:
            self._read(view, offset)
        except BundleRefused as error:
            if error.code not in FAULTS:
                raise
            return error
        return judge(view)

    def _read(self, view: memoryview, offset: int) -> None:
        if self._stream is None:
            self._stream, self._position = self._medium.open(self._name), 0
        if self._position != offset and not self._medium.sequential:
            self._stream.seek(offset)
        self._position = -1
        read_exactly(self._stream, view, self._name)
        self._position = offset + len(view)

    def _let_go(self) -> None:
        """Have the drive itself asked the next time."""
        self.close()
        with suppress(BundleRefused):
            self._medium.forget(self._name)

    def _answers(self, error: BundleRefused) -> bool:
        """Tell whether the drive still gives what it gave when the bundle was opened."""
        of_the_drive = error.code in ("medium-unreadable", "file-missing")
        if self._medium.sequential or not of_the_drive or self._name == SUMS:
            return True
        if SUMS not in self._medium.sizes:
            return True
        try:
            self._medium.forget(SUMS)
            with self._medium.open(SUMS) as stream:
                read_exactly(stream, memoryview(bytearray(1)), SUMS)
        except BundleRefused:
            return False
        return True


def read_small(medium: Medium, name: str, limit: int) -> bytes:
    """Return a file's bytes, at most `limit`.

    Raises:
        BundleRefused: `file-missing`, `file-too-large`, `bundle-truncated`, `medium-unreadable`.
    """
    return _read_small(medium, name, limit, lambda _: None)


def read_checked(medium: Medium, name: str, limit: int, expected: Digest) -> bytes:
    """Return a file's bytes, at most `limit`, if they hash to `expected`.

    Raises:
        BundleRefused: as `read_small`, and `digest-mismatch`.
    """

    def judge(view: memoryview) -> BundleRefused | None:
        found = Digest.of(view)
        return None if found == expected else digest_mismatch(name, expected, found)

    return _read_small(medium, name, limit, judge)


def _read_small(medium: Medium, name: str, limit: int, judge: Judge) -> bytes:
    with closing(PatientFile(medium, name)) as file:
        size = medium.sizes[name]
        if size > limit:
            raise BundleRefused(
                "file-too-large", f"{name}: expected at most {limit} bytes, found {size}", file=name
            )
        buffer = bytearray(size)
        file.fill(memoryview(buffer), 0, judge)
    return bytes(buffer)


def read_exactly(stream: io.RawIOBase, view: memoryview, name: str) -> None:
    """Fill `view`.

    Raises:
        BundleRefused: `bundle-truncated`; `medium-unreadable` when the drive fails.
    """
    filled = 0
    while filled < len(view):
        try:
            count = stream.readinto(view[filled:])
        except OSError as error:
            raise unreadable(name, error) from error
        if not count:
            raise BundleRefused(
                "bundle-truncated",
                f"{name}: expected {len(view) - filled} more bytes, found its end",
                hint="copy the bundle again from where it came",
                file=name,
                found="the end of the file",
            )
        filled += count


def _is_settled(before: BundleRefused | None, error: BundleRefused) -> bool:
    """Tell whether a further try would only show the same."""
    if before is None or error.code == "medium-unreadable":
        return False
    return str(before) == str(error)


def _gone(medium: Medium, error: BundleRefused) -> BundleRefused:
    return BundleRefused(
        "medium-gone",
        f"{medium.path}: the drive does not answer any more: {error}",
        hint="plug it in again, at another port, and run the same command again:"
        " what the engine has is not sent twice",
        path=medium.path,
    )
