"""What all parts of a script share while it is walked through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bundler.discover.shell.budget import Budget
from bundler.discover.shell.command import Argument, Command, Script
from bundler.discover.shell.variables import Variables

MAX_NESTING: Final = 20
"""Functions, substitutions and scripts in scripts within each other."""

Visit: TypeAlias = Callable[[Command], Iterable[Script]]
"""Takes a command; returns the scripts that are its arguments or input: `bash -c '...'`."""
Load: TypeAlias = Callable[[Argument], Script | None]
"""Returns a script that is read in by `source`; None when it is not at hand."""


@dataclass(slots=True)
class Scene:
    """What all parts of a script share.

    Attributes:
        given: variables from outside.
        visit: gets every command.
        load: finds scripts to read in.
    """

    given: Mapping[str, str]
    visit: Visit
    load: Load
    budget: Budget = field(default_factory=Budget)
    functions: dict[str, Function] = field(default_factory=dict)
    nesting: int = 0
    variables: Variables = field(init=False)

    def __post_init__(self) -> None:
        self.variables = Variables(self.given)


@dataclass(slots=True)
class Function:
    """A function and where its body is, its braces included."""

    script: Script
    start: int
    end: int
    called: bool = False
