"""An iterator that runs ahead of its consumer, in a thread of its own.

Owns the thread and the few pieces between the two. The pieces are copies, so that the producer
may use its buffer again.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Final

DEPTH: Final = 4
"""Pieces made before the consumer asks."""


def ahead(pieces: Iterator[memoryview]) -> Iterator[bytes]:
    """Yield copies of `pieces`, the next ones being made meanwhile.

    What `pieces` raises is raised here, in its place. When the consumer stops early, so does the
    producer, at its next piece.
    """
    made: queue.Queue[bytes | BaseException | None] = queue.Queue(DEPTH)
    stopped = threading.Event()
    worker = threading.Thread(target=_make, args=(pieces, made, stopped), daemon=True)
    worker.start()
    try:
        while (piece := made.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        stopped.set()
        _drain(made)


def _make(
    pieces: Iterator[memoryview],
    made: queue.Queue[bytes | BaseException | None],
    stopped: threading.Event,
) -> None:
    try:
        for piece in pieces:
            made.put(bytes(piece))
            if stopped.is_set():
                return
        made.put(None)
    except BaseException as error:  # noqa: BLE001 - raised again by the consumer
        made.put(error)


def _drain(made: queue.Queue[bytes | BaseException | None]) -> None:
    while True:
        try:
            made.get_nowait()
        except queue.Empty:
            return
