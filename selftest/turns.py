"""Whose turn it is: any number of devices are proved at once, but each is timed alone.

What is right does not depend on what else the machine does; how fast it is does. Owns no process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Turns:
    """A machine that several threads use."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._users: set[Turn] = set()

    @contextmanager
    def take(self) -> Iterator[Turn]:
        """Share the machine within the block, from when nobody has it alone."""
        turn = Turn(self)
        with self._changed:
            self._changed.wait_for(lambda: not any(user.alone for user in self._users))
            self._users.add(turn)
        try:
            yield turn
        finally:
            self._leave(turn)

    def give_alone(self, turn: Turn) -> None:
        """Take the machine from a turn, and give it to that alone once all others have left."""
        self._leave(turn)
        with self._changed:
            self._changed.wait_for(lambda: not self._users)
            turn.alone = True
            self._users.add(turn)

    def _leave(self, turn: Turn) -> None:
        with self._changed:
            self._users.discard(turn)
            self._changed.notify_all()


class Turn:
    """What one user has of a machine.

    Attributes:
        alone: whether that is all of it.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.alone = False

    def wait_alone(self) -> None:
        """Wait until nobody else uses the machine, and keep it to oneself."""
        self._turns.give_alone(self)
