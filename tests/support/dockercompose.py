"""Docker Compose 2, as an oracle: the machine's own, else that of Debian 13 from the cache.

Debian 12 has only Compose 1, which knows neither `include` nor `config --images`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.cache import cached_folder
from tests.support.debian import bootstrap

_CACHE_NAME = "compose-trixie-1"
_PLUGINS = (
    "/usr/libexec/docker/cli-plugins/docker-compose",
    "/usr/lib/docker/cli-plugins/docker-compose",
    "/usr/local/lib/docker/cli-plugins/docker-compose",
)
_OLDEST = (2, 24)
"""The first that knows `!override`."""


class ComposeError(RuntimeError):
    """Compose refused a project."""


def find_compose() -> list[str]:
    """Return the words that start Docker Compose 2.24 or later.

    Raises:
        DebianError: this machine has none, and none can be had.
    """
    for program in filter(None, (shutil.which("docker-compose"), *_PLUGINS)):
        if Path(program).is_file() and _version([program]) >= _OLDEST:
            return [program]
    root = cached_folder(
        _CACHE_NAME, lambda folder: bootstrap(folder, "trixie", ("docker-compose",))
    )
    program = next(str(root) + plugin for plugin in _PLUGINS if Path(str(root) + plugin).is_file())
    libraries = ":".join(str(path) for path in sorted((root / "usr/lib").glob("*-linux-gnu")))
    loader = next((root / "usr/lib64").glob("ld-linux-*"), root / "usr/lib/ld-linux-aarch64.so.1")
    return [str(loader), "--library-path", libraries, program]


def config_images(
    compose: Sequence[str], folder: Path, options: Sequence[str], environ: Mapping[str, str]
) -> set[str]:
    """Return what `docker compose config --images` names for a folder.

    Raises:
        ComposeError: it refused the project, with what it said.
    """
    done = subprocess.run(
        [*compose, *options, "config", "--images"],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", **environ},
    )
    if done.returncode:
        raise ComposeError(done.stderr)
    return set(done.stdout.split())


def _version(program: Sequence[str]) -> tuple[int, ...]:
    told = subprocess.run(
        [*program, "version", "--short"], check=False, capture_output=True, text=True
    ).stdout
    return tuple(int(part) for part in re.findall(r"\d+", told)[:2])
