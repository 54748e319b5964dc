"""Rounds in each of which a drive fails at a random moment; what holds after each.

A release is on the drive. Another is put there, read back, verified or installed while the drive
strikes. Afterwards the first is whole; the other is whole or no bundle; the same command completes
it. The moment is counted in sectors, so that it does not depend on how busy the host is.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from manifests.bundle.driveform import PARTIAL
from manifests.errors import ExitCode
from tests.drives.scene import Scene
from tests.machine.machine import Done, Running
from tests.machine.trigger import CALLED_OFF, FILLER, USB
from tests.support.bundles import Bundle, Facts, SigningKey, make_bundle
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec

CHUNK: Final = 8 * 1024 * 1024
MEGABYTES: Final = 128
"""Of a drive on which two releases have room."""
EXPECTED: Final = frozenset(
    {ExitCode.BUNDLE_REFUSED, ExitCode.NOT_INSTALLABLE, ExitCode.ENGINE_FAILED}
    | {ExitCode.SOURCE_FAILED}
)
"""What a failing drive may end a program with: never a bug."""
BESIDE: Final = "viz-1.1.0"
COMING: Final = "viz-1.2.0"
MARK: Final = f"{COMING}/SHA256SUMS.1.sig"
STORE: Final = "/run/store"
LITTLE: Final = 4 * 1024 * 1024
"""Bytes of room beside the release, on a drive that is going to be full."""


class Fault(StrEnum):
    """What befalls a drive, while what is done."""

    PULLED_WRITING = "pulled out while it is written"
    PULLED_READING_BACK = "pulled out while it is read back"
    PULLED_VERIFYING = "pulled out under installer verify"
    PULLED_INSTALLING = "pulled out under installer install"
    FULL = "full while it is written"
    PROTECTED = "read-only while it is written"
    FAILING_WRITING = "I/O errors while it is written"
    FAILING_READING_BACK = "I/O errors while it is read back"
    FAILING_VERIFYING = "I/O errors under installer verify"
    FAILING_INSTALLING = "I/O errors under installer install"
    DROPPING = "loses what is written, and says that it is well"


@dataclass(frozen=True)
class _Kind:
    """How a fault comes about.

    Attributes:
        action: the trigger's.
        what: the trigger's count.
        act: what is done meanwhile.
        begins: how much of the second release is there before.
    """

    action: str
    what: str
    act: str
    begins: str


_KINDS: Final[Mapping[Fault, _Kind]] = {
    Fault.PULLED_WRITING: _Kind("pull", "writes", "drive", "nothing"),
    Fault.PULLED_READING_BACK: _Kind("pull", "reads", "drive", "unsigned"),
    Fault.PULLED_VERIFYING: _Kind("pull", "reads", "verify", "all"),
    Fault.PULLED_INSTALLING: _Kind("pull", "reads", "install", "all"),
    Fault.FULL: _Kind("full", "writes", "drive", "nothing"),
    Fault.PROTECTED: _Kind("protect", "writes", "drive", "nothing"),
    Fault.FAILING_WRITING: _Kind("fail", "writes", "drive", "nothing"),
    Fault.FAILING_READING_BACK: _Kind("fail", "reads", "drive", "unsigned"),
    Fault.FAILING_VERIFYING: _Kind("fail", "reads", "verify", "all"),
    Fault.FAILING_INSTALLING: _Kind("fail", "reads", "install", "all"),
    Fault.DROPPING: _Kind("drop", "writes", "drive", "nothing"),
}


@dataclass
class Figures:
    """What became of the rounds.

    Attributes:
        struck: rounds in which the drive failed in time, by fault.
        late: rounds in which all was done before.
        ended: what the programs ended with, by fault and code.
        mended: rounds after which the file system needed its tool.
    """

    struck: Counter[Fault] = field(default_factory=Counter)
    late: Counter[Fault] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    mended: int = 0


class Rounds:
    """A drive, two releases, and chance."""

    def __init__(self, scene: Scene, chance: random.Random) -> None:
        self.figures = Figures()
        self._scene = scene
        self._chance = chance
        folder = scene.machine.folder
        self._beside = release(folder, scene.key, 1)
        self._coming = release(folder, scene.key, 2)
        self._most: dict[tuple[str, str], int] = {}

    def begin(self, faults: Iterable[Fault] = Fault) -> None:
        """Put the first release there; count the sectors of everything that is going to fail."""
        self._scene.drive(self._beside.path).well()
        kinds = (_KINDS[fault] for fault in faults)
        for act, begins in sorted({(one.act, one.begins) for one in kinds}):
            self._prepare(begins)
            before = self._counts()
            self._act(act).well()
            after = self._counts()
            for what in before:
                self._most[act + begins, what] = after[what] - before[what]

    def round(self, fault: Fault) -> None:
        """Let the drive fail once; mend it, and hold it against what is promised."""
        kind = _KINDS[fault]
        self._prepare(kind.begins, kind.action)
        struck, done = self._strike(kind)
        self._note(fault, done, struck=struck)
        self._recover()
        self._look(kind, done)
        self._complete(kind)

    def _strike(self, kind: _Kind) -> tuple[bool, Done]:
        machine = self._scene.machine
        most = self._most[kind.act + kind.begins, kind.what]
        trigger = machine.begin("trigger", kind.what, self._moment(most), kind.action)
        done = self._act(kind.act).wait()
        machine.do("call_off")
        struck = trigger.wait()
        assert struck.status in (0, CALLED_OFF), struck
        return struck.status == 0, done

    def _moment(self, most: int) -> int:
        """Return a moment, one in six of them near the end, where a release becomes a bundle."""
        if self._chance.random() < 1 / 6:
            return most - self._chance.randint(0, min(200, most))
        return self._chance.randint(0, most * 2 // 3)  # what waits for it comes a little late

    def _act(self, act: str) -> Running:
        scene, place = self._scene, f"{USB}/{COMING}"
        return {
            "drive": lambda: scene.drive(self._coming.path),
            "verify": lambda: scene.installer("verify", place),
            "install": lambda: scene.installer(
                "install", place, "--engine", f"layout:{STORE}", "--yes"
            ),
        }[act]()

    def _counts(self) -> dict[str, int]:
        found: dict[str, int] = self._scene.machine.do("counts")
        return found

    def _prepare(self, begins: str, strike: str = "") -> None:
        """Have as much of the second release on the drive as the round begins with; mount anew."""
        scene = self._scene
        if begins == "nothing":
            scene.machine.do("remove", USB / COMING, *self._own())
        else:
            if not scene.has(MARK):
                scene.drive(self._coming.path).well()
            if begins == "unsigned":
                scene.machine.do("remove", USB / MARK)
        scene.machine.do("remove", STORE, "/run/state")
        scene.stick.unmount()
        scene.stick.mount(strike)
        if strike == "full":
            scene.machine.do("leave", self._coming.release.blob_bytes + LITTLE)

    def _own(self) -> list[Path]:
        """Return the blobs on the drive that only the second release has."""
        shared = {blob.digest for blob in self._beside.release.blobs()}
        own = {blob.digest for blob in self._coming.release.blobs()} - shared
        places = (USB / "blobs/sha256" / one.hex for one in own)
        return [Path(f"{one}{end}") for one in places for end in ("", PARTIAL)]

    def _note(self, fault: Fault, done: Done, *, struck: bool) -> None:
        assert "Traceback" not in done.err, done.err
        if struck and done.status:
            assert done.status in EXPECTED, done
            self.figures.struck[fault] += 1
        else:
            assert done.status == 0, f"{fault}: failed without a fault: {done}"
            self.figures.late[fault] += 1
        code = next((line.split()[1] for line in done.err.splitlines() if "code: " in line), "-")
        self.figures.ended[f"{fault}: {done.status} {code}"] += 1

    def _recover(self) -> None:
        """Do what a person does with a drive that failed."""
        stick = self._scene.stick
        stick.unmount()
        stick.plug()
        self.figures.mended += stick.mend()
        stick.mount()
        self._scene.machine.do("remove", FILLER, USB / "FSCK*.REC")  # what fsck.vfat has found

    def _look(self, kind: _Kind, done: Done) -> None:
        """The first release is as it was; the second is whole or no bundle."""
        scene = self._scene
        assert not (wrong := scene.wrong(BESIDE)), f"the finished release: {wrong}"
        marked = scene.has(MARK)
        if marked:
            assert not (wrong := scene.wrong(COMING)), f"a marked release: {wrong}"
        if kind.begins == "all" or done.status == 0:
            assert marked, "a finished release has lost its mark"

    def _complete(self, kind: _Kind) -> None:
        """The same command, given again, ends well, and so does verifying."""
        self._act(kind.act).well()
        assert not (wrong := self._scene.wrong(COMING)), f"after the same command: {wrong}"
        if kind.act == "install":
            blobs = self._scene.machine.do("sizes", f"{STORE}/blobs/sha256")
            assert {blob.digest.hex for blob in self._coming.release.blobs()} <= set(blobs)


def release(folder: Path, key: SigningKey, number: int) -> Bundle:
    """Make a release of three layers, of which one is all releases'."""
    layers = (
        LayerSpec.random(1, 4_000_000),
        LayerSpec.random(100 + number, CHUNK + 3_000_000),
        LayerSpec.random(200 + number, 300_000),
    )
    images = {f"docker.io/acme/viz:{number}": ImageSpec(layers)}
    facts = Facts(version=f"1.{number}.0", sequence=number, files={"compose.yaml": b"services: {}"})
    return make_bundle(folder / f"viz{number}", images, key, facts=facts)
