"""A bundle in its one-file form, however damaged.

Where every header can be read, they say where the files lie. Else the form itself does: its order
and the sizes of its files leave nothing open, so that headers, too, are made again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from installer.repair.paperplace import paper_at, sound_header
from installer.repair.segments import Segment, Segments, cut, size_of
from installer.repair.wanted import WantedFile
from manifests.bundle.medium import MAX_ENTRIES
from manifests.bundle.tarform import BLOCK, END, header, padding, part_name

MAX_PARTS: Final = 9999
MAX_GAP: Final = 3
"""Parts that may be missing one after the other."""


class TarPlace:
    """A tar, or its numbered parts of which some may be missing."""

    def __init__(self, path: Path, *, parted: bool) -> None:
        self.path = str(path)
        real = path if parted else path.resolve()
        self._name = real.name
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        self._folder = os.open(real.parent, flags)
        self._found = self._parts() if parted else None
        self._bytes = self._cut(None)
        self._frame: tuple[tuple[int, bytes], ...] = ()
        self._members: dict[str, tuple[int, int]] = {}
        self._whole = self._walk()

    def size(self, name: str) -> int | None:
        """Return the size that a member has."""
        return self._members[name][1] if name in self._members else None

    def file(self, name: str, size: int) -> Segments:  # noqa: ARG002 - a member knows its own
        """Return where a member lies."""
        if name not in self._members:
            return Segments()
        offset, _ = self._members[name]
        return replace(self._bytes, start=offset)

    def expect(self, files: Sequence[WantedFile]) -> None:
        """Where headers are damaged, let the order say where each file lies."""
        if self._whole:
            return
        self._whole, self._members, at = False, {}, 0
        frame: list[tuple[int, bytes]] = []
        for one in files:
            frame.append((at, header(one.name, one.size, executable=one.executable)))
            self._members[one.name] = (at + BLOCK, one.size)
            at += BLOCK + one.size
            frame.append((at, padding(one.size)))
            at += len(padding(one.size))
        self._frame = (*frame, (at, END))
        self._bytes = self._cut(at + len(END))

    def misfits(self) -> Sequence[str]:
        """Return the archive's own name if it has another size, or its headers are damaged."""
        right = self._bytes.fits() and not any(self._wrong_frame())
        return [] if right else [self._name]

    def settle(self) -> None:
        """Write what is between the files anew where it is damaged."""
        for at, data in self._wrong_frame():
            self._bytes.write(at, memoryview(data))
        self._bytes.settle()

    def close(self) -> None:
        """Close the folder."""
        os.close(self._folder)

    def _parts(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for number in range(1, MAX_PARTS + 1):
            size = size_of(self._folder, part_name(self._name, number))
            if size is not None:
                found[number] = size
            elif number - max(found, default=0) > MAX_GAP:
                break
        return found

    def _cut(self, total: int | None) -> Segments:
        """Return the files of the archive, `total` bytes together, or as many as it seems."""
        if self._found is None:
            size = size_of(self._folder, self._name) or 0
            whole = Segment(self._folder, self._name, size if total is None else total)
            return Segments((whole,))
        largest = max(self._found.values(), default=0)
        numbers = range(1, max(self._found, default=0) + 1)
        sizes = [self._found.get(number, largest) for number in numbers]
        if total is not None:
            sizes = list(cut(self._found, total))
        names = (part_name(self._name, number) for number in range(1, len(sizes) + 1))
        pairs = zip(names, sizes, strict=True)
        return Segments(tuple(Segment(self._folder, name, size) for name, size in pairs))

    def _walk(self) -> bool:
        """Follow the headers as far as they can be read; tell whether that is to the very end.

        Where one is damaged before the papers that name all files, the next one tells what it was.
        """
        at, sound = 0, True
        while len(self._members) < MAX_ENTRIES:
            block = bytearray(BLOCK)
            self._bytes.read(at, memoryview(block))
            found = sound_header(bytes(block))
            if found is None and at + len(END) == self._bytes.size and not any(block):
                return sound and self._bytes.fits()
            if found is None:
                found, sound = paper_at(self._bytes, at, tuple(self._members)), False
            if found is None:
                return False
            name, size = found
            self._members[name] = (at + BLOCK, size)
            at += BLOCK + size + len(padding(size))
        return False

    def _wrong_frame(self) -> list[tuple[int, bytes]]:
        wrong: list[tuple[int, bytes]] = []
        for at, data in self._frame:
            there = bytearray(len(data))
            self._bytes.read(at, memoryview(there))
            if there != data:
                wrong.append((at, data))
        return wrong
