"""A real Docker engine that can be killed without warning, and started again on what it left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.dockerd import arguments, base_config
from tests.support.engine import Engine
from tests.support.netns import inside, network_namespace
from tests.support.process import Daemon, DaemonError, run_daemon, short_directory, unmount_below


class KillableEngine:
    """The engine and its daemon.

    Attributes:
        engine: what tests speak with; the same over all lives of the daemon.
    """

    def __init__(self, engine: Engine, config: Path) -> None:
        self.engine = engine
        self._argv = [*inside(engine.netns), "dockerd", *arguments(engine, config)]
        self._life = ExitStack()
        self._daemon: Daemon | None = None

    def start(self, tries: int = 5) -> None:
        """Start the daemon, and wait until it answers; again, as systemd does, if it gives up.

        Raises:
            DaemonError: it gave up every time.
        """
        for left in reversed(range(tries)):
            running = run_daemon(self._argv, log=self.engine.log, ready=self.engine.answers)
            try:
                self._daemon = self._life.enter_context(running)
            except DaemonError:
                if not left:
                    raise
            else:
                return

    def kill(self) -> None:
        """Kill the daemon; what it ran is left as it is."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
        self._life.close()

    def stop(self) -> None:
        """Remove what runs, and stop the daemon."""
        self.engine.wind_down()
        self._life.close()


@contextmanager
def run_killable_dockerd(root: Path) -> Iterator[KillableEngine]:
    """Run `dockerd` with its bridge in a network namespace with `lo` alone.

    Raises:
        DaemonError: it did not start.
        NetnsError: no network namespace to be had.
    """
    root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        netns = stack.enter_context(network_namespace())
        run = stack.enter_context(short_directory())
        stack.callback(unmount_below, root)
        engine = Engine(run / "docker.sock", root / "data", root / "dockerd.log", netns)
        config = root / "daemon.json"
        config.write_text(json.dumps(base_config(bridge=True)))
        killable = KillableEngine(engine, config)
        killable.start()
        stack.callback(killable.stop)
        yield killable
