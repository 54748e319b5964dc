"""Running ahead changes nothing of what comes, in which order, or how it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer.stream.ahead import DEPTH, ahead


def reusing(pieces: list[bytes]) -> Iterator[memoryview]:
    """Yield each piece in the same buffer, as a reader does."""
    buffer = bytearray(max(map(len, pieces), default=0))
    for piece in pieces:
        buffer[: len(piece)] = piece
        yield memoryview(buffer)[: len(piece)]


@pytest.mark.property
@given(pieces=st.lists(st.binary(max_size=20), max_size=20))
def test_the_same_pieces_come(pieces: list[bytes]) -> None:
    """Whatever they are, in their order."""
    assert list(ahead(reusing(pieces))) == pieces


def test_an_error_comes_in_its_place() -> None:
    def broken() -> Iterator[memoryview]:
        yield memoryview(b"one")
        raise ZeroDivisionError

    stream = ahead(broken())
    assert next(stream) == b"one"
    with pytest.raises(ZeroDivisionError):
        next(stream)


def test_a_consumer_that_stops_stops_the_producer() -> None:
    made: list[int] = []
    ended = threading.Event()

    def endless() -> Iterator[memoryview]:
        try:
            while True:
                made.append(1)
                yield memoryview(b"piece")
        finally:
            ended.set()

    stream = ahead(endless())
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert ended.wait(5)
    assert len(made) <= 2 * DEPTH + 2
