"""Why a start failed, in one error: service, reason, last words, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from installer.app.starting import Unwell
from installer.app.wanted import Deployment
from installer.app.words import last_words, masked
from installer.checks.diagnosis import Diagnosis, diagnose
from installer.engines.appapi import AppApi
from installer.trials.refusals import UNKNOWN, explain
from manifests.errors import StartFailed
from manifests.safetext import safe_line

ENGINE_WORDS: Final = 600
_TAKEN: Final = Diagnosis(
    "app-port-taken",
    "A port of this host that the service asks for is in use.",
    "ss -lnp shows which program has it; stop that one, or set another port in the host's settings"
    " for the app",
)
_NO_PATH: Final = Diagnosis(
    "app-path-missing",
    "A path of this host that the service mounts is not there.",
    "Make it (mkdir -p), with the owner that the service needs.",
)
_KNOWN: Final = (
    ("port is already allocated", _TAKEN),
    ("address already in use", _TAKEN),
    ("bind source path does not exist", _NO_PATH),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told of a failed start.

    Attributes:
        code: `app-start` where the engine refused, else `app-unhealthy`.
        service, container: which.
        reason: what is the matter.
        words: the last lines that it printed.
        hint: what to do.
    """

    code: str
    service: str
    container: str
    reason: str
    words: tuple[str, ...]
    hint: str

    @property
    def detail(self) -> str:
        """Reason and last words, for an event."""
        return "\n".join((self.reason, *self.words))

    def because(self, after: str) -> StartFailed:
        """Return the error; `after` says what runs now."""
        said = "".join(f"\n  {line}" for line in self.words)
        printed = f"\nit printed last:{said}" if said else ""
        return StartFailed(
            self.code,
            f"service {self.service}, container {self.container} {self.reason}{printed}\n{after}",
            hint=self.hint,
            service=self.service,
            container=self.container,
            reason=self.reason,
            after=after,
        )


def started_not(apps: AppApi, wanted: Deployment, unwell: Unwell) -> Failure:
    """Return what is to be told, while the container is still there to be asked."""
    member = unwell.member
    words = last_words(apps, member.id, wanted.hidden) if member.id else ()
    reason = safe_line(masked(unwell.reason, wanted.hidden), limit=ENGINE_WORDS)
    known = _explained(unwell.words) if unwell.words else diagnose("\n".join(words))
    meaning = f" ({known.meaning})" if known is not None and unwell.words else ""
    return Failure(
        code="app-start" if unwell.words else "app-unhealthy",
        service=member.service,
        container=member.name,
        reason=f"{reason}{meaning}",
        words=words,
        hint=known.remedy if known is not None else "mend what it says, and install again",
    )


def _explained(words: str) -> Diagnosis:
    """Return what an engine's refusal means."""
    known = explain(words)
    if known is not UNKNOWN:
        return known
    low = words.lower()
    return next((found for text, found in _KNOWN if text in low), UNKNOWN)
