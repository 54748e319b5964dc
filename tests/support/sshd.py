"""An OpenSSH server on loopback with its own host key and its own list of keys that may enter."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import run_daemon
from tests.support.ssh import make_key

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
"""Addresses that all are this server, as if they were hosts."""


@dataclass(frozen=True)
class SshServer:
    """A running server.

    Attributes:
        port: where it listens.
        key: a private key that may enter.
        stranger: one that may not.
        known_hosts: a file with its key, under the name `tested`.
    """

    port: int
    key: Path
    stranger: Path
    known_hosts: Path

    def options(self, key: Path | None = None) -> tuple[str, ...]:
        """Return what ssh must be told to get there."""
        return (
            f"Port={self.port}",
            f"IdentityFile={key or self.key}",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            f"UserKnownHostsFile={self.known_hosts}",
            "GlobalKnownHostsFile=/dev/null",
            "HostKeyAlias=tested",
            f"User={pwd.getpwuid(os.getuid()).pw_name}",
        )


@contextmanager
def run_sshd(root: Path) -> Iterator[SshServer]:
    """Run a server until the block ends."""
    key, stranger = make_key(root, "ed25519", "key"), make_key(root, "ed25519", "stranger")
    host = make_key(root, "ed25519", "host")
    (root / "authorized").write_text((root / "key.pub").read_text())
    (root / "known").write_text("tested " + (root / "host.pub").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = [
        *(f"ListenAddress {one}:{port}" for one in HOSTS),
        f"HostKey {host}",
        f"AuthorizedKeysFile {root}/authorized",
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        "PasswordAuthentication no",
        "PermitRootLogin prohibit-password",
        "MaxStartups 64",
    ]
    (root / "sshd_config").write_text("\n".join(settings) + "\n")
    with suppress(OSError):
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it shuts itself in
    argv = ["/usr/sbin/sshd", "-D", "-e", "-f", str(root / "sshd_config")]
    with run_daemon(argv, log=root / "sshd.log", ready=lambda: _listens(port), start_s=20):
        yield SshServer(port, key, stranger, root / "known")


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOSTS[-1], port), timeout=1):
        return True
    return False
