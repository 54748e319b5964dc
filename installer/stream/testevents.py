"""What the self-test of a run tells: each device with its figures, and the picture."""

from __future__ import annotations

from dataclasses import dataclass

from installer.stream.stages import Stage


@dataclass(frozen=True, slots=True)
class Figure:
    """A timing.

    Attributes:
        case: what was computed.
        milliseconds: the best of its launches.
        gflops: operations a second, in thousand millions.
        gbps: bytes moved a second, in thousand millions.
        fraction: of the device's own limit; None where that was not measured.
    """

    case: str
    milliseconds: float
    gflops: float
    gbps: float
    fraction: float | None


@dataclass(frozen=True, slots=True)
class DeviceTested:
    """The self-test is through with a device.

    Attributes:
        stage: always selftest.
        place: `host`, or how its container came to GPUs.
        address: such as `opencl:0`.
        kind: `cpu`, `gpu` or `accelerator`.
        name: as its driver gives it.
        driver: its version.
        verdict: `pass`, `skip`, `warn` or `fail`.
        cases: how many results were compared.
        figures: its timings.
    """

    stage: Stage
    place: str
    address: str
    kind: str
    name: str
    driver: str
    verdict: str
    cases: int
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class PictureDrawn:
    """A picture that a device computed.

    Attributes:
        stage: always selftest.
        place: as of a device.
        what: what was done to it.
        png: the picture, in base64.
    """

    stage: Stage
    place: str
    what: str
    png: str
