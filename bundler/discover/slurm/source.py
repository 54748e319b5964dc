"""Images that batch scripts start: `#SBATCH` lines, pyxis, Apptainer, enroot, Docker, Podman.

Owns which files are scripts, and puts the shell's grammar (`shell.script`) and the meaning of
commands (`commands`) together. No shell is run.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

from bundler.discover.folder import Folder, Unreadable, join, parent
from bundler.discover.found import Found, Place, Problem, joined
from bundler.discover.shell.command import Argument, Script
from bundler.discover.shell.scene import Load, Scene
from bundler.discover.shell.script import walk
from bundler.discover.shell.tokens import ShellLimit
from bundler.discover.shell.variables import UNKNOWN
from bundler.discover.slurm.commands import Commands
from bundler.discover.slurm.findings import Findings
from manifests.appmanifest.sources import SlurmSource
from manifests.safetext import safe_line

SCRIPT_LIMIT: Final = 1024 * 1024
"""Bytes of one script."""

_SHELL: Final = re.compile(r"#![ \t]*\S*?(?:/|env[ \t]+(?:-S[ \t]+)?)(?:ba|da|k|z|a)?sh\b")
_RELEVANT: Final = re.compile(
    r"docker|podman|nerdctl|apptainer|singularity|enroot|shifter|srun|sbatch|salloc"
    r"|^[ \t]*(?:\.|source) ",
    re.MULTILINE,
)
"""What a script has that is worth walking through; of a large `configure` nothing is."""
_SHEBANG: Final = re.compile(r"#!")
_DIRECTIVE: Final = re.compile(r"^#SBATCH[ \t]", re.MULTILINE)


class NoText(Exception):
    """A file that is no text; its text says why."""


def discover(source: SlurmSource, folder: Folder, environ: Mapping[str, str]) -> Found:
    """Return the images and GPU requests of batch scripts.

    Args:
        source: the files and folders; in a folder all shell scripts are taken, whatever they are
            called.
        folder: that they are in.
        environ: variables from outside; those of the source win.
    """
    given = {**environ, **source.environment}
    parts: list[Found] = []
    for path in dict.fromkeys(source.slurm):
        if folder.is_folder(path):
            parts.append(_read_folder(path, folder, given))
        else:
            parts.append(_read_file(path, folder, given))
    return joined(parts)


def is_script(text: str) -> bool:
    """Tell whether a text, or its beginning, is a shell script or a batch script."""
    return bool(_SHELL.match(text) or _DIRECTIVE.search(text))


def _read_folder(path: str, folder: Folder, given: Mapping[str, str]) -> Found:
    try:
        files = folder.files(path)
    except Unreadable as error:
        return _unreadable(path, str(error))
    parts = list(_read_some(files, folder, given))
    if parts:
        return joined(parts)
    return _problem(
        path,
        "slurm-empty",
        "expected a folder with shell scripts, found none in it",
        "scripts begin with a line such as #!/bin/bash, or have #SBATCH lines",
    )


def _read_some(files: tuple[str, ...], folder: Folder, given: Mapping[str, str]) -> Iterator[Found]:
    """Yield what the scripts among files tell; the others are passed over."""
    for file in files:
        try:
            text = _text(folder.read(file, SCRIPT_LIMIT))
        except (Unreadable, NoText):
            continue
        if is_script(text):
            yield _read_script(text, file, folder, given)


def _read_file(path: str, folder: Folder, given: Mapping[str, str]) -> Found:
    try:
        return _read_script(_text(folder.read(path, SCRIPT_LIMIT)), path, folder, given)
    except Unreadable as error:
        return _unreadable(path, str(error))
    except NoText as error:
        return _problem(
            path, "slurm-malformed", f"expected a script, found {error}", "save it as UTF-8 text"
        )


def _read_script(text: str, path: str, folder: Folder, given: Mapping[str, str]) -> Found:
    findings = Findings()
    commands = Commands(findings)
    script = Script(text, path)
    try:
        commands.directives(script)
        if not _RELEVANT.search(text):
            return findings.found()
        if _SHELL.match(text) or not _SHEBANG.match(text):
            walk(script, Scene(given, commands.visit, _loader(path, folder)))
    except ShellLimit as error:
        return joined([findings.found(), _too_much(path, str(error))])
    return findings.found()


def _loader(path: str, folder: Folder) -> Load:
    """Return how `source FILE` finds a file: beside the script, or in the app's folder."""

    def load(argument: Argument) -> Script | None:
        name = argument.text
        if argument.unknown or posixpath.isabs(name):
            return None
        for candidate in dict.fromkeys((join(parent(path), name), join(".", name))):
            try:
                return Script(_text(folder.read(candidate, SCRIPT_LIMIT)), candidate)
            except (Unreadable, NoText):
                continue
        return None

    return load


def _text(data: bytes) -> str:
    """Return a file's text; bytes of other encodings, as in comments, are replaced.

    Raises:
        NoText: it has NUL characters.
    """
    if b"\0" in data:
        raise NoText("a NUL character: no text, or UTF-16")
    text = data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    return text.replace("\r\n", "\n").replace(UNKNOWN, "\ufffd")


def _unreadable(path: str, reason: str) -> Found:
    return _problem(
        path,
        "slurm-unreadable",
        f"expected a script that can be read, found: {safe_line(reason, limit=300)}",
        "correct the path under sources: in app.yaml; it is relative to that file",
    )


def _too_much(path: str, reason: str) -> Found:
    return _problem(
        path,
        "slurm-too-complex",
        f"expected a script that can be looked through, found {reason}",
        "list the images of this script under images:, and take it out of sources:",
    )


def _problem(path: str, code: str, message: str, hint: str) -> Found:
    return Found(problems=(Problem(Place(path, 1), code, message, hint),))
