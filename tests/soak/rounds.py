"""One upgrade, broken off at a random moment, ended by a second run, and looked at closely."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.soak.killable import KillableEngine
from tests.support.bundles import Bundle
from tests.support.realapp import PRODUCT, SELFTEST, RealRelease
from tests.support.site import Site

SERVICES = ("db", "web", "worker")


@dataclass
class Figures:
    """What a soak came to.

    Attributes:
        installer, engine: how often each was killed while it was at work.
        finished: how often the upgrade was faster than the kill.
        caught: how often a kill left what: `pending`, `names-mixed`, `both-releases`, ...
        lines: of the database in the end.
        slowest: seconds of the longest second run.
    """

    installer: int = 0
    engine: int = 0
    finished: int = 0
    caught: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    slowest: float = 0.0


class Soak:
    """A host on which one app is upgraded over and over.

    Attributes:
        figures: so far.
    """

    def __init__(
        self, site: Site, killable: KillableEngine, seed: int, *, selftest: bool = True
    ) -> None:
        self.figures = Figures()
        self._selftest = selftest
        self._site = site
        self._killable = killable
        self._random = random.Random(seed)
        self._sequence = 0
        self._seconds = 0.0

    def begin(self) -> None:
        """Install the first release, and take the time of an upgrade that nothing breaks off."""
        self._finish(self._next())
        bundle = self._next()
        started = time.monotonic()
        self._finish(bundle)
        self._seconds = time.monotonic() - started

    def kill_installer(self) -> None:
        """Upgrade, kill the installer at a random moment, upgrade again, look."""
        bundle = self._next()
        running = self._site.begin(*self._site.install_words(bundle))
        if self._ended(running, self._moment()):
            self.figures.finished += 1
        else:
            running.kill()
            running.wait()
            self.figures.installer += 1
        self._note(bundle)
        self._finish(bundle)

    def kill_engine(self) -> None:
        """Upgrade, kill the engine at a random moment, start it, upgrade again, look."""
        bundle = self._next()
        running = self._site.begin(*self._site.install_words(bundle))
        ended = self._ended(running, self._moment())
        self._killable.kill()
        status = running.wait(timeout=120)
        if ended:
            self.figures.finished += 1
        else:
            self.figures.engine += 1
            assert status != 0, "an upgrade ended well without an engine"
        self._killable.start()
        self._note(bundle)
        self._finish(bundle)

    def _next(self) -> Bundle:
        self._sequence += 1
        return self._site.bundle(RealRelease(self._sequence, selftest=self._selftest))

    def _moment(self) -> float:
        return self._random.uniform(0, self._seconds)

    def _ended(self, running: subprocess.Popen[bytes], seconds: float) -> bool:
        try:
            running.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _note(self, bundle: Bundle) -> None:
        """Note what the kill left, before anything mends it."""
        caught = self.figures.caught
        app = self._site.ledger.app(PRODUCT)
        caught["pending"] += bool(app and app.pending)
        caught["arrived"] += bool(app and app.release(bundle.release.sequence))
        moved = set(self._names(bundle).values())
        caught["names-mixed"] += len(moved) > 1
        caught["names-old"] += moved == {False}
        made = {one["Config"]["Labels"]["moonlift.sequence"] for one in self._site.containers()}
        caught["both-releases"] += len(made) > 1
        caught["down"] += self._running() < len(SERVICES)

    def _finish(self, bundle: Bundle) -> None:
        started = time.monotonic()
        done = self._site.install(bundle)
        assert done.returncode == 0, done.stdout + done.stderr
        self.figures.slowest = max(self.figures.slowest, time.monotonic() - started)
        self._look(bundle)

    def _look(self, bundle: Bundle) -> None:
        """Hold the host against what an upgrade promises."""
        self._look_at_containers(bundle)
        assert all(self._names(bundle).values()), self._names(bundle)
        self._look_at_ledger(bundle)
        assert self._site.answer().startswith(f"version {bundle.release.version} lines ")
        lines = self._site.lines()
        assert lines == [f"{n} line-{n}" for n in range(1, len(lines) + 1)], lines[-5:]
        assert len(lines) >= self.figures.lines, "the database has lost lines"
        self.figures.lines = len(lines)

    def _look_at_containers(self, bundle: Bundle) -> None:
        every = self._site.engine.docker("ps", "--all", "--format", "{{.Names}}").split()
        assert sorted(every) == [f"{PRODUCT}-{one}-1" for one in SERVICES]
        found = self._site.containers()
        images = {str(one.image_id) for one in bundle.release.images if one.name != SELFTEST}
        assert {one["Image"] for one in found} == images
        health = {one["State"]["Health"]["Status"] for one in found}
        assert health == {"healthy"}, health
        policies = {one["HostConfig"]["RestartPolicy"]["Name"] for one in found}
        assert policies == {"unless-stopped", "always"}, policies

    def _look_at_ledger(self, bundle: Bundle) -> None:
        app = self._site.ledger.app(PRODUCT)
        assert app is not None
        sequence = bundle.release.sequence
        expected = (sequence, sequence - 1 or None, None)
        assert (app.active, app.previous, app.pending) == expected
        assert self._site.ledger.kept(PRODUCT, sequence) is not None
        last = [one for one in self._site.ledger.history() if one.what != "name-moved"][-1]
        assert last.sequence == sequence

    def _names(self, bundle: Bundle) -> dict[str, bool]:
        """Return for each of the app's names whether it points to the image of `bundle`."""
        names = [one.name for one in bundle.release.images if one.name != SELFTEST]
        ids = self._site.engine.docker("inspect", "--format", "{{.Id}}", *names).split()
        wanted = {one.name: str(one.image_id) for one in bundle.release.images}
        return {name: wanted[name] == found for name, found in zip(names, ids, strict=True)}

    def _running(self) -> int:
        return sum(bool(one["State"]["Running"]) for one in self._site.containers())
