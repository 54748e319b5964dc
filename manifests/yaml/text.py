"""The bytes of a YAML file as text, and places in it.

Owns what a file may be before its grammar counts: encoding and characters (YAML 1.2.2 section
5.1, without the byte order mark inside the text).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from manifests.errors import MoonliftError

_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; both counted from 1, columns in characters."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class MalformedYaml(MoonliftError, ValueError):
    """A text that is not the YAML read here.

    Attributes:
        position: where in the file.
        reason: what is wrong, without the place.
    """

    def __init__(self, subject: str, position: Position, reason: str) -> None:
        super().__init__("yaml-malformed", f"{subject}:{position}: {reason}", subject=subject)
        self.position = position
        self.reason = reason


def decode(data: bytes, subject: str) -> str:
    """Return the text of a file; a byte order mark in front is dropped.

    Raises:
        MalformedYaml: not UTF-8, or with characters that YAML has not.
    """
    if data.startswith(_UTF16_MARKS):
        raise MalformedYaml(subject, Position(1, 1), "expected UTF-8, found UTF-16")
    try:
        text = data.removeprefix(_UTF8_MARK).decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        good = error.object[: error.start].decode("utf-8", errors="replace")
        reason = f"expected UTF-8, found byte 0x{error.object[error.start]:02x}"
        raise MalformedYaml(subject, _end_of(good), reason) from error
    bad = _UNPRINTABLE.search(text)
    if bad is not None:
        reason = f"control character U+{ord(bad[0]):04X} is not allowed"
        raise MalformedYaml(subject, _end_of(text[: bad.start()]), reason)
    return text


def _end_of(text: str) -> Position:
    """Return the place just after `text`."""
    return Position(text.count("\n") + 1, len(text) - text.rfind("\n"))
