"""Tells what the demo does: headings, command lines as one would type them, answers, times."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_INDENT = "    "


class CommandError(RuntimeError):
    """A command of the demo ended otherwise than it should."""


@dataclass
class Narrator:
    """Prints the story and runs its commands.

    Attributes:
        folder: where commands run.
        settings: environment variables for the commands.
    """

    folder: Path
    settings: Mapping[str, str]
    _step: int = 0
    _started: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Head a step with its number and `title`; say how long it took."""
        self._step += 1
        print(f"\n{_bold(f'{self._step}. {title}')}", flush=True)
        started = time.monotonic()
        yield
        print(_dim(f"{_INDENT}[{time.monotonic() - started:.1f} s]"), flush=True)

    def say(self, text: str) -> None:
        """Print text, indented."""
        for line in text.rstrip("\n").splitlines():
            print(f"{_INDENT}{line}", flush=True)

    def run(self, line: str, *, expect: int = 0) -> str:
        """Show and run a line of shell, then what it printed, on either stream.

        Raises:
            CommandError: it did not end with the status `expect`.
        """
        print(f"{_INDENT}{_bold('$ ' + line)}", flush=True)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            check=False,
            cwd=self.folder,
            env={**os.environ, **self.settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.say(done.stdout)
        if done.returncode != expect:
            raise CommandError(f"exit status {done.returncode}, expected {expect}: {line}")
        return done.stdout

    def end(self) -> None:
        """Print the total time."""
        print(f"\n{_bold('Done')} in {time.monotonic() - self._started:.0f} s.")


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def _dim(text: str) -> str:
    return f"\033[2m{text}\033[0m" if sys.stdout.isatty() else text
