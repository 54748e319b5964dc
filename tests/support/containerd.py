"""containerd without Docker, as on a Kubernetes node; 1.6 on Debian 12."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.engine import EngineError
from tests.support.process import run_daemon, short_directory, unmount_below

_CONFIG = """
version = 2
root = "{root}/data"
state = "{run}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{run}/containerd.sock"
[ttrpc]
address = "{run}/containerd.sock.ttrpc"
"""


@dataclass(frozen=True)
class Containerd:
    """A running containerd.

    Attributes:
        socket: what `ctr --address` takes.
        log: its log.
    """

    socket: Path
    log: Path

    def ctr(self, *args: str, namespace: str = "k8s.io", stdin: bytes | None = None) -> str:
        """Run `ctr` in a containerd namespace; return what it printed.

        Raises:
            EngineError: with what it printed on stderr.
        """
        argv = ["ctr", "--address", str(self.socket), "--namespace", namespace, *args]
        done = subprocess.run(argv, check=False, capture_output=True, input=stdin, timeout=300)
        if done.returncode:
            message = done.stderr.decode(errors="replace").strip()
            raise EngineError(f"ctr {' '.join(args)}: {message}")
        return done.stdout.decode(errors="replace")

    def images(self, namespace: str = "k8s.io") -> set[str]:
        """Return the names of all images."""
        return set(self.ctr("images", "list", "--quiet", namespace=namespace).split())

    def clear(self, namespace: str = "k8s.io") -> None:
        """Remove every image."""
        names = self.images(namespace)
        if names:
            self.ctr("images", "remove", "--sync", *sorted(names), namespace=namespace)

    def answers(self) -> bool:
        """Tell whether it serves its API."""
        try:
            self.ctr("version")
        except EngineError:
            return False
        return True


@contextmanager
def run_containerd(root: Path) -> Iterator[Containerd]:
    """Run containerd until the block ends; `root` is made if absent and kept.

    Raises:
        DaemonError: it did not start.
    """
    root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        run = stack.enter_context(short_directory())
        stack.callback(unmount_below, root)
        config = root / "config.toml"
        config.write_text(_CONFIG.format(root=root, run=run))
        engine = Containerd(run / "containerd.sock", root / "containerd.log")
        argv = ["containerd", "--config", str(config)]
        stack.enter_context(run_daemon(argv, log=engine.log, ready=engine.answers))
        yield engine
