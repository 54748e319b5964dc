"""What `installer verify` does, step by step; the command line calls it.

The layers are read while the rest of the program is still being loaded: as soon as the list of
files is trusted. So modules that take time to load are imported after that, and only then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from installer.console import Console, Form, stopping
from installer.events import Event, Failure, Stage, StageFinished, StageStarted, Unit
from installer.trust import TrustStore
from manifests.bundle.digesting import Digesting
from manifests.bundle.medium import open_medium
from manifests.errors import ExitCode
from manifests.quantities import bytes_text
from manifests.seals.listing import Listing, open_listing, trusted_signers

if TYPE_CHECKING:
    from installer.stream.jobs import Meter
    from installer.verify import VerifiedBundle
    from manifests.bundle.contents import Survey
    from manifests.strictjson import JsonValue

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


def verify_bundle(console: Console, asked: Asked) -> ExitCode:
    """Show who signed the bundle, then read every byte unless told not to; name all damage.

    Raises:
        BundleRefused: with the code of the first thing that is wrong before the layers.
    """
    trusted, now = TrustStore(asked.trust).load(), datetime.now(UTC)
    judge = trusted_signers(trusted.signers, max(asked.threshold, trusted.threshold), now)
    with closing(open_medium(asked.bundle)) as medium:
        listing = open_listing(medium, judge)
        with _reading(listing, asked) as begun:
            return _judge(console, asked, listing, begun)


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


def _judge(console: Console, asked: Asked, listing: Listing, begun: Digesting | None) -> ExitCode:
    from installer.ledger import Ledger  # noqa: PLC0415 - see above
    from installer.verify import Leniency, verify_listing  # noqa: PLC0415
    from installer.words.bundle import bundle_json, bundle_lines  # noqa: PLC0415
    from manifests.bundle.contents import Survey  # noqa: PLC0415

    leniency = Leniency(allow_downgrade=asked.allow_downgrade, accept_expired=asked.accept_expired)
    verified = verify_listing(listing, Ledger(asked.state), datetime.now(UTC), leniency)
    console.lines(bundle_lines(verified))
    survey = Survey(0) if asked.quick else _check(console, verified, begun)
    facts: dict[str, JsonValue] = {
        "checked": "seal" if asked.quick else "everything",
        "bytes": survey.size,
        **bundle_json(verified),
    }
    return _tell(console, asked, survey, facts)


def _tell(
    console: Console, asked: Asked, survey: Survey, facts: Mapping[str, JsonValue]
) -> ExitCode:
    """Show what was found; what is damaged is a refusal."""
    from installer.words.results import failure_json  # noqa: PLC0415 - see above
    from manifests.bundle.damage import bundle_damaged  # noqa: PLC0415
    from manifests.bundle.damagetable import damage_json, damage_lines  # noqa: PLC0415

    console.lines(damage_lines(survey))
    told = {**damage_json(survey), **facts}
    if not survey.damages:
        what = f"all of it, {bytes_text(survey.size)} of layers and files"
        console.lines([f"verified     {'seal and documents' if asked.quick else what}"])
        console.document("verified", told)
        return ExitCode.DONE
    failure = Failure.of(bundle_damaged(str(asked.bundle), survey.damages, ()))
    if console.form is Form.TEXT:
        console.failure(failure)
    console.document("verified", {**told, "error": failure_json(failure)})
    return failure.exit_code


def _check(console: Console, verified: VerifiedBundle, begun: Digesting | None) -> Survey:
    from installer.stream.jobs import Halted, Meter  # noqa: PLC0415 - see above
    from installer.verify import unread_bytes  # noqa: PLC0415

    found: list[Survey] = []
    with stopping() as cancel:
        try:
            meter = Meter(unread_bytes(verified), cancel)
            console.follow(_checking(verified, meter, begun, found.append))
        except Halted as halted:
            raise KeyboardInterrupt from halted
    return found[0]


def _checking(
    verified: VerifiedBundle,
    meter: Meter,
    begun: Digesting | None,
    found: Callable[[Survey], None],
) -> Iterator[Event]:
    from installer.stream.metered import metered_work  # noqa: PLC0415 - see above
    from installer.verify import survey_everything  # noqa: PLC0415

    def survey() -> None:
        found(survey_everything(verified, meter.add, begun))

    yield StageStarted(Stage.CHECK, meter.total, Unit.BYTES)
    yield from metered_work(meter, Stage.CHECK, survey)
    yield StageFinished(Stage.CHECK, 0.0)
