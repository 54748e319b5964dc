"""What `bundle run` does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bundler.commandline.keys import public_key
from bundler.verbs.run import RunRequest, default_home, run_bundle, stop_bundle


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `bundle run` as typed; see its `--help`."""

    bundle: Path | None
    options: tuple[str, ...]
    keys: tuple[Path, ...]
    engine: str
    home: Path | None
    stop: bool


def run(asked: Asked) -> int:
    """Start a bundle here, or stop it; return the exit status of the installer."""
    request = RunRequest(
        bundle=asked.bundle,
        keys=tuple(map(public_key, asked.keys)),
        home=asked.home or default_home(os.environ),
        engine=asked.engine,
        options=asked.options,
    )
    return (stop_bundle if asked.stop else run_bundle)(request)
