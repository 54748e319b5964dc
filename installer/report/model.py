"""`report.json`: one run, from its plan and its events; specified in docs/schemas.

Owns the document's form. Texts of strangers are in it as text, made safe to show; what is not known
is left out.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import StringConstraints

from installer.report.facts import (
    BundlePart,
    EnginePart,
    FilePart,
    HostPart,
    ImagePart,
    PlanPart,
    Seconds,
    Text,
)
from installer.report.happened import (
    DamagePart,
    FailurePart,
    FindingPart,
    LoadPart,
    NamePart,
    NotePart,
    RemovedPart,
    SelftestPart,
    ServicePart,
    StagePart,
)
from manifests.documents import Document, Instant
from manifests.jsonschema import document_schema

REPORT_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of a report.json."""

RunId = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$")]


class Report(Document):
    """The whole document.

    Attributes:
        run: which run; its folder's name.
        program: version of the installer.
        verb: of its command line: `install`, `rollback`, `start`, `stop`, `restart`, `uninstall`,
            `prune`.
        product: the app that it was about; empty for the whole host.
        started: by the host's clock.
        ended: by the host's clock.
        seconds: from start to end.
        outcome: how it ended; `broken-off` when it never came to its record.
        host: the machine.
        engine: where the images went.
        bundle: what was brought, now or when the release came; left out where that is not known.
        images: of the release, for this host.
        files: that the app carries.
        plan: what was known before.
        checks: what the host's checks found.
        stages: in their order.
        loaded: images that the engine took.
        names: that were moved.
        services: what became of them, in order.
        removed: things that were to go, in order.
        notes: of the run.
        damages: to the bundle, that it met.
        others: events of kinds that have no place of their own here, as they were told.
        selftests: what the self-test came to.
        failure: why it failed.
    """

    run: RunId
    program: Text
    verb: Text
    product: Text = ""
    started: Instant
    ended: Instant
    seconds: Seconds
    outcome: Literal["done", "nothing-to-do", "failed", "cancelled", "broken-off"]
    host: HostPart
    engine: EnginePart
    bundle: BundlePart | None = None
    images: tuple[ImagePart, ...] = ()
    files: tuple[FilePart, ...] = ()
    plan: PlanPart
    checks: tuple[FindingPart, ...] = ()
    stages: tuple[StagePart, ...] = ()
    loaded: tuple[LoadPart, ...] = ()
    names: tuple[NamePart, ...] = ()
    services: tuple[ServicePart, ...] = ()
    removed: tuple[RemovedPart, ...] = ()
    notes: tuple[NotePart, ...] = ()
    damages: tuple[DamagePart, ...] = ()
    others: tuple[dict[str, object], ...] = ()
    selftests: tuple[SelftestPart, ...] = ()
    failure: FailurePart | None = None

    @property
    def subject(self) -> str:
        """What it was about, for people: a release, an app, or the whole host."""
        if self.bundle is not None:
            return f"{self.bundle.product} {self.bundle.version}"
        return self.product or "this host"


def report_schema() -> bytes:
    """Return the JSON Schema of report.json."""
    return document_schema(
        Report, "moonlift report", "What one run of the installer was, did and came to."
    )
