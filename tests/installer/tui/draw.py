"""Draws the pictures of the documents from the program itself.

python -m tests.installer.tui.draw docs
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from installer.trust import TrustStore
from installer.tui.app import InstallerApp
from installer.tui.progress import ImageProgress, RunProgress, State
from installer.tui.session import Session
from installer.tui.steps import Step
from tests.installer.tui.conftest import RICH, Homes, Player
from tests.installer.tui.test_pictures import LOADING, MIB, show
from tests.support.bundles import Facts, make_bundle, new_key

SIZE = (90, 24)
IMAGES = (
    ImageProgress("docker.io/library/postgres:16", 0, state=State.DONE),
    ImageProgress("docker.io/acme/render:1.4.0", 300 * MIB, 300 * MIB, State.DONE),
    ImageProgress("docker.io/acme/viz:1.4.0", 900 * MIB, 120 * MIB, State.RUNNING),
    ImageProgress("docker.io/acme/web:1.4.0", 200 * MIB),
)


def loading() -> RunProgress:
    return replace(LOADING, images=IMAGES, subject="docker.io/acme/viz:1.4.0")


async def draw(folder: Path, root: Path) -> None:
    homes = Homes(root / "trust", root / "state", root / "settings")
    program = InstallerApp(Session(homes, "auto", root), RICH)
    async with program.run_test(size=SIZE) as pilot:
        player = Player(program, pilot)
        await player.sees("Which bundle?")
        show(program, Step.INSTALL, loading(), busy=True)
        await player.sees("> Stop <")
        save(program, folder / "screen-install.svg")
        program._busy = False
        program.take(signed(root))
        await player.sees("TRUSTED", "> Go on <")
        save(program, folder / "screen-trust.svg")


def signed(root: Path) -> Path:
    """Return a bundle whose signer is trusted."""
    key = new_key(root / "key")
    TrustStore(root / "trust").add_on_first_use(key.public, "release@acme")
    facts = Facts(version="1.4.0", sequence=20261122201554, issued=datetime.now(UTC))
    return make_bundle(root / "viz-1.4.0", {}, key, facts=facts).path


def save(program: InstallerApp, path: Path) -> None:
    """Write the screen; no font is fetched from anywhere."""
    drawn = program.export_screenshot(title="installer", simplify=True)
    own = re.sub(r"@font-face \{.*?\}|<!--.*?-->", "", drawn, flags=re.DOTALL)
    plain = re.sub(r"\n\s+", "\n", own).replace("Fira Code", "DejaVu Sans Mono")
    path.write_text(plain.replace("<text ", '<text xml:space="preserve" '))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(draw(Path(sys.argv[1]), Path(scratch)))
