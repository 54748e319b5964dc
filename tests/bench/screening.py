"""The full-screen program: its first screen, its keys while it loads, its cost to an install."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import statistics
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.measure import measure
from tests.bench.scene import Scene, program, remove
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine

PAINTS = 7
COLUMNS, ROWS = 120, 40
FIRST = "Which bundle"
QUESTION = "Stop the install?"
OFFER = "> Stop <"
LOADING = "loading"
"""What the screen says of an image on its way."""
LOADED = ("[Self-test]", "original, blur", "installed ")
"""What it shows when all is loaded: the self-test's screen and pictures, or what was installed."""
ALL_DONE = "> Go on <"
"""What it offers when the report is written, too."""
ENTER = b"\r"
_ESCAPE = re.compile(rb"\x1b\[[0-9;?<>=]*[A-Za-z$]|\x1b[()][A-Z0-9]|\x1b[=>78]")


class Screens:
    """The full-screen program on a terminal of its own, whose output is read all the time."""

    def __init__(self, scene: Scene, engine: Engine) -> None:
        self._main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        env = {**os.environ, **engine.env, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            [program("installer")],
            stdin=other,
            stdout=other,
            stderr=other,
            env=env,
            cwd=scene.folder,
        )
        os.close(other)
        self._seen, self._asked = "", 0
        self._news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def press(self, keys: bytes) -> float:
        """Press keys; return when."""
        with self._news:
            self._asked = len(self._seen)
        now = time.monotonic()
        os.write(self._main, keys)
        return now

    def until(self, *texts: str, seconds: float = 100.0) -> float:
        """Wait for one of the texts to come after the last key; return when it was there."""
        with self._news:
            if not self._news.wait_for(lambda: self._has_any(texts), seconds):
                raise TimeoutError(f"{texts} did not come: {self._seen[-2000:]}")
            return time.monotonic()

    def has(self, text: str) -> bool:
        """Tell whether a text has ever come."""
        return text in self._seen

    def _has_any(self, texts: tuple[str, ...]) -> bool:
        return any(self._seen.find(one, self._asked) >= 0 for one in texts)

    def close(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._main, 1 << 16)
            except OSError:
                return
            with self._news:
                self._seen += _ESCAPE.sub(b"", data).decode(errors="replace")
                self._news.notify_all()


@contextmanager
def open_screens(scene: Scene, engine: Engine) -> Iterator[Screens]:
    """Open the program; kill it in the end."""
    screens = Screens(scene, engine)
    try:
        yield screens
    finally:
        screens.close()


def run(scene: Scene, rounds: int) -> None:
    """Measure the first screen, then installs of the bundle in the scene's folder."""
    with run_dockerd(scene.folder / "engine") as engine:
        painted = statistics.median(_painted(scene, engine) for _ in range(PAINTS))
        plain, shown = [], []
        for _ in range(rounds):
            plain.append(_plain_install(scene, engine))
            with _installing(scene, engine) as screens:
                screens.until(ALL_DONE)
            shown.append(_run_seconds(scene))
        with _installing(scene, engine) as screens:
            answers = sorted(_ask_while_loading(screens))
    remove(scene.folder / "engine")
    print(f"first screen: {painted:.2f} s, the middle one of {PAINTS}")
    print(f"install: {min(plain):.2f} s plain, {min(shown):.2f} s with screens, best of {rounds}")
    print(
        f"keys while it loads: {len(answers)}, middle {statistics.median(answers) * 1e3:.0f} ms,"
        f" slowest {answers[-1] * 1e3:.0f} ms"
    )
    scene.judge("first screen, s", painted, 0.7)
    scene.judge("install with screens / without", min(shown) / min(plain), 1.05)
    scene.judge("slowest answer to a key while loading, ms", answers[-1] * 1e3, 100)


def _painted(scene: Scene, engine: Engine) -> float:
    with open_screens(scene, engine) as screens:
        return screens.until(FIRST) - screens.started


def _plain_install(scene: Scene, engine: Engine) -> float:
    _forget(scene, engine)
    bundle = str(scene.folder / "bundle")
    measure(scene.installer_argv("install", bundle, "--yes", "--engine", f"docker:{engine.url}"))
    return _run_seconds(scene)


@contextmanager
def _installing(scene: Scene, engine: Engine) -> Iterator[Screens]:
    """Begin an install by keys, on an engine that has nothing."""
    _forget(scene, engine)
    with open_screens(scene, engine) as screens:
        screens.until("> bundle")
        for title in ("> Go on <", "> Install <"):
            screens.press(ENTER)
            screens.until(title)
        screens.press(ENTER)
        screens.until(LOADING)
        yield screens


def _ask_while_loading(screens: Screens) -> Iterator[float]:
    """Open the question whether to stop, and close it again, until all is loaded."""
    while True:
        for answer in (QUESTION, OFFER):
            pressed = screens.press(ENTER)
            came = screens.until(answer, *LOADED)
            if any(map(screens.has, LOADED)):
                return
            yield came - pressed
        time.sleep(0.5)


def _run_seconds(scene: Scene) -> float:
    """Return how long the last run checked and loaded; its self-test is as long in both."""
    shown = subprocess.run(
        scene.installer_argv("report", "last", "--json"), capture_output=True, check=True
    )
    stages = json.loads(shown.stdout)["stages"]
    return sum(float(one["seconds"]) for one in stages if one["stage"] in ("check", "load"))


def _forget(scene: Scene, engine: Engine) -> None:
    engine.clear()
    remove(scene.folder / "state")
    os.sync()
