"""Several problems told as one: a person mends them all, then runs the program once more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from bundler.discover.found import Mention, Problem
from manifests.errors import (
    AppManifestError,
    MalformedInput,
    MoonliftError,
    SourceFailed,
    UsageError,
)

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
    for problem in ordered[:SHOWN]:
        lines.append(f"  - {problem}")
        lines += [f"    {problem.hint}"] if problem.hint else []
    if len(ordered) > SHOWN:
        lines.append(f"  and {len(ordered) - SHOWN} more")
    return kind(ordered[0].code, "\n".join(lines), parts=ordered, problems=len(ordered))


def told(problems: Iterable[Problem]) -> list[MoonliftError]:
    """Return what discoverers told as errors, with their places."""
    return [
        AppManifestError(
            one.code,
            f"{one.place}:{one.place.column}: {one.message}",
            hint=one.hint,
            file=one.place.file,
            line=one.place.line,
            column=one.place.column,
        )
        for one in problems
    ]


def placed(error: MoonliftError, mentions: Sequence[Mention]) -> MoonliftError:
    """Return the error with the places that name the image before it.

    What is wrong with the command line has no place.
    """
    if not mentions or isinstance(error, UsageError):
        return error
    first, *others = mentions
    also = f" (also at {', '.join(str(one.place) for one in others[:5])})" if others else ""
    kind = AppManifestError if isinstance(error, AppManifestError) else SourceFailed
    return kind(
        error.code,
        f"{first.place}:{first.place.column}: {error}{also}",
        hint=error.hint,
        parts=(),
        **{**error.context, "file": first.place.file, "line": first.place.line},
    )


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
