"""The `ssh` call: one connection to one host, that asks no question and ends by itself.

Pure. The command is not in the call: it goes to the standard input of `sh -s`, so that no login
shell (csh, fish) gets to read and change it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from manifests.errors import UsageError

MOST_AT_ONCE: Final = 32
"""Connections at a time."""
CONNECT_S: Final = 15
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,63}@)?[A-Za-z0-9:][A-Za-z0-9._:-]{0,252}"
)


def ssh_argv(host: str, options: Sequence[str]) -> list[str]:
    """Return the words of the call.

    Args:
        host: `NAME` or `USER@NAME`.
        options: `KEY=VALUE` as in ssh_config(5), before ours: ssh takes the first it finds.

    Raises:
        UsageError: `host-malformed`.
    """
    if not _HOST.fullmatch(host):
        raise UsageError(
            "host-malformed",
            f"expected HOST or USER@HOST, found {host[:80]!r}",
            hint="ports and the like belong into ~/.ssh/config or --ssh-option Port=2222",
        )
    return [
        "ssh",
        "-T",
        *_options("BatchMode=yes"),  # never a question: nobody would see it
        *_options(*options),
        *_options(
            f"ConnectTimeout={CONNECT_S}",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=4",
            "ControlMaster=no",  # a master would outlive us and hold our streams
            "ClearAllForwardings=yes",
            "ForwardAgent=no",
            "ForwardX11=no",
            "LogLevel=ERROR",
        ),
        "--",
        host,
        "sh -s",
    ]


def limited(command: Sequence[str], seconds: int) -> tuple[str, ...]:
    """Return a command that ends after `seconds` by itself, also when the connection is lost."""
    return ("timeout", "-k", "5", str(seconds), *command)


def _options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]
