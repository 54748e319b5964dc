"""The way from the command line's words to a plan, under a lock, and to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bundler.drive.faults import told
from bundler.drive.filesystem import look_at
from bundler.drive.plan import DrivePlan, plan_drive
from bundler.drive.put import locked
from bundler.verbs.inspect import accept_claimed
from manifests.bundle.medium import open_medium
from manifests.errors import UsageError
from manifests.seals.seal import open_sealed


@contextmanager
def planned(bundle: Path, root: Path, *, remove_old: bool = False) -> Iterator[DrivePlan]:
    """Open a bundle, lock a drive, and give what is to be done; nothing is changed yet.

    Raises:
        BundleRefused: the bundle is none.
        UsageError: `drive-not-found`, `drive-taken`, `drive-busy`, `drive-pipe`.
        SourceFailed: `drive-read-only`, `drive-file-too-large`, `drive-full`, `drive-failed`.
    """
    with told(root):
        look_at(root)
    medium = open_medium(bundle)
    try:
        if medium.sequential:
            raise UsageError(
                "drive-pipe",
                "expected a bundle that can be read twice, found a pipe",
                hint="save it to a file, and give that",
            )
        sealed = open_sealed(medium, accept_claimed)
        with locked(root):
            with told(root):
                plan = plan_drive(sealed, root, remove_old=remove_old)
            yield plan
    finally:
        medium.close()
