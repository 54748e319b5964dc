"""What `installer verify` does, step by step; the command line calls it.

The layers are read while the rest of the program is still being loaded: as soon as the list of
files is trusted. So modules that take time to load are imported after that, and only then.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from installer.console import Console, stopping
from installer.events import Event, Stage, StageFinished, StageStarted, Unit
from installer.trust import TrustStore
from manifests.bundle.digesting import Digesting
from manifests.bundle.medium import open_medium
from manifests.quantities import bytes_text
from manifests.seals.listing import Listing, open_listing, trusted_signers

if TYPE_CHECKING:
    from installer.stream.jobs import Meter
    from installer.verify import VerifiedBundle

LARGE: Final = 1024 * 1024
"""Bytes from which a file is read early; what the documents are is read by their own steps."""
TURN: Final = 0.0002
"""Seconds that importing may keep a thread waiting that has a megabyte hashed: by default 0.005."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What `installer verify` was asked.

    Attributes:
        trust: where this host's keys are.
        state: where its ledger is.
        bundle: where the bundle lies.
        threshold: signers asked for; never fewer than the host does.
        quick: don't read the layers.
        allow_downgrade: let an older release pass.
        accept_expired: let a release pass that this clock calls expired.
    """

    _: KW_ONLY
    trust: Path
    state: Path
    bundle: Path
    threshold: int
    quick: bool
    allow_downgrade: bool
    accept_expired: bool


def verify_bundle(console: Console, asked: Asked) -> None:
    """Show who signed the bundle, then read every byte unless told not to.

    Raises:
        BundleRefused: with the code of the first thing that is wrong.
    """
    trusted, now = TrustStore(asked.trust).load(), datetime.now(UTC)
    judge = trusted_signers(trusted.signers, max(asked.threshold, trusted.threshold), now)
    with closing(open_medium(asked.bundle)) as medium:
        listing = open_listing(medium, judge)
        with _reading(listing, asked) as begun:
            _judge(console, asked, listing, begun)


@contextmanager
def _reading(listing: Listing, asked: Asked) -> Iterator[Digesting | None]:
    """Read the large files meanwhile; a pipe can only be read in its own order."""
    if asked.quick or listing.medium.sequential:
        yield None
        return
    digesting, before = Digesting(listing.medium), sys.getswitchinterval()
    sys.setswitchinterval(TURN)
    try:
        sizes = listing.medium.sizes
        digesting.begin((name, sizes[name]) for name in listing.sums.files if sizes[name] >= LARGE)
        yield digesting
    finally:
        sys.setswitchinterval(before)
        digesting.stop()


def _judge(console: Console, asked: Asked, listing: Listing, begun: Digesting | None) -> None:
    from installer.ledger import Ledger  # noqa: PLC0415 - see above
    from installer.verify import Leniency, unread_bytes, verify_listing  # noqa: PLC0415
    from installer.words.bundle import bundle_json, bundle_lines  # noqa: PLC0415

    leniency = Leniency(allow_downgrade=asked.allow_downgrade, accept_expired=asked.accept_expired)
    verified = verify_listing(listing, Ledger(asked.state), datetime.now(UTC), leniency)
    console.lines(bundle_lines(verified))
    total = 0 if asked.quick else unread_bytes(verified)
    if not asked.quick:
        _check(console, verified, total, begun)
    what = (
        "seal and documents"
        if asked.quick
        else f"all of it, {bytes_text(total)} of layers and files"
    )
    console.lines([f"verified     {what}"])
    checked = "seal" if asked.quick else "everything"
    document = {"verified": True, "checked": checked, "bytes": total, **bundle_json(verified)}
    console.document("verified", document)


def _check(console: Console, verified: VerifiedBundle, total: int, begun: Digesting | None) -> None:
    from installer.stream.jobs import Halted, Meter  # noqa: PLC0415 - see above

    with stopping() as cancel:
        try:
            console.follow(_checking(verified, Meter(total, cancel), begun))
        except Halted as halted:
            raise KeyboardInterrupt from halted


def _checking(verified: VerifiedBundle, meter: Meter, begun: Digesting | None) -> Iterator[Event]:
    from installer.stream.metered import metered_work  # noqa: PLC0415 - see above
    from installer.verify import check_everything  # noqa: PLC0415

    yield StageStarted(Stage.CHECK, meter.total, Unit.BYTES)
    yield from metered_work(
        meter, Stage.CHECK, lambda: check_everything(verified, meter.add, begun)
    )
    yield StageFinished(Stage.CHECK, 0.0)
