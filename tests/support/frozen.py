"""The frozen installer, made at most once for the same sources, and a host that has only libc.

The host is a folder that a process takes as its root in a mount name space of its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cache import cached_folder
from tools.frozen.__main__ import freeze

_ROOT = Path(__file__).parents[2]
_SOURCES = ("installer", "manifests", "selftest", "tools/frozen")
_LIBRARIES = ("ld-linux-x86-64.so.2", *(f"lib{name}.so.*" for name in (
    "c", "m", "dl", "pthread", "rt", "util", "resolv", "nss_files", "nss_dns"
)))  # fmt: skip
_TERMINAL = Path("/lib/terminfo/x/xterm")

# $1 the host's folder; then pairs of a place on this machine and one on the host, `--`, a command.
_ENTER = """
set -e
root=$1
shift
mount --make-rprivate /
while [ "$1" != -- ]; do
    mount --rbind "$1" "$root$2"
    shift 2
done
shift
exec /usr/sbin/chroot "$root" "$@"
"""


def frozen_installer() -> Path:
    """Return the installer in one file; freezing takes a minute or two of processor time."""
    folder = cached_folder(f"installer-{_key()}", lambda new: freeze(new / "installer"))
    return folder / "installer"


def _key() -> str:
    digest = hashlib.sha256((_ROOT / "constraints.txt").read_bytes())
    files = (path for name in _SOURCES for path in (_ROOT / name).rglob("*") if path.is_file())
    for path in sorted(path for path in files if "__pycache__" not in path.parts):
        digest.update(f"{path.relative_to(_ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class BareHost:
    """A host with libc, its loader, a terminal's description and the frozen installer.

    Attributes:
        root: its folder.
        mounts: what else it has: place here, place there.
    """

    root: Path
    mounts: Mapping[Path, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, program: Path, mounts: Mapping[Path, str]) -> BareHost:
        """Lay the host out."""
        libraries = root / "lib/x86_64-linux-gnu"
        for place in ("lib64", "proc", "dev", "tmp", "etc", "usr/local/bin", "lib/terminfo/x"):
            (root / place).mkdir(parents=True)
        libraries.mkdir()
        for pattern in _LIBRARIES:
            for found in Path("/lib/x86_64-linux-gnu").glob(pattern):
                shutil.copy(found, libraries)
        (root / "lib64/ld-linux-x86-64.so.2").symlink_to(
            "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
        )
        shutil.copy(_TERMINAL, root / "lib/terminfo/x")
        shutil.copy(program, root / "usr/local/bin/installer")
        for here, there in mounts.items():
            target = root / there.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.mkdir() if here.is_dir() else target.touch()
        return cls(root, {Path("/proc"): "/proc", Path("/dev"): "/dev", **mounts})

    def argv(self, *words: str) -> list[str]:
        """Return the command line that runs `installer` on the host."""
        pairs = [str(one) for pair in self.mounts.items() for one in pair]
        enter = ["unshare", "--mount", "sh", "-c", _ENTER, "sh", str(self.root), *pairs, "--"]
        return [*enter, "/usr/local/bin/installer", *words]

    def run(
        self, *words: str, environ: Sequence[tuple[str, str]] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run `installer` on the host to its end."""
        return subprocess.run(
            self.argv(*words),
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={"PATH": os.defpath, "TERM": "xterm", "LC_ALL": "C.UTF-8", **dict(environ)},
            timeout=300,
        )
