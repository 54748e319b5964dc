"""What a report says of the time before the run: host, bundle, plan, checks; pure but for the host.

Every text is made safe to show where it enters.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import suppress

from installer.outlook import Outlook
from installer.plan import Plan
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
from installer.space import Purpose
from installer.verify import VerifiedBundle
from manifests.release import ImageRecord
from manifests.safetext import safe_line


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


def engine_part(plan: Plan) -> EnginePart:
    """Return where the images go."""
    info = plan.info
    return EnginePart(
        name=safe_line(plan.engine.name),
        kind=safe_line(info.kind),
        version=safe_line(info.version),
        store=str(info.store),
        driver=safe_line(info.driver),
        platform=None if info.platform is None else safe_line(str(info.platform)),
        root=None if info.root is None else safe_line(str(info.root)),
    )


def bundle_part(verified: VerifiedBundle) -> BundlePart:
    """Return what was brought."""
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


def image_parts(plan: Plan) -> tuple[ImagePart, ...]:
    """Return every image with every digest."""
    return tuple(_image(plan, image) for image in plan.images)


def file_parts(verified: VerifiedBundle) -> tuple[FilePart, ...]:
    """Return the files that the app carries."""
    files = verified.release.files
    return tuple(FilePart(name=one.name, digest=str(one.digest), size=one.size) for one in files)


def plan_part(outlook: Outlook, plan: Plan) -> PlanPart:
    """Return what was known before."""
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


def finding_parts(outlook: Outlook) -> Iterator[FindingPart]:
    """Yield what the host's checks found."""
    for result in outlook.results:
        for one in () if result.left_out else result.findings:
            yield FindingPart(
                check=result.check.id,
                severity=one.severity.value,
                evidence=one.evidence,
                remedy=one.remedy,
            )


def _image(plan: Plan, image: ImageRecord) -> ImagePart:
    delivery = next((one for one in plan.deliveries if one.image is image), None)
    sent = {layer.digest for layer in delivery.missing} if delivery else set()
    return ImagePart(
        name=image.name,
        platform=str(image.platform),
        identity=str(plan.info.store.identity(image)),
        image_id=str(image.image_id),
        manifest=str(image.manifest.digest),
        present=delivery is None,
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
