"""The picture's way through a run: drawn before, filtered by the devices, shown or written after.

Whatever goes wrong with it is told and changes no verdict. Pillow is imported only when a picture
is wanted, and may be missing.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selftest.examine import add_findings
from selftest.measured import Verdict
from selftest.model import Finding, Report
from selftest.plaintext import printable
from selftest.remedies import remedy

_COLUMNS: Final = 30
_COLUMNS_LEAST: Final = 8


@dataclass(frozen=True, slots=True)
class Gallery:
    """Where the picture of a run waits.

    Attributes:
        folder: for the devices.
        side: pixels of the picture's side.
    """

    folder: Path
    side: int

    def prepare(self) -> Finding | None:
        """Draw the picture for the devices; return why that can't be done."""
        try:
            from selftest.pictures import Studio  # noqa: PLC0415 - Pillow may be missing

            Studio(self.folder, self.side).prepare()
        except (ImportError, OSError) as error:
            return _failure(str(error))
        return None

    def write(self, report: Report, target: Path) -> Report:
        """Write the pictures as PNG; return the report that names them."""
        address = _artist(report)
        if address is None or not self._ready():
            return report
        from selftest.pictures import NoPicture, Studio, write_pngs  # noqa: PLC0415

        try:
            written = write_pngs(Studio(self.folder, self.side), address, target)
        except (NoPicture, OSError) as error:
            return add_findings(report, [_failure(str(error))])
        return dataclasses.replace(report, pictures=written)

    def lines(self, report: Report) -> Iterator[str]:
        """Yield the lines that show the pictures on this terminal."""
        address = _artist(report)
        if address is None or not self._ready():
            return
        from selftest import pictures, terminal  # noqa: PLC0415 - Pillow may be missing

        try:
            small = pictures.show_small(pictures.Studio(self.folder, self.side), address)
        except pictures.NoPicture:
            return
        colours = terminal.choose_colours(os.environ, sys.stdout.encoding)
        columns = max(_COLUMNS_LEAST, min(_COLUMNS, (_terminal_columns() - 4) // 3))
        shown = [terminal.render(image, columns, colours) for image in small]
        yield from terminal.side_by_side(shown)
        yield f"original, blur and edges, computed by {address}"
        yield ""

    def _ready(self) -> bool:
        return (self.folder / "picture.npy").exists()


def _artist(report: Report) -> str | None:
    """Return the device whose pictures are shown: the last that is right, for CPUs come first."""
    able = [one.device.address for one in report.devices if one.verdict is not Verdict.FAIL]
    return able[-1] if able else None


def _failure(why: str) -> Finding:
    code = "picture-failed"
    return Finding(Verdict.PASS, code, f"no picture: {printable(why)}", (), remedy(code))


def _terminal_columns() -> int:
    return shutil.get_terminal_size().columns
