"""A place where releases are built and a host where they are installed; one key for both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bundler.locking.pins import Renew
from installer.delta.inventory import take_inventory
from installer.delta.oldbundle import opened_old
from installer.engines.base import Engine
from installer.engines.choose import open_engine
from installer.events import RunFinished, RunRecord
from installer.plan import Plan, plan
from installer.run import run
from manifests.layerpolicy import LayerPolicy
from manifests.release import Release
from tests.bundler.builds import Workplace, memory, served_by
from tests.installer.conftest import Host
from tests.support.images import Spec

NAME = "registry.test/app:1"


@dataclass
class Site:
    """Both sides.

    Attributes:
        place: where bundles are built.
        host: where they are installed.
        policy: of all layers; each image's own for None.
    """

    place: Workplace
    host: Host

    policy: LayerPolicy | None = None

    def build(self, out: str, version: str, base: Path | None = None, **specs: Spec) -> Path:
        """Build a release of images `registry.test/NAME:1`; return its folder."""
        names = [f"registry.test/{name}:1" for name in specs]
        self.place.write_app(*names, version=version)
        with served_by(memory(**specs)):
            self.place.build(out, base=base, policy=self.policy, renew=Renew.ALL)
        return self.place.root / out

    def release(self, bundle: Path) -> Release:
        return Release.read((bundle / "release.json").read_bytes())

    @contextmanager
    def planned(
        self, bundle: Path, engine: Engine | str, old: Path | None = None
    ) -> Iterator[Plan]:
        opened = open_engine(engine) if isinstance(engine, str) else engine
        self.host.closing.callback(opened.close)
        with opened_old(old, self.host.trust.load()) as kept:
            verified = self.host.verify(bundle)
            yield plan(verified, opened, self.host.ledger, one_pass=False, old=kept)

    def install(
        self, bundle: Path, engine: Engine | str, old: Path | None = None
    ) -> tuple[RunRecord, Plan]:
        with self.planned(bundle, engine, old) as made:
            last = list(run(made, self.host.cancel))[-1]
            assert isinstance(last, RunFinished)
            return last.record, made

    def inventory(self, engine: str) -> Path:
        """Take the host's inventory; return the file."""
        opened = open_engine(engine)
        self.host.closing.callback(opened.close)
        found = take_inventory(opened, self.host.ledger, datetime.now(UTC))
        path = self.host.root / "inventory.json"
        path.write_bytes(found.readable())
        return path


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
