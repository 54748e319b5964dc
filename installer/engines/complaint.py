"""What an engine's failure is told as: its own explanation, or what became of the connection.

The client library's errors carry classes, addresses and status lines that help nobody who stands in
front of a host. Turns them into words; raises nothing, decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from docker.errors import APIError
from urllib3.exceptions import ProtocolError

from manifests.safetext import safe_line

_LIMIT: Final = 1000
_DEEPEST: Final = 16

_BROKEN: Final = "the connection broke"
# The library wraps the first ones into the last.
_WORDS: Final[Mapping[type[BaseException], str]] = {
    FileNotFoundError: "there is no such socket",
    PermissionError: "this user may not use its socket",
    ConnectionRefusedError: "nothing answers at its socket",
    ConnectionResetError: _BROKEN,
    BrokenPipeError: _BROKEN,
    TimeoutError: "it does not answer in time",
    ProtocolError: _BROKEN,
}


def words_of(error: Exception) -> str:
    """Return what went wrong, in one line that is safe to show."""
    if isinstance(error, APIError):
        return safe_line(str(error.explanation or error), limit=_LIMIT)
    causes = tuple(_causes(error))
    for kind, words in _WORDS.items():
        if any(isinstance(cause, kind) and not _of_a_file(cause) for cause in causes):
            return words
    return safe_line(str(error), limit=_LIMIT)


def _of_a_file(error: BaseException) -> bool:
    """Tell whether an error names a file: then it is not of the connection."""
    return isinstance(error, OSError) and error.filename is not None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from, deepest last.

    What was being handled is no cause, except in requests and urllib3, which set none.
    """
    for _ in range(_DEEPEST):
        if error is None:
            return
        yield error
        wrapped = type(error).__module__.startswith(("requests.", "urllib3."))
        error = error.__cause__ or (error.__context__ if wrapped else None)
