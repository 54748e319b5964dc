"""Who signed a bundle, in lines; refusals, and what a person can do about them; pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from installer.events import Failure
from installer.tui.lines import Line, Mark, blank, failure_lines, labelled
from installer.verify import VerifiedBundle
from installer.words.bundle import bundle_lines


class Remedy(StrEnum):
    """What a person may do about a refusal, in this program."""

    ADD_KEY = "Add a key"
    OLDER = "Install the older release"
    EXPIRED = "Install although expired"


_KEYS: Final = frozenset({"trust-empty", "signature-unknown-signer", "signature-threshold"})
_REMEDIES: Final = {"downgrade-refused": Remedy.OLDER, "release-expired": Remedy.EXPIRED}


def trust_lines(verified: VerifiedBundle) -> Iterator[Line]:
    """Say who signed what, and how old it is."""
    yield Line(
        "every signature that counts is of a key that this host trusts", "TRUSTED", Mark.GOOD
    )
    yield from labelled(bundle_lines(verified))


def refusal_lines(failure: Failure) -> Iterator[Line]:
    """Say why a bundle is refused, and that nothing was done."""
    yield from failure_lines(failure)
    yield blank()
    yield Line("Nothing of this bundle was used.", mark=Mark.FAINT)


def remedies(failure: Failure) -> tuple[Remedy, ...]:
    """Return what can be done about a refusal here, without leaving the program."""
    found = _REMEDIES.get(failure.code)
    if found is Remedy.EXPIRED and "accept-expired" not in failure.hint:
        return ()
    if found is not None:
        return (found,)
    return (Remedy.ADD_KEY,) if failure.code in _KEYS else ()
