"""Writes one long file as numbered parts of a given size, straight, without a second copy."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from manifests.bundle.tarform import part_name
from manifests.errors import UsageError

MIN_PART: Final = 1024 * 1024
"""Bytes of the smallest part that makes sense."""
MAX_PARTS: Final = 9999


def check_part_size(part_size: int | None) -> None:
    """Refuse parts so small that they make no sense.

    Raises:
        UsageError: `part-size`.
    """
    if part_size is not None and part_size < MIN_PART:
        raise UsageError(
            "part-size", f"expected parts of {MIN_PART} bytes or more, found {part_size}"
        )


def check_part_count(size: int, part_size: int | None) -> None:
    """Refuse more parts than can be numbered.

    Raises:
        UsageError: `part-size`.
    """
    if part_size is not None and size > part_size * MAX_PARTS:
        raise UsageError(
            "part-size",
            f"expected at most {MAX_PARTS} parts, found {-(-size // part_size)}",
            hint="use larger ones",
        )


class PartWriter:
    """A sink of bytes that begins a new file whenever one is full.

    Attributes:
        names: of the files begun so far.
    """

    def __init__(self, folder: Path, base: str, part_size: int | None) -> None:
        check_part_size(part_size)
        self._folder = folder
        self._base = base
        self._part_size = part_size
        self._room = 0
        self._file = -1
        self.names: list[str] = []

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`, across parts where it must be.

        Raises:
            OSError: the disk is full or fails.
        """
        view = memoryview(data)
        while view:
            if self._room == 0:
                self._next()
            count = os.write(self._file, view[: self._room])
            self._room -= count
            view = view[count:]

    def _next(self) -> None:
        self._close()
        number = len(self.names) + 1
        name = self._base if self._part_size is None else part_name(self._base, number)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.open(self._folder / name, flags, 0o644)
        self._room = self._part_size or 2**62
        self.names.append(name)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()
