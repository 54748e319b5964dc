"""What is shown of a container's last words."""

from __future__ import annotations

from typing import cast

from installer.app.words import last_words
from installer.engines.appapi import AppApi

STAMP = "2026-01-02T03:04:05.000000006Z "


class Said:
    """An engine that has one container's output."""

    def __init__(self, *lines: str) -> None:
        self._lines = lines

    def said(self, container: str, lines: int) -> bytes:
        del container, lines
        return "".join(f"{STAMP}{line}\n" for line in self._lines).encode()


def test_a_line_said_again_and_again_is_shown_once() -> None:
    apps = cast("AppApi", Said("up", "no database", "no database", "no database", "up"))
    assert last_words(apps, "c", ()) == ("up", "no database (3 times)", "up")


def test_secrets_and_escapes_are_not_shown() -> None:
    apps = cast("AppApi", Said("password is swordfish", "\x1b[31mred"))
    first, second = last_words(apps, "c", ("swordfish",))
    assert first == "password is ***"
    assert "\x1b" not in second
