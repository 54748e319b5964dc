"""Command lines run in this process; each is put together once, which takes longer than most verbs.

Use it as `typer.testing.CliRunner`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import typer
import typer.main
from typer import testing
from typer.main import get_command

_built = cache(get_command)


@contextmanager
def built_once() -> Iterator[None]:
    """Let programs that are called in the block put their command line together once."""
    with patch.object(typer.main, "get_command", _built):
        yield


class CliRunner(testing.CliRunner):
    """Runs a command line, and tells what it printed and how it ended."""

    def invoke(self, app: typer.Typer, *args: Any, **options: Any) -> testing.Result:
        """Run `app` with arguments."""
        with patch.object(testing, "_get_command", _built):
            return super().invoke(app, *args, **options)
