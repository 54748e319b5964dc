"""The machine's own Docker engine (20.10 on Debian 12), apart from the one that may run there.

Its data, sockets and process id file are its own; stopping it leaves no mount behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from tests.support.engine import Engine
from tests.support.netns import inside, network_namespace
from tests.support.process import run_daemon, short_directory, unmount_below

Network = Literal["host", "none"]


@contextmanager
def run_dockerd(
    root: Path,
    *,
    network: Network = "none",
    bridge: bool = False,
    config: Mapping[str, object] | None = None,
) -> Iterator[Engine]:
    """Run `dockerd` until the block ends.

    Args:
        root: folder for data, configuration and log; made if absent, kept afterwards. On a file
            system that can't carry overlays the engine falls back to slow copies (vfs).
        network: `none` puts the engine into a network namespace with `lo` alone.
        bridge: give it its bridge and iptables rules, for published ports. On the host's
            network that changes the host: only one such engine at a time.
        config: more keys of daemon.json.

    Raises:
        DaemonError: it did not start.
        NetnsError: no network namespace to be had.
    """
    root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        name = stack.enter_context(network_namespace()) if network == "none" else ""
        run = stack.enter_context(short_directory())
        stack.callback(unmount_below, root)
        engine = Engine(run / "docker.sock", root / "data", root / "dockerd.log", name)
        file = root / "daemon.json"
        file.write_text(json.dumps({**base_config(bridge=bridge), **(config or {})}))
        argv = [*inside(name), "dockerd", *arguments(engine, file)]
        stack.enter_context(run_daemon(argv, log=engine.log, ready=engine.answers))
        stack.callback(engine.wind_down)
        yield engine


def base_config(*, bridge: bool) -> dict[str, object]:
    """Return a daemon.json; without a bridge the engine touches no network setting."""
    if bridge:
        return {}
    return {"bridge": "none", "iptables": False, "ip-forward": False, "ip-masq": False}


def arguments(engine: Engine, config: Path) -> list[str]:
    """Return dockerd's command line; a system containerd, if used, gets a name space apart."""
    run = engine.socket.parent
    space = run.name.replace("_", "0")
    return [
        f"--config-file={config}",
        f"--data-root={engine.data_root}",
        f"--exec-root={run}/exec",
        f"--pidfile={run}/dockerd.pid",
        f"--host=unix://{engine.socket}",
        f"--containerd-namespace={space}",
        f"--containerd-plugins-namespace={space}-plugins",
    ]
