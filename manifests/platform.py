"""Platforms: os, architecture, variant; and which of an index's entries serves one.

Source: OCI image-spec, image-index.md ("platform"), and the variant table there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from manifests.errors import MalformedInput

_PART = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}", re.ASCII)

_ALIASES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "armhf": "arm"}
_DEFAULT_VARIANT = {"arm64": "v8", "arm": "v7", "amd64": "v1"}

T = TypeVar("T")


class MalformedPlatform(MalformedInput):
    """A text that is not os/architecture[/variant]."""

    def __init__(self, text: str) -> None:
        super().__init__(
            "platform-malformed",
            f"expected os/architecture[/variant] such as linux/amd64, found {text[:100]!r}",
        )


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """Where an image runs.

    Attributes:
        os: such as `linux`.
        architecture: Go's name, such as `amd64`.
        variant: such as `v7`; empty when the architecture's usual one is meant.
    """

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Parse `os/architecture[/variant]`, in any of the usual spellings.

        Raises:
            MalformedPlatform: anything else.
        """
        parts = text.strip().lower().split("/")
        if len(parts) not in (2, 3) or not all(_PART.fullmatch(part) for part in parts):
            raise MalformedPlatform(text)
        variant = parts[2] if len(parts) == 3 else ""
        return cls.normalized(parts[0], parts[1], variant)

    @classmethod
    def normalized(cls, os: str, architecture: str, variant: str = "") -> Platform:
        """Return the platform in canonical spelling: aliases resolved, usual variant dropped."""
        architecture = _ALIASES.get(architecture, architecture)
        usual = _DEFAULT_VARIANT.get(architecture)
        return cls(os, architecture, "" if variant == usual else variant)

    @property
    def _rank(self) -> int:
        """The variant as a number: `v7` is 7."""
        variant = self.variant or _DEFAULT_VARIANT.get(self.architecture, "")
        digits = variant.lstrip("v").partition(".")[0]
        return int(digits) if digits.isdecimal() else 0

    def runs_on(self, host: Platform) -> bool:
        """Tell whether an image for this platform runs on `host`: same kind, no newer variant."""
        same = (self.os, self.architecture) == (host.os, host.architecture)
        return same and self._rank <= host._rank

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


def choose(wanted: Platform, offered: Sequence[tuple[Platform, T]]) -> T | None:
    """Return the offer that serves `wanted` best: the exact variant, else the nearest older.

    Of equals the first wins (image-index.md).
    """
    fitting = [(platform._rank, item) for platform, item in offered if platform.runs_on(wanted)]  # noqa: SLF001
    if not fitting:
        return None
    best = max(rank for rank, _ in fitting)
    return next(item for rank, item in fitting if rank == best)
