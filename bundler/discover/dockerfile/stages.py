"""A Dockerfile's instructions as stages: what each starts from and what it copies from.

Owns what `FROM`, `COPY --from=`, `RUN --mount=from=` and their `ONBUILD` forms name. Which stages
a build needs, and so which images, is for `dockerfile`.

Source: BuildKit's Dockerfile reference, "FROM", "COPY --from", "RUN --mount", "ONBUILD".
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bundler.discover.dockerfile.args import Arguments
from bundler.discover.dockerfile.faults import (
    Fault,
    bad_mount,
    bad_name,
    bad_substitution,
    before_from,
    no_from,
    unknown,
    unset_in_stage,
)
from bundler.discover.dockerfile.lines import Instruction, MalformedDockerfile, Word
from bundler.discover.dockerfile.words import BadSubstitution, Value, fill_in
from manifests.yaml.text import Position

INSTRUCTIONS: Final = frozenset(
    {
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    }
)
MAX_USES: Final = 10_000
"""Images and stages that one file names."""

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Use:
    """One place in a stage that names an image or another stage.

    Attributes:
        by: `FROM`, `COPY --from=`, `RUN --mount=from=`.
        position: of the name.
        value: the name with its variables filled in.
        fault: what keeps the name from being known; None when it is.
        platform: of `FROM --platform=`, filled in; None without.
        trigger: whether it stands after `ONBUILD`.
    """

    by: str
    position: Position
    value: Value
    fault: Fault | None = None
    platform: Value | None = None
    trigger: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a build.

    Attributes:
        name: in lower case; empty without `AS`.
        base: what it starts from.
        copies: what it copies or mounts from.
        faults: that count when the stage is built.
    """

    name: str
    base: Use
    copies: tuple[Use, ...]
    faults: tuple[Fault, ...]


class Stages:
    """Takes the instructions of a file in their order.

    Attributes:
        finished: the stages that are at their end.
        faults: of the file, whatever is built.
    """

    def __init__(self, args: Mapping[str, str], target: str) -> None:
        self.finished: list[Stage] = []
        self.faults: list[Fault] = []
        self._globals = Arguments(args, target)
        self._stage_args: dict[str, int] = {}
        self._uses = 0
        self._open: _Open | None = None

    def take(self, instruction: Instruction) -> None:
        """Take the next instruction.

        Raises:
            MalformedDockerfile: more than 10 000 names of images and stages.
        """
        if instruction.name not in INSTRUCTIONS:
            self.faults.append(unknown(instruction))
        elif instruction.name == "FROM":
            self.close()
            self._open = self._begin(instruction)
        elif self._open is not None:
            self._uses += self._open.take(instruction)
            if self._uses > MAX_USES:
                raise MalformedDockerfile(
                    instruction.position(0), f"expected at most {MAX_USES} names of images"
                )
        elif instruction.name == "ARG":
            self.faults += _argument_faults(instruction, self._globals)
        else:
            self.faults.append(before_from(instruction))

    def close(self) -> None:
        """Take the end of the file."""
        if self._open is not None:
            self._stage_args.update(self._open.arguments.declared)
            self.finished.append(self._open.stage())
        self._open = None

    def _begin(self, instruction: Instruction) -> _Open:
        words = instruction.arguments()
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].text.upper() != "AS"):
            self.faults.append(no_from(instruction))
        name = words[2].text.lower() if len(words) == 3 else ""
        if name and not _STAGE_NAME.fullmatch(name):
            self.faults.append(bad_name(instruction, words[2]))
        base = words[0] if words else Word("", len(instruction.text))
        return _Open(name, self._base(instruction, base), self._globals.stage())

    def _base(self, instruction: Instruction, word: Word) -> Use:
        position = instruction.position(word.offset)
        platform = _flag(instruction, "--platform")
        try:
            value = fill_in(word.text, self._globals.values, instruction.escape)
            wanted = platform and fill_in(platform.text, self._globals.values, instruction.escape)
        except BadSubstitution as error:
            return Use("FROM", position, Value(""), bad_substitution(position, str(error)))
        unset = [*value.unset, *(wanted.unset if wanted else ())]
        fault = self._unset(position, unset[0]) if unset else None
        return Use("FROM", position, value, fault, wanted or None)

    def _unset(self, position: Position, name: str) -> Fault:
        """Return why a variable of `FROM` has no value, and what to do about it."""
        give = f"give it: 'args: {{{name}: ...}}', or 'ARG {name}=...' before the first FROM"
        if name in self._globals.declared:
            line = self._globals.declared[name]
            message = f"ARG {name}, line {line}, has no default and none is given for it"
        elif name in self._stage_args:
            line = self._stage_args[name]
            message = f"ARG {name}, line {line}, stands within a stage, where FROM can't see it"
            give = f"write 'ARG {name}' before the first FROM"
        elif self._globals.given(name):
            message = f"a value is given for {name}, but no ARG before the first FROM takes it"
            give = f"write 'ARG {name}' before the first FROM"
        else:
            message = f"no ARG before the first FROM declares {name}"
        return Fault(position, "dockerfile-arg-unset", message, give)


class _Open:
    """A stage that is not yet at its end."""

    def __init__(self, name: str, base: Use, arguments: Arguments) -> None:
        self.arguments = arguments
        self._name = name
        self._base = base
        self._copies: list[Use] = []
        self._faults: list[Fault] = []

    def take(self, instruction: Instruction) -> int:
        """Take the next instruction; return how many images and stages it names."""
        before = len(self._copies)
        match instruction.name:
            case "ARG":
                self._faults += _argument_faults(instruction, self.arguments)
            case "ONBUILD":
                self._take_trigger(instruction.triggered())
            case "COPY" | "RUN":
                self._copies += islice(self._uses(instruction), MAX_USES + 1)
        return len(self._copies) - before

    def stage(self) -> Stage:
        return Stage(self._name, self._base, tuple(self._copies), tuple(self._faults))

    def _take_trigger(self, instruction: Instruction) -> None:
        if instruction.name not in INSTRUCTIONS - {"FROM", "ONBUILD", "MAINTAINER"}:
            self._faults.append(unknown(instruction))
        elif instruction.name in ("COPY", "RUN"):
            self._copies += islice(self._uses(instruction), MAX_USES + 1)

    def _uses(self, instruction: Instruction) -> Iterator[Use]:
        if instruction.name == "COPY":
            flag = _flag(instruction, "--from")
            if flag is not None and flag.text:
                yield self._use(instruction, flag, "COPY --from=")
            return
        for flag in instruction.flags():
            if flag.text.startswith("--mount="):
                try:
                    sources = list(_mount_sources(flag))
                except csv.Error as error:
                    self._faults.append(bad_mount(instruction, flag, str(error)))
                    continue
                for word in sources:
                    yield self._use(instruction, word, "RUN --mount=from=")

    def _use(self, instruction: Instruction, word: Word, by: str) -> Use:
        position = instruction.position(word.offset)
        trigger = instruction.trigger
        by = f"ONBUILD {by}" if trigger else by
        try:
            value = fill_in(word.text, self.arguments.values, instruction.escape)
        except BadSubstitution as error:
            bad = bad_substitution(position, str(error))
            return Use(by, position, Value(""), bad, trigger=trigger)
        fault = unset_in_stage(position, by, value.unset[0]) if value.unset else None
        return Use(by, position, value, fault, trigger=trigger)


def _flag(instruction: Instruction, name: str) -> Word | None:
    """Return the value of a flag, the last one where it stands twice."""
    found: Word | None = None
    for flag in instruction.flags():
        key, equals, value = flag.text.partition("=")
        if key == name and equals:
            found = Word(value, flag.offset + len(key) + 1)
    return found


def _mount_sources(flag: Word) -> Iterator[Word]:
    """Yield what `from=` names in a `--mount=`.

    Raises:
        csv.Error: not comma-separated values.
    """
    written = flag.text.partition("=")[2]
    for field in next(csv.reader([written], strict=True), []):
        key, equals, value = field.partition("=")
        if key.lower() == "from" and equals and value:
            yield Word(value, flag.offset + flag.text.find(field) + len("from="))


def _argument_faults(instruction: Instruction, arguments: Arguments) -> Iterable[Fault]:
    for word, reason in arguments.declare(instruction):
        yield bad_substitution(instruction.position(word.offset), reason)
