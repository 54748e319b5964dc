"""Threads that nobody waits for once something failed or a person pressed Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any


@contextmanager
def worker_pool(threads: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Give a pool; when the block raises, what waits is dropped and what runs is left alone."""
    pool = ThreadPoolExecutor(threads, name)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def wait_all(futures: Iterable[Future[Any]]) -> None:
    """Wait until all are done; raises what the first failure raised, as soon as it did."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
