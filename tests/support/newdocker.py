"""Docker 26 (Debian 13) beside the machine's own, with either of its image stores.

It runs over a cached Debian 13 as the root of a mount name space of its own: the cache is never
written, and when the engine ends its mounts are gone with it. A chroot would not do: what is run
in a container that is there already, such as a health check, would see this machine's files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.cache import cached_folder
from tests.support.debian import bootstrap
from tests.support.dockerd import Network, arguments, base_config
from tests.support.engine import Engine
from tests.support.netns import inside, network_namespace
from tests.support.process import run_daemon, short_directory

_SUITE = "trixie"
_PACKAGES = ("docker.io", "containerd", "ca-certificates", "iproute2")
_CACHE_NAME = "docker-trixie-1"

# $1 cached root, $2 folder for the mount and sockets, $3 the test's folder; then dockerd's line.
_ENTER = """
set -e
system=$1 run=$2 root=$3
shift 3
mount --make-rprivate /
mkdir -p "$run/top" "$run/new"
mount -t tmpfs tmpfs "$run/top"
mkdir "$run/top/upper" "$run/top/work"
mount -t overlay -o "lowerdir=$system,upperdir=$run/top/upper,workdir=$run/top/work" \
    overlay "$run/new"
mount -t proc proc "$run/new/proc"
mount --rbind /sys "$run/new/sys"
mount --rbind /dev "$run/new/dev"
mount -t tmpfs tmpfs "$run/new/run"
for shared in "$run" "$root"; do
    mkdir -p "$run/new$shared"
    mount --bind "$shared" "$run/new$shared"
done
mkdir "$run/new/old"
cd "$run/new"
pivot_root . old
exec chroot . sh -c 'umount -l /old && exec dockerd "$@"' sh "$@"
"""


def debian_root() -> Path:
    """Return the Debian 13 with Docker, made on first use (under a minute).

    Raises:
        DebianError: it can't be made here.
    """
    return cached_folder(_CACHE_NAME, lambda folder: bootstrap(folder, _SUITE, _PACKAGES))


@contextmanager
def run_new_dockerd(
    root: Path,
    *,
    containerd_store: bool = True,
    network: Network = "none",
    bridge: bool = False,
    config: Mapping[str, object] | None = None,
) -> Iterator[Engine]:
    """Run Docker 26 until the block ends.

    Args:
        root: folder for data, configuration and log; made if absent, kept afterwards. It must
            lie on a file system that can carry overlays.
        containerd_store: keep images in containerd's store; False for the graph driver.
        network: as for `run_dockerd`.
        bridge: as for `run_dockerd`.
        config: more keys of daemon.json.

    Raises:
        DebianError: no Debian 13 to be had.
        DaemonError: it did not start.
        NetnsError: no network namespace to be had.
    """
    system = debian_root()
    root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        name = stack.enter_context(network_namespace()) if network == "none" else ""
        run = stack.enter_context(short_directory())
        engine = Engine(run / "docker.sock", root / "data", root / "dockerd.log", name)
        features = {"features": {"containerd-snapshotter": containerd_store}}
        file = root / "daemon.json"
        file.write_text(json.dumps({**base_config(bridge=bridge), **features, **(config or {})}))
        enter = ["unshare", "--mount", "sh", "-c", _ENTER, "sh", system, run, root.resolve()]
        argv = [*inside(name), *map(str, enter), *arguments(engine, file)]
        stack.enter_context(run_daemon(argv, log=engine.log, ready=engine.answers))
        stack.callback(engine.wind_down)
        yield engine
