"""A difference between two documents, in the words of the app manifest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_DIGEST: Final = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")


@dataclass(frozen=True, slots=True)
class LockChange:
    """One difference.

    Attributes:
        subject: an image in its short form, a file, a service, or a key of the app manifest.
        what: `digest`, `platforms`, ...; empty where the subject itself came or went.
        old: None when it was not there; digests in full.
        new: None when it is not there any more.
    """

    subject: str
    what: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        what = f"{self.what} " if self.what else ""
        if self.old is None:
            return f"{self.subject}: {what}new, {_shown(self.new)}"
        if self.new is None:
            return f"{self.subject}: {what}gone, was {_shown(self.old)}"
        return f"{self.subject}: {what}{_shown(self.old)} -> {_shown(self.new)}"


def _shown(value: str | None) -> str:
    """Return a value with only the first figures of its digests."""
    return _DIGEST.sub(r"\1", value or "")
