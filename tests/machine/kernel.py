"""Debian's user-mode Linux and the modules that drives need, unpacked into the test cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.cache import cache_root, cached_folder

PACKAGE = "user-mode-linux"
MODULES = (
    "nls_cp437",
    "nls_ascii",
    "nls_iso8859-1",
    "nls_utf8",
    "vfat",
    "fuse",
    "sd_mod",
    "target_core_iblock",
    "tcm_loop",
    "dm-mod",
    "dm-flakey",
)
_NAME = "guest-kernel-3"
_TOOLS = {
    "depmod": "kmod",
    "dmsetup": "dmsetup",
    "fsck.vfat": "dosfstools",
    "fsck.exfat": "exfatprogs",
    "mount.exfat-fuse": "exfat-fuse",
    "e2fsck": "e2fsprogs",
}


class MachineError(RuntimeError):
    """A machine can't be had here, or does not do what it was told."""


@dataclass(frozen=True)
class Kernel:
    """What a guest boots.

    Attributes:
        program: the kernel.
        modules: in the order in which they are loaded.
    """

    program: Path
    modules: tuple[Path, ...]


def missing() -> str | None:
    """Return why no machine can be had here, whatever is fetched; None if one can."""
    if os.geteuid():
        return "not root"
    if os.uname().machine != "x86_64":
        return f"no user-mode Linux for {os.uname().machine}"
    absent = [package for tool, package in _TOOLS.items() if shutil.which(tool) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def kernel_at_hand() -> Kernel | None:
    """Return the kernel if it was fetched before."""
    folder = cache_root() / _NAME
    return _kernel(folder) if folder.exists() else None


def fetched_kernel() -> Kernel:
    """Return the kernel, fetched from Debian the first time: 40 MB.

    Raises:
        MachineError: apt can't, or the package is not as expected.
    """
    return _kernel(cached_folder(_NAME, _fetch))


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        _run("apt-get", "-qq", "download", PACKAGE, cwd=place)
        _run("dpkg-deb", "-x", str(next(place.glob("*.deb"))), str(place / "all"))
        version = _for_depmod(place / "all")
        shutil.copy(place / "all/usr/bin/linux.uml", folder / "linux")
        for number, module in enumerate(_ordered(place / "all", version)):
            shutil.copy(module, folder / f"{number:02}-{module.name}")


def _for_depmod(root: Path) -> str:
    """Put the modules where kmod looks for them; return their version."""
    modules = next((root / "usr/lib/uml/modules").iterdir())
    (root / "lib/modules").mkdir(parents=True)
    modules.rename(root / "lib/modules" / modules.name)
    _run("depmod", "-b", str(root), modules.name)
    return modules.name


def _ordered(root: Path, version: str) -> Iterator[Path]:
    """Yield the files of all modules, each after those that it needs."""
    said = _run("modprobe", "-d", str(root), "-S", version, "--show-depends", "-a", *MODULES)
    words = (line.split() for line in said.splitlines())
    yield from dict.fromkeys(Path(one[1]) for one in words if one[0] == "insmod")


def _kernel(folder: Path) -> Kernel:
    return Kernel(folder / "linux", tuple(sorted(folder.glob("*.ko"))))


def _run(*command: str, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, check=False, cwd=cwd)
    except OSError as error:
        raise MachineError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise MachineError(f"{' '.join(command[:3])}: {done.stderr[-1000:]}")
    return done.stdout
