"""What a check finds, how grave it is, and what to do about it.

Owns the vocabulary only. A check lists its causes, each with the one text that says what to do, so
that the documents and the tests can go through all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from manifests.safetext import safe_line

if TYPE_CHECKING:
    from installer.checks.sources import Sources

EVIDENCE_LIMIT: Final = 500
"""Characters shown of what was seen."""
FACT_LIMIT: Final = 200
"""Characters of one foreign fact in what to do."""


class Severity(StrEnum):
    """How grave a finding is. Only `FAIL` keeps a host from being installable."""

    OK = "ok"
    NOTE = "note"
    UNKNOWN = "unknown"
    WARN = "warn"
    FAIL = "fail"


class Topic(StrEnum):
    """What a check is about: it is left out where there is no such thing."""

    HOST = "host"
    ENGINE = "engine"
    GPU = "gpu"
    GPU_DRIVER = "gpu by its driver"
    GPU_CONTAINER = "gpu in containers"

    @property
    def needs_gpu(self) -> bool:
        """Whether it says nothing on a host without a GPU."""
        return self in (Topic.GPU, Topic.GPU_DRIVER, Topic.GPU_CONTAINER)

    @property
    def needs_driver(self) -> bool:
        """Whether it says nothing when the driver's library tells of no GPU."""
        return self is Topic.GPU_DRIVER

    @property
    def needs_engine(self) -> bool:
        """Whether it says nothing when no engine answers."""
        return self in (Topic.ENGINE, Topic.GPU_CONTAINER)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen.

    Attributes:
        severity: how grave it is.
        evidence: what was seen and where, safe to show.
        cause: the name of the cause, within its check; empty when all is well.
        remedy: what to do; empty when nothing is to be done.
    """

    severity: Severity
    evidence: str
    cause: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """A way in which a check ends other than well.

    Attributes:
        name: kebab-case, stable, unique within its check.
        severity: how grave it is.
        when: what is found then, for the documents.
        remedy: what to do, with the names of facts in braces.
    """

    name: str
    severity: Severity
    when: str
    remedy: str

    def found(self, evidence: str, **facts: str | int) -> Finding:
        """Return a finding of this cause; `facts` fill the braces of the remedy."""
        safe = {name: safe_line(str(value), limit=FACT_LIMIT) for name, value in facts.items()}
        return Finding(
            self.severity,
            safe_line(evidence, limit=EVIDENCE_LIMIT),
            self.name,
            self.remedy.format_map(safe),
        )


Reader = Callable[["Sources"], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the host.

    Attributes:
        id: dotted, stable.
        topic: what it is about.
        reads: where the answer is read, for the documents.
        causes: every way in which it can end other than well or unknown.
        read: yields what is found; may raise `Unreadable`, which becomes `UNKNOWN`.
    """

    id: str
    topic: Topic
    reads: str
    causes: tuple[Cause, ...]
    read: Reader


def fine(evidence: str) -> Finding:
    """Return the finding that all is well."""
    return Finding(Severity.OK, safe_line(evidence, limit=EVIDENCE_LIMIT))


def noted(evidence: str) -> Finding:
    """Return something worth knowing, about which nothing is to be done."""
    return Finding(Severity.NOTE, safe_line(evidence, limit=EVIDENCE_LIMIT))


def unknown(evidence: str, remedy: str = "") -> Finding:
    """Return that something could not be found out."""
    return Finding(Severity.UNKNOWN, safe_line(evidence, limit=EVIDENCE_LIMIT), "", remedy)


def or_fine(findings: Iterable[Finding], evidence: str) -> Iterator[Finding]:
    """Yield the findings; when there is none, that all is well."""
    found = tuple(findings)
    yield from found or (fine(evidence),)
