"""The parts of a report that the run itself told, and what checks and self-test found."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import StringConstraints

from installer.report.facts import Count, Seconds, Text
from manifests.documents import Part

PICTURE_LIMIT: Final = 4 * 1024 * 1024
"""Characters of a picture."""

Severity = Literal["ok", "note", "unknown", "warn", "fail"]


class FindingPart(Part):
    """What a check of the host found.

    Attributes:
        check: its ID.
        severity: how grave it is.
        evidence: what was seen.
        remedy: what to do.
    """

    check: Text
    severity: Severity
    evidence: Text
    remedy: Text = ""


class StagePart(Part):
    """A part of the run.

    Attributes:
        stage: which.
        total: how much there was to do.
        unit: of what.
        seconds: how long it took; left out where it never ended.
        failed: whether it broke off.
    """

    stage: Text
    total: Count
    unit: Text
    seconds: Seconds | None = None
    failed: bool = False


class LoadPart(Part):
    """An image that the engine took.

    Attributes:
        name: full reference.
        identity: what the engine knows it by.
        bytes_read: of its layers.
        layers_sent: how many were missing.
        seconds: that it took.
    """

    name: Text
    identity: Text
    bytes_read: Count
    layers_sent: Count
    seconds: Seconds


class NamePart(Part):
    """A name that was moved.

    Attributes:
        name: full reference.
        old: what it pointed to before; empty if it was not there.
        new: what it points to now.
    """

    name: Text
    old: Text
    new: Text


class ServicePart(Part):
    """What became of an instance of a service.

    Attributes:
        service: name of it.
        container: name of the instance.
        state: what it was then.
        detail: for people.
    """

    service: Text
    container: Text
    state: Text
    detail: Text = ""


class RemovedPart(Part):
    """A thing that was to go.

    Attributes:
        stage: in which.
        kind: of thing.
        names: that people know it by.
        identity: what it was removed by.
        outcome: what became of it.
        freed: bytes that are free since, as far as that is known.
        detail: why it is still there.
    """

    stage: Text
    kind: Text
    names: tuple[Text, ...]
    identity: Text
    outcome: Literal["removed", "stayed", "failed"]
    freed: Count = 0
    detail: Text = ""


class NotePart(Part):
    """Something that the run found worth a line.

    Attributes:
        stage: where.
        code: stable.
        text: for people.
    """

    stage: Text
    code: Text
    text: Text


class DamagePart(Part):
    """A chunk of the bundle that could not be had as it was signed.

    Attributes:
        file: in the bundle.
        offset: where the chunk begins in it.
        length: bytes of the chunk.
        code: of the error.
        found: what was there instead.
        images: that need it.
    """

    file: Text
    offset: Count
    length: Count
    code: Text
    found: Text
    images: tuple[Text, ...] = ()


class FigurePart(Part):
    """A timing of the self-test.

    Attributes:
        case: what was computed.
        milliseconds: the best of its launches.
        gflops: operations a second, in thousand millions.
        gbps: bytes moved a second, in thousand millions.
        fraction: of the device's own limit, where that was measured.
    """

    case: Text
    milliseconds: Seconds
    gflops: Seconds = 0.0
    gbps: Seconds = 0.0
    fraction: Seconds | None = None


class DevicePart(Part):
    """A device that the self-test tested.

    Attributes:
        address: such as `opencl:0`.
        kind: what it is.
        name: as its driver gives it.
        driver: its version.
        verdict: of all its cases.
        cases: how many results were compared.
        figures: its timings.
    """

    address: Text
    kind: Text
    name: Text
    driver: Text
    verdict: Text
    cases: Count
    figures: tuple[FigurePart, ...] = ()


class PicturePart(Part):
    """A picture that a device computed.

    Attributes:
        what: what was done to it.
        png: in base64.
    """

    what: Text
    png: Annotated[str, StringConstraints(max_length=PICTURE_LIMIT)]


class SelftestPart(Part):
    """What the self-test came to in one place.

    Attributes:
        place: where it ran: `host`, or how its container came to GPUs.
        devices: that were tested.
        pictures: that they computed.
    """

    place: Text
    devices: tuple[DevicePart, ...] = ()
    pictures: tuple[PicturePart, ...] = ()


class FailurePart(Part):
    """Why it failed.

    Attributes:
        code: stable.
        message: what was expected and what was found.
        hint: the next step.
        exit_code: what the process ended with.
    """

    code: Text
    message: Text
    hint: Text
    exit_code: int
