"""Several problems told as one: a person mends them all, then runs the program once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from manifests.errors import AppManifestError, MalformedInput, MoonliftError, SourceFailed

SHOWN = 50
"""Problems listed in full."""


def together(problems: Sequence[MoonliftError]) -> MoonliftError:
    """Return one error that tells all of them.

    What the person must mend comes first: it decides the kind, and so the exit code.
    """
    unique = list({(problem.code, str(problem)): problem for problem in problems}.values())
    if len(unique) == 1:
        return unique[0]
    ordered = sorted(unique, key=lambda problem: not isinstance(problem, AppManifestError))
    kind = AppManifestError if isinstance(ordered[0], AppManifestError) else SourceFailed
    lines = [f"{len(ordered)} problems:"]
    lines += [f"  - {problem}" for problem in ordered[:SHOWN]]
    hints = list(dict.fromkeys(problem.hint for problem in ordered if problem.hint))
    return kind(ordered[0].code, "\n".join(lines), hint="; ".join(hints[:5]), problems=len(ordered))


@contextmanager
def documents_of(image: str) -> Iterator[None]:
    """Lay a malformed manifest or config at the door of the image's source.

    Raises:
        SourceFailed: with the code of what was malformed.
    """
    try:
        yield
    except MalformedInput as error:
        raise SourceFailed(
            error.code, f"{image}: {error}", hint="the image is damaged at its source", image=image
        ) from error
