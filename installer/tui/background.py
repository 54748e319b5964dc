"""Questions to drives and engines, asked in threads; their answers come as one kind of message.

Threads of our own, not textual's workers: those are waited for at the end, and one that hangs on
a drive that was pulled out would hold the program up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from textual.message import Message

from installer.events import Event, Failure
from manifests.errors import MoonliftError

T = TypeVar("T")


class Answered(Message):
    """A question was answered; whoever gets this calls `deliver`."""

    def __init__(self, deliver: Callable[[], None]) -> None:
        super().__init__()
        self.deliver = deliver


class Told(Message):
    """A run told of something."""

    def __init__(self, event: Event) -> None:
        super().__init__()
        self.event = event


class Broke(Message):
    """A thread met a bug."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Post(Protocol):
    """Where a thread may put a message: textual's `post_message` of a screen or the program."""

    def __call__(self, message: Message, /) -> bool: ...  # noqa: D102


def ask(
    post: Post,
    work: Callable[[], T],
    then: Callable[[T], None],
    refused: Callable[[Failure], None],
) -> None:
    """Do some work in a thread, and let the screen go on with what came of it.

    Args:
        post: of the screen that asks; one that is gone gets nothing.
        work: waits for drives and engines.
        then: called by the screen with the answer.
        refused: called by the screen with why there is none.
    """

    def answer() -> None:
        try:
            found = work()
        except MoonliftError as error:
            _post(post, Answered(partial(refused, Failure.of(error))))
        else:
            _post(post, Answered(partial(then, found)))

    in_thread(post, answer)


def in_thread(post: Post, work: Callable[[], None]) -> None:
    """Do some work in a thread that dies with the program; a bug in it is told."""

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by the program
            _post(post, Broke(error))

    threading.Thread(target=guarded, name="moonlift-question", daemon=True).start()


def tell(post: Post, message: Message) -> None:
    """Put a message from a thread; nothing happens when the program is gone."""
    _post(post, message)


def _post(post: Post, message: Message) -> None:
    with suppress(RuntimeError):  # the event loop ended meanwhile
        post(message)
