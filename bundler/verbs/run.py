"""Starts a bundle on the machine that built it: the very installer that hosts have, as a child.

Owns the child's command lines and the folder that stands for its host: trust, ledger and settings
of its own, so that nothing of this machine's is touched but the engine. What the child says goes
where our own words go. The installer is never imported: the two sides meet in the bundle alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Final

from manifests.errors import ExitCode, UsageError
from manifests.seals.allowedsigners import AllowedSigner
from manifests.seals.sshkey import PublicKey

INSTALLER: Final = (sys.executable, "-P", "-m", "installer")
SIGNERS: Final = "allowed_signers"

_FOLDER_MODE: Final = 0o755


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is to be started, or stopped.

    Attributes:
        bundle: which; None to stop what runs.
        keys: of which at least one must have signed it.
        home: folder that stands for the host.
        engine: as the installer's command line has it.
        options: more of `installer install`, handed on as they are.
    """

    _: KW_ONLY
    bundle: Path | None
    keys: tuple[PublicKey, ...]
    home: Path
    engine: str
    options: tuple[str, ...] = ()


def default_home(environ: Mapping[str, str]) -> Path:
    """Return the folder by the XDG base directory specification."""
    base = environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local/state") / "moonlift/run"


def run_bundle(request: RunRequest, command: Sequence[str] = INSTALLER) -> int:
    """Install and start it without GPUs; return the exit status of the installer.

    Args:
        request: what.
        command: starts the installer; tests give others.

    Raises:
        UsageError: `run-bundle`: none was given; `trust-none`; `file-unwritable`.
    """
    if request.bundle is None:
        raise UsageError("run-bundle", "expected a bundle to run", hint="bundle run viz-1.4.0")
    if not request.keys:
        raise UsageError(
            "trust-none", "expected to be told who may sign", hint="add -k release.key.pub"
        )
    _trust(request)
    words = ("install", str(request.bundle), "--yes", "--no-gpu", "--allow-downgrade")
    return _child(request, (*words, *request.options), command)


def stop_bundle(request: RunRequest, product: str = "", command: Sequence[str] = INSTALLER) -> int:
    """Stop what was started; return the exit status of the installer."""
    return _child(request, ("stop", *filter(None, (product,))), command)


def _trust(request: RunRequest) -> None:
    """Let the child trust these keys, and no others."""
    lines = [AllowedSigner(("developer",), key).line for key in request.keys]
    folder = request.home / "trust"
    try:
        for one in (request.home, folder):
            one.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        (folder / SIGNERS).write_text("".join(f"{line}\n" for line in lines))
        (folder / SIGNERS).chmod(0o644)
    except OSError as error:
        raise UsageError("file-unwritable", f"{folder}: {error.strerror or error}") from error


def _child(request: RunRequest, words: Sequence[str], command: Sequence[str]) -> int:
    argv = [*command, *_folders(request.home), *words, "--engine", request.engine]
    child = subprocess.Popen(argv, env=_environment(os.environ))  # noqa: S603 - our own
    with child:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the terminal told the child, too: it ends in order
            child.wait()
            return ExitCode.INTERRUPTED


def _folders(home: Path) -> Iterator[str]:
    for option, name in (("trust", "trust"), ("state", "state"), ("settings", "settings")):
        yield f"--{option}-dir={home / name}"


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the child needs to find its package: beside ours, installed or not."""
    beside = str(Path(__file__).parents[1])
    paths = os.pathsep.join(filter(None, (beside, environ.get("PYTHONPATH", ""))))
    return {**environ, "PYTHONPATH": paths}
