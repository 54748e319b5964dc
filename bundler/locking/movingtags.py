"""Tags that are moved to new images as a matter of course: worth a word before they are pinned."""

from __future__ import annotations

import re
from typing import Final

MOVING: Final = frozenset(
    """
    alpha beta canary current daily dev devel develop development edge experimental head latest
    lts main mainline master next nightly preview prod production release rolling snapshot stable
    staging test testing tip trunk unstable weekly
    """.split()  # noqa: SIM905 - a table
)
"""As a whole tag, or as its first word: `stable-alpine`. Listed in docs/app-manifest.md."""
_LAST: Final = frozenset({"canary", "dev", "edge", "latest", "nightly", "snapshot"})
"""As a tag's last word: `1.4-SNAPSHOT`."""
_WORDS: Final = re.compile(r"[-_.]")


def is_moving(tag: str) -> bool:
    """Tell whether a tag is known to move, whatever the case of its letters."""
    words = _WORDS.split(tag.casefold())
    return words[0] in MOVING or words[-1] in _LAST
