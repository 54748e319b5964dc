"""A disconnected host: an engine in a network namespace with `lo` alone, and `installer` in it.

with run_dockerd(root, bridge=True) as engine:
    site = Site(engine, tmp_path, new_key(tmp_path / "key"))
    site.trust()
    done = site.installer("install", str(bundle.path), "--yes")
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installer.cli import app
from installer.ledger import Ledger
from tests.support.bundles import Bundle, SigningKey, make_bundle
from tests.support.commandline import CliRunner
from tests.support.engine import Engine
from tests.support.forked import Done, Where, run_installer
from tests.support.netns import inside
from tests.support.realapp import PORT, PRODUCT, VOLUME, RealRelease

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Site:
    """The host.

    Attributes:
        engine: its engine.
        root: folder of its own.
        key: whose bundles it trusts.
    """

    engine: Engine
    root: Path
    key: SigningKey

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.root / "state")

    @property
    def environ(self) -> dict[str, str]:
        homes = {"TRUST": "trust", "STATE": "state", "SETTINGS": "settings"}
        own = {f"MOONLIFT_{name}_DIR": str(self.root / folder) for name, folder in homes.items()}
        return {**os.environ, **own, "PYTHONPATH": str(_ROOT)}

    @property
    def _where(self) -> Where:
        return Where(self.environ, netns=self.engine.netns)

    def argv(self, *words: str) -> list[str]:
        """Return the command line of `installer` inside the host's network namespace."""
        return [*inside(self.engine.netns), sys.executable, "-m", "installer", *words]

    def installer(self, *words: str, timeout_s: float = 300) -> Done:
        """Run `installer` to its end."""
        return run_installer(words, self._where, timeout_s=timeout_s)

    def ask(self, *words: str) -> Done:
        """Run a verb that only tells something in this process: another takes long to start."""
        told = CliRunner().invoke(app, words, env=self.environ)
        return Done(words, told.exit_code, told.stdout, told.stderr)

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `installer`; what it says is dropped."""
        return subprocess.Popen(
            self.argv(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environ,
        )

    def install_words(self, bundle: Bundle, *more: str) -> tuple[str, ...]:
        """Return the words that install a bundle without asking."""
        engine = f"docker:{self.engine.url}"
        return ("install", str(bundle.path), "--yes", "--engine", engine, *more)

    def install(self, bundle: Bundle, *more: str) -> Done:
        return self.installer(*self.install_words(bundle, *more))

    def trust(self) -> None:
        """Trust the key."""
        argv = ("trust", "add", str(self.key.public_path), "--id", "release@acme")
        done = self.installer(*argv, "--trust-on-first-use")
        assert done.returncode == 0, done.stderr

    def bundle(self, release: RealRelease) -> Bundle:
        """Make a release's bundle."""
        folder = self.root / f"{PRODUCT}-{release.sequence}"
        return make_bundle(folder, release.images, self.key, facts=release.facts)

    def answer(self, port: int = PORT, tries: int = 50) -> str:
        """Ask the app's web server from within the host's namespace."""
        url = f"http://127.0.0.1:{port}/cgi-bin/state"
        argv = [*inside(self.engine.netns), "busybox", "wget", "-qO-", url]
        said = ""
        for _ in range(tries):
            done = subprocess.run(argv, check=False, capture_output=True, text=True)
            if done.returncode == 0:
                return done.stdout
            said = done.stderr
            time.sleep(0.1)
        raise AssertionError(f"{url} does not answer: {said}")

    def containers(self) -> list[dict[str, Any]]:
        """Return what the engine says of every container of the app."""
        label = f"label=moonlift.product={PRODUCT}"
        listed = self.engine.docker("ps", "--all", "--quiet", "--filter", label).split()
        return json.loads(self.engine.docker("inspect", *listed)) if listed else []

    def lines(self) -> list[str]:
        """Return the lines that the app's database has on its volume."""
        folder = self.engine.docker("volume", "inspect", "--format", "{{.Mountpoint}}", VOLUME)
        raw = Path(folder.strip(), "log").read_text()
        return raw[: raw.rfind("\n") + 1].splitlines()
