"""The build arguments of a Dockerfile: what `ARG` declares, what is given, what is predefined.

Owns which variables a `FROM` and the instructions of a stage see.

Source: BuildKit's Dockerfile reference, "ARG", "Predefined ARGs", "Automatic platform ARGs in the
global scope".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from bundler.discover.dockerfile.lines import Instruction, Word
from bundler.discover.dockerfile.words import BadSubstitution, Value, fill_in

_ASSUMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "TARGETPLATFORM": "linux/amd64",
        "TARGETOS": "linux",
        "TARGETOSVERSION": "",
        "TARGETARCH": "amd64",
        "TARGETVARIANT": "",
        "BUILDPLATFORM": "linux/amd64",
        "BUILDOS": "linux",
        "BUILDOSVERSION": "",
        "BUILDARCH": "amd64",
        "BUILDVARIANT": "",
    }
)
"""The automatic platform arguments, as they are on the usual machine."""


class Arguments:
    """The arguments of one scope: the file's, before the first `FROM`, or a stage's.

    Attributes:
        values: by name, for `fill_in`.
        declared: line of the last `ARG` of each name.
    """

    def __init__(self, given: Mapping[str, str], target: str) -> None:
        self._given = given
        self._inherited: Mapping[str, Value] = {}
        self.declared: dict[str, int] = {}
        self.values = {
            name: Value(given[name]) if name in given else Value(text, frozenset({name}))
            for name, text in _ASSUMED.items()
        }
        self.values["TARGETSTAGE"] = Value(given.get("TARGETSTAGE", target or "default"))

    def stage(self) -> Arguments:
        """Return the scope of a stage: empty until its own `ARG` takes a name in."""
        inner = Arguments(self._given, "")
        inner._inherited = self.values
        inner.values = {}
        return inner

    def declare(self, instruction: Instruction) -> Iterator[tuple[Word, str]]:
        """Take in an `ARG`; yield each of its words that is wrong, and why."""
        for word in instruction.quoted_arguments():
            name, equals, default = word.text.partition("=")
            self.declared[name] = instruction.position(word.offset).line
            try:
                value = self._value(name, default if equals else None, instruction.escape)
            except BadSubstitution as error:
                yield word, str(error)
                value = Value("")
            if value is not None:
                self.values[name] = value

    def _value(self, name: str, default: str | None, escape: str) -> Value | None:
        if name in self._given:
            return Value(self._given[name])
        if default is not None:
            return fill_in(default, self.values, escape)
        return self._inherited.get(name)

    def given(self, name: str) -> bool:
        """Tell whether a value was given from outside."""
        return name in self._given
