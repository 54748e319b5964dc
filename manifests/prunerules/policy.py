"""What may be removed to make room, and what never: the policy that `prune` follows.

Owns the policy's form, in `app.yaml`, in release.json and from command lines. Decides nothing:
`manifests.prunerules.planner` does.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from manifests.documents import Line
from manifests.prunerules.patterns import Pattern
from manifests.workload import Count, Sparse

DEFAULT_GRACE_SECONDS: Final = 3600
"""docker-gc's."""
DEFAULT_KEEP_RELEASES: Final = 2
"""The current and the previous one."""


def _pattern(text: str) -> str:
    return Pattern.parse(text).text


PatternText = Annotated[Line, AfterValidator(_pattern)]
Excludes = Annotated[tuple[PatternText, ...], Field(max_length=1000, strict=False)]


class PrunePolicy(Sparse):
    """The whole policy.

    Attributes:
        grace_seconds: for which something must have been unused, counted from when it arrived or
            was last used, whichever is later.
        keep_releases: how many releases of the product are kept; never less than the current and
            the previous one.
        keep_images: how many images of each repository are kept, newest first.
        exclude: globs, `/regular expressions/`, IDs, digests or `label=NAME[=VALUE]` of images and
            containers that stay.
        dangling: whether layers and images without a name go.
        containers: whether containers that have ended go.
        volumes: whether volumes that nothing uses go; never those of an app.
    """

    grace_seconds: Count = DEFAULT_GRACE_SECONDS
    keep_releases: Annotated[int, Field(ge=2, le=1000)] = DEFAULT_KEEP_RELEASES
    keep_images: Count = 0
    exclude: Excludes = ()
    dangling: bool = True
    containers: bool = True
    volumes: bool = False
