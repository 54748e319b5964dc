"""What a drive carries for people: START-HERE.txt, and the script for hosts without our programs.

Both are unsigned and say so: nobody is asked to believe them, and every key comes from the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib.resources import files
from typing import Final

from manifests.bundle.driveform import SCRIPT, START_HERE, Drive, DriveFolder
from manifests.bundle.layout import INSTALLER
from manifests.documents import instant_text
from manifests.quantities import bytes_text
from manifests.safetext import safe_line

_NONE: Final = "nothing that is finished; see the end"

_TEXT: Final = """\
START HERE

This drive carries container apps to a machine without internet.

On it:
{releases}

1. ON THE MACHINE, AS ROOT. Go to the drive:

     cd /media/usb                       or wherever it is mounted

2. DO YOU TRUST THE SENDER? Once for each machine. Get the fingerprint of the sender's key by
   telephone or in person, NOT from this drive, and the key itself (release.key.pub):

     installer trust add release.key.pub --id release@acme --fingerprint SHA256:...

3. INSTALL. It checks every byte first, shows what it will do, and asks:

     installer install {first}

   To look only:  installer verify {first}
{tool}
NO INSTALLER ON THE MACHINE, AND IT DOES NOT START FROM HERE? Then with the machine's own tools:

     sh moonlift.sh check {first}
     sh moonlift.sh load {first}         needs Docker 23 or later

   The trusted keys are those of the machine, /etc/moonlift/allowed_signers, one a line:
     release@acme ssh-ed25519 AAAA...

BY HAND, WITHOUT ANY PROGRAM OF OURS, nor that script:

     cd {first}
     ssh-keygen -Y verify -f /etc/moonlift/allowed_signers -I release@acme \\
         -n moonlift-bundle -s SHA256SUMS.1.sig < SHA256SUMS
     sed 's,  blobs/,  ../blobs/,' SHA256SUMS | sha256sum --strict -c
{pieces}
SOMETHING IS DAMAGED OR MISSING? Where the drive was made: bundle drive BUNDLE MOUNTPOINT. It
writes only what is not there. Nothing here is changed by checking or installing: a read-only mount
is enough.
{unfinished}"""

_TOOL: Final = """
   No installer there yet? {first} brings one, a single file. Copied, for a drive may not start
   programs; check it with the machine's own tools first, as below:

     cp {first}/{name} /usr/local/bin/installer && chmod 755 /usr/local/bin/installer
"""

_PIECES: Final = """
   A blob that is not found lies in pieces, blobs/sha256/....001 and so on. Its digest is its name:
     cat ../blobs/sha256/<hex>.??? | sha256sum
"""


def papers(drive: Drive) -> tuple[tuple[str, bytes], ...]:
    """Return the name of each, and what it shall be."""
    return ((START_HERE, start_here(drive).encode()), (SCRIPT, script()))


def script() -> bytes:
    """Return moonlift.sh."""
    return (files("bundler.drive") / SCRIPT).read_bytes()


def start_here(drive: Drive) -> str:
    """Return the words for a person in a hurry."""
    newest = sorted(drive.finished, key=_age, reverse=True)
    names = [safe_line(one.path.name) for one in newest]
    return _TEXT.format(
        releases="\n".join(_line(one) for one in newest) or f"  {_NONE}",
        first=names[0] if names else "RELEASE",
        tool=_tool(newest[0]) if newest else "",
        pieces=_PIECES if any(drive.root.glob("blobs/sha256/*.001")) else "",
        unfinished="".join(_unfinished(drive)),
    )


def _tool(folder: DriveFolder) -> str:
    """Return how the installer that a release brings is put on the machine."""
    if not any(file.name == INSTALLER for file in folder.release.tools):
        return ""
    return _TOOL.format(first=safe_line(folder.path.name), name=INSTALLER)


def _age(folder: DriveFolder) -> tuple[datetime, int]:
    return folder.release.issued, folder.release.sequence


def _line(folder: DriveFolder) -> str:
    release = folder.release
    return safe_line(
        f"  {folder.path.name}: {release.product} {release.version}, sequence {release.sequence}, "
        f"issued {instant_text(release.issued)}, "
        f"{bytes_text(sum(release.sizes().values()))}"
    )


def _unfinished(drive: Drive) -> Iterator[str]:
    names = [one.path.name for one in drive.folders if not one.finished]
    for name in (*names, *(path.name for path in drive.unreadable)):
        yield safe_line(f"\nNOT FINISHED: {name}. Its copy was interrupted; it can't be installed.")
    yield "\n" if drive.unreadable or names else ""
