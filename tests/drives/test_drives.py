"""The short form of `make drive-test`: a FAT32 stick of a real kernel, pulled out while written.

Skipped, on CI too, where user-mode Linux can't be had: no machine has to.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.drives.rounds import MEGABYTES, Fault, Rounds
from tests.drives.scene import Scene, open_scene
from tests.machine.kernel import MachineError, fetched_kernel, missing
from tests.support.media import Format
from tests.support.process import DaemonError

pytestmark = [pytest.mark.engine, pytest.mark.long]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    if reason := missing():
        pytest.skip(reason)
    with ExitStack() as stack:
        try:
            kernel = fetched_kernel()
            opening = open_scene(tmp_path / "exchange", kernel, Format.FAT32, MEGABYTES)
            opened = stack.enter_context(opening)
        except (MachineError, DaemonError) as error:
            pytest.skip(str(error))
        yield opened


def test_a_stick_that_is_pulled_out_while_it_is_written(scene: Scene) -> None:
    rounds = Rounds(scene, random.Random(7))
    rounds.begin([Fault.PULLED_WRITING])
    rounds.round(Fault.PULLED_WRITING)
    assert rounds.figures.struck[Fault.PULLED_WRITING] == 1
