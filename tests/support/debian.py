"""Debian root file systems made from the machine's own package source."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

_SETTINGS = ("apt/sources.list", "apt/sources.list.d", "apt/apt.conf.d", "ssl/certs")
OUTSIDE = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class DebianError(RuntimeError):
    """This machine names no Debian mirror, or debootstrap failed."""


def mirror() -> str:
    """Return the address of the Debian archive that apt uses here, in whatever file it stands.

    Raises:
        DebianError: not a Debian, or none set up.
    """
    try:
        found = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"],
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise DebianError("this machine has no apt") from error
    sites = [site for site in found.stdout.split() if site.rstrip("/").endswith("/debian")]
    if not sites:
        raise DebianError("apt has no source that ends in /debian")
    return sites[0]


def machine_suite() -> str:
    """Return the code name of this machine's own release.

    Raises:
        DebianError: not a Debian.
    """
    found = platform.freedesktop_os_release()
    if found["ID"] != "debian":
        raise DebianError(f"this machine runs {found['ID']}, not Debian")
    return found["VERSION_CODENAME"]


def bootstrap(folder: Path, suite: str, packages: tuple[str, ...] = ()) -> None:
    """Fill `folder` with a minimal Debian and `packages`; takes half a minute and more.

    Runs in a mount name space of its own, so that a kill leaves no mount behind.

    Raises:
        DebianError: with the end of what debootstrap said.
    """
    include = [f"--include={','.join(packages)}"] if packages else []
    argv = ["unshare", "--mount", "debootstrap", "--variant=minbase", *include]
    # A temporary folder of the caller's would not exist inside.
    environment = {k: v for k, v in os.environ.items() if k != "TMPDIR"}
    environment |= {"PATH": OUTSIDE, "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
    done = subprocess.run(
        [*argv, suite, str(folder), mirror()],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    if done.returncode:
        raise DebianError(f"debootstrap {suite}: {done.stdout[-3000:]}")
    for archive in (folder / "var/cache/apt/archives").glob("*.deb"):
        archive.unlink()


def copy_settings(root: Path) -> None:
    """Let a root file system reach the package sources that this machine reaches."""
    for name in _SETTINGS:
        _copy_setting(Path("/etc") / name, root / "etc" / name)


def _copy_setting(source: Path, target: Path) -> None:
    """Copy a file or folder of /etc that makes package sources reachable, links resolved."""
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, ignore_dangling_symlinks=True)
    elif source.exists():
        shutil.copyfile(source, target)
