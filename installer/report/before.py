"""What a report says of the time before the run: host, bundle, plan, checks; pure but for the host.

Every text is made safe to show where it enters.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from installer.engines.base import EngineInfo
from installer.planning.outlook import Outlook
from installer.planning.space import Purpose
from installer.report.facts import (
    BundlePart,
    EnginePart,
    FilePart,
    FileSystemPart,
    HostPart,
    ImagePart,
    LayerPart,
    PlanPart,
    RemarkPart,
    SignerPart,
)
from installer.report.happened import FindingPart
from manifests.digest import Digest
from manifests.release import ImageRecord, LayerRecord, Release
from manifests.safetext import safe_line

if TYPE_CHECKING:  # each verb loads its own kind of plan
    from installer.ledger import InstalledRelease
    from installer.plan import Plan
    from installer.rollback import RollbackPlan
    from installer.verify import VerifiedBundle

NOTHING_TO_READ: Final = PlanPart(
    checked_bytes=0,
    read_bytes=0,
    unpack_bytes=0,
    engine_bytes=0,
    temporary_bytes=0,
    store_bytes=0,
)


@dataclass(frozen=True, slots=True)
class Before:
    """Everything of a report that is known before its run.

    Attributes:
        verb: of the command line.
        product: the app that it is about; empty for the whole host.
        engine: where the images are or go.
        plan: what there is to do.
        bundle: what was brought, now or when the release came; None where that is not known.
        images: of the release, for this host.
        files: that the app carries.
        checks: what the host's checks found.
    """

    _: KW_ONLY
    verb: str
    product: str
    engine: EnginePart
    plan: PlanPart
    bundle: BundlePart | None = None
    images: tuple[ImagePart, ...] = ()
    files: tuple[FilePart, ...] = ()
    checks: tuple[FindingPart, ...] = ()


def before_install(outlook: Outlook, plan: Plan) -> Before:
    """Return what is known before an install."""
    release = plan.verified.release
    sent = {one.image.name: one.missing for one in plan.deliveries}
    return Before(
        verb="install",
        product=release.product,
        engine=engine_part(plan.engine.name, plan.info),
        bundle=_bundle(plan.verified),
        images=tuple(
            image_part(plan.info.store.identity(one), one, sent.get(one.name))
            for one in plan.images
        ),
        files=file_parts(release),
        plan=_plan(outlook, plan),
        checks=tuple(_findings(outlook)),
    )


def before_rollback(plan: RollbackPlan) -> Before:
    """Return what is known before going back to a release; nothing is read for it."""
    return Before(
        verb="rollback",
        product=plan.release.product,
        engine=engine_part(plan.engine.name, plan.info),
        bundle=kept_bundle(plan.installed, plan.release),
        images=tuple(image_part(plan.info.store.identity(one), one, None) for one in plan.images),
        files=file_parts(plan.release),
        plan=NOTHING_TO_READ,
    )


def host_part() -> HostPart:
    """Return what this machine is."""
    system = platform.system()
    with suppress(OSError):
        system = platform.freedesktop_os_release().get("PRETTY_NAME", system)
    return HostPart(
        name=safe_line(platform.node()),
        system=safe_line(system),
        kernel=safe_line(platform.release()),
        machine=safe_line(platform.machine()),
        user=os.geteuid(),
    )


def engine_part(name: str, info: EngineInfo) -> EnginePart:
    """Return what an engine is."""
    return EnginePart(
        name=safe_line(name),
        kind=safe_line(info.kind),
        version=safe_line(info.version),
        store=str(info.store),
        driver=safe_line(info.driver),
        platform=None if info.platform is None else safe_line(str(info.platform)),
        root=None if info.root is None else safe_line(str(info.root)),
    )


def _bundle(verified: VerifiedBundle) -> BundlePart:
    release, check, verdict = verified.release, verified.sealed.check, verified.verdict
    return BundlePart(
        path=safe_line(str(verified.sealed.medium.path)),
        sums=str(verified.sealed.sums_digest),
        product=release.product,
        version=release.version,
        sequence=release.sequence,
        standing=str(verdict.standing),
        issued=release.issued,
        expires=release.expires,
        age_seconds=int(verdict.age.total_seconds()),
        threshold=check.threshold,
        signers=tuple(
            SignerPart(principal=safe_line(one.principal), fingerprint=one.fingerprint)
            for one in check.accepted
        ),
        ignored=tuple(_remark(one.code, one.reason) for one in check.ignored),
        warnings=tuple(_remark(one.code, one.text) for one in verdict.warnings),
        waived=tuple(_remark(one.image, one.reason) for one in release.waived),
    )


def kept_bundle(installed: InstalledRelease, release: Release) -> BundlePart:
    """Return what was brought when an installed release came."""
    age = datetime.now(UTC) - release.issued
    return BundlePart(
        path=safe_line(installed.bundle),
        sums=str(installed.sums),
        product=release.product,
        version=release.version,
        sequence=release.sequence,
        standing="installed before",
        issued=release.issued,
        expires=release.expires,
        age_seconds=int(age.total_seconds()),
        threshold=0,
        signers=tuple(SignerPart(principal="", fingerprint=one) for one in installed.signers),
    )


def file_parts(release: Release) -> tuple[FilePart, ...]:
    """Return the files that an app carries."""
    return tuple(
        FilePart(name=one.name, digest=str(one.digest), size=one.size) for one in release.files
    )


def _plan(outlook: Outlook, plan: Plan) -> PlanPart:
    times = outlook.times
    return PlanPart(
        checked_bytes=plan.checked_bytes,
        read_bytes=plan.read_bytes,
        unpack_bytes=plan.unpack_bytes,
        engine_bytes=plan.engine_bytes,
        temporary_bytes=plan.room.written(Purpose.TEMPORARY),
        store_bytes=plan.room.written(Purpose.STORE),
        file_systems=tuple(_file_systems(plan)),
        drive_rate=None if outlook.drive is None else outlook.drive.rate,
        seconds=None if times is None else times.seconds,
        basis="" if times is None else str(times.basis),
    )


def _findings(outlook: Outlook) -> Iterator[FindingPart]:
    for result in outlook.results:
        for one in () if result.left_out else result.findings:
            yield FindingPart(
                check=result.check.id,
                severity=one.severity.value,
                evidence=one.evidence,
                remedy=one.remedy,
            )


def image_part(
    identity: Digest, image: ImageRecord, missing: Sequence[LayerRecord] | None
) -> ImagePart:
    """Return what an image is: known to the engine by `identity`, with layers that it lacked."""
    sent = {layer.digest for layer in missing or ()}
    return ImagePart(
        name=image.name,
        platform=str(image.platform),
        identity=str(identity),
        image_id=str(image.image_id),
        manifest=str(image.manifest.digest),
        present=missing is None,
        layers=tuple(
            LayerPart(
                digest=str(layer.digest),
                diff_id=str(layer.diff_id),
                size=layer.size,
                uncompressed=layer.uncompressed,
                sent=layer.digest in sent,
            )
            for layer in image.layers
        ),
    )


def _file_systems(plan: Plan) -> Iterator[FileSystemPart]:
    for one in plan.room.demands:
        yield FileSystemPart(
            mount=safe_line(one.system.mount),
            device=safe_line(one.system.device),
            kind=safe_line(one.system.kind),
            purposes=tuple(map(str, one.purposes)),
            need=one.need,
            free=one.system.free,
        )


def _remark(code: str, text: str) -> RemarkPart:
    return RemarkPart(code=safe_line(code), text=safe_line(text))
