"""Options of programs on a command line, so that what stands behind them is found.

Owns the conventions of getopt_long and pflag: clusters of letters, `--name=value`, `--`. Which
options a program has is told by tables in `options` and `engineoptions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bundler.discover.shell.command import Argument


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a program.

    Attributes:
        flags: without a value, or with one that is attached.
        values: with a value, attached or in the next argument.
    """

    flags: frozenset[str]
    values: frozenset[str]

    def __or__(self, other: Options) -> Options:
        return Options(self.flags | other.flags, self.values | other.values)


@dataclass(frozen=True, slots=True)
class Given:
    """The options that a command line gives.

    Attributes:
        options: with their values, in order; a flag's is None.
        rest: arguments behind them.
        strange: the first option that the table does not have, without an attached value; what
            stands behind it may be its value. None for none.
    """

    options: tuple[tuple[str, Argument | None], ...]
    rest: tuple[Argument, ...]
    strange: Argument | None = None

    def has(self, *names: str) -> bool:
        """Tell whether an option is given."""
        return any(name in names for name, _ in self.options)

    def last(self, *names: str) -> Argument | None:
        """Return an option's last value."""
        return next((value for name, value in reversed(self.options) if name in names), None)


def table(flags: str, values: str) -> Options:
    """Return a table of names that are separated by blanks."""
    return Options(frozenset(flags.split()), frozenset(values.split()))


def read_options(arguments: Sequence[Argument], options: Options) -> Given:
    """Read options up to the first argument that is none."""
    given: list[tuple[str, Argument | None]] = []
    strange: Argument | None = None
    at = 0
    while at < len(arguments):
        argument = arguments[at]
        if argument.text == "--":
            at += 1
            break
        if not argument.text.startswith("-") or argument.text == "-":
            break
        at += 1
        for name, value, known in _names(argument, options):
            if not known:
                strange = strange or argument
            if value is None and name in options.values and at < len(arguments):
                value, at = arguments[at], at + 1  # noqa: PLW2901 - the next argument is it
            given.append((name, value))
    return Given(tuple(given), tuple(arguments[at:]), strange)


def _names(argument: Argument, options: Options) -> Iterator[tuple[str, Argument | None, bool]]:
    """Yield the options of one argument, attached values, and whether it is clear what they are."""
    text = argument.text
    if text.startswith("--"):
        name, equals, _ = text.partition("=")
        value = argument.after(f"{name}=") if equals else None
        yield name, value, bool(equals) or name in options.flags or name in options.values
        return
    for at in range(1, len(text)):
        name = f"-{text[at]}"
        attached = at + 1 < len(text)
        if name in options.values:
            value = argument.after(text[: at + 1]).after("=") if attached else None
            yield name, value, True
            return
        yield name, None, name in options.flags
        if name not in options.flags or not text[at + 1 : at + 2].isalpha():
            return
