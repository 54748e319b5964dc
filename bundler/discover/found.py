"""What a discoverer tells: images and GPU requests with their places, problems, remarks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from manifests.platform import Platform
from manifests.workload import Workload


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in one of the app's files.

    Attributes:
        file: path relative to the app manifest's folder, `/` between its parts; `-` is the
            standard input.
        line: counted from 1.
        column: counted from 1, in characters.
    """

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Mention:
    """One place that names an image.

    Attributes:
        written: the name, after variables were filled in; not yet known to be a reference.
        place: of the text that names it.
        by: who names it, in the format's words: `service web`, `Deployment api, container app`,
            `FROM`, `#SBATCH --container-image`.
        platform: for which it is asked for by name (compose `platform:`, `FROM --platform=`);
            None for the app's platforms.
        built: whether the app builds the image itself, so that only a local engine has it.
    """

    written: str
    place: Place
    by: str
    platform: Platform | None = None
    built: bool = False


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """One place that asks for GPUs.

    Attributes:
        place: of the request.
        by: who asks, as in `Mention.by`.
        count: of GPUs for one instance; None for all that the host has.
        devices: indices or UUIDs that are asked for by name.
    """

    place: Place
    by: str
    count: int | None
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps an image from being known; nothing is built while there is one.

    Attributes:
        place: where.
        code: kebab-case, listed in docs/errors.md: `compose-...`, `kubernetes-...`.
        message: what was expected and what was found, without the place.
        hint: how to mend it.
    """

    place: Place
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a person should look at, although it stops nothing.

    Attributes:
        place: where.
        message: such as `looks like an image: ghcr.example/x:1, at spec.image of a Widget`.
    """

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Found:
    """All that a source told, in the order of its files."""

    mentions: tuple[Mention, ...] = ()
    gpus: tuple[GpuRequest, ...] = ()
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()
    workloads: tuple[Workload, ...] = ()


def joined(parts: Iterable[Found]) -> Found:
    """Return what all parts told, as one."""
    found = list(parts)
    return Found(
        mentions=tuple(one for part in found for one in part.mentions),
        gpus=tuple(one for part in found for one in part.gpus),
        problems=tuple(one for part in found for one in part.problems),
        remarks=tuple(one for part in found for one in part.remarks),
        workloads=tuple(one for part in found for one in part.workloads),
    )
