"""Several things that keep a bundle from being installed here, told as one.

A person mends them all, then runs the program once more.
"""

from __future__ import annotations

from collections.abc import Sequence

from manifests.errors import MoonliftError, NotInstallableHere


def together(problems: Sequence[MoonliftError]) -> NotInstallableHere:
    """Return one error that tells all of them."""
    first = problems[0]
    if len(problems) == 1 and isinstance(first, NotInstallableHere):
        return first
    if len(problems) == 1:
        return NotInstallableHere(first.code, str(first), hint=first.hint, parts=(first,))
    lines = [f"{len(problems)} things keep it from being installed here:"]
    for one in problems:
        lines.append(f"  - {one}")
        lines += [f"    next: {one.hint}"] if one.hint else []
    return NotInstallableHere(
        first.code,
        "\n".join(lines),
        hint="mend them all, then look again: installer plan",
        parts=problems,
        problems=len(problems),
    )
