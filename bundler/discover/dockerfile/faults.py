"""What can be wrong in a Dockerfile's instructions, in words.

Nothing is judged here.
"""

from __future__ import annotations

from dataclasses import dataclass

from bundler.discover.dockerfile.lines import Instruction, Word
from manifests.yaml.text import Position


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in an instruction.

    Attributes:
        position: where.
        code: of the problem.
        message: what was expected and found.
        hint: how to mend it.
    """

    position: Position
    code: str
    message: str
    hint: str = ""


def bad_substitution(position: Position, reason: str) -> Fault:
    """Return a fault of a word whose variables can't be filled in."""
    return Fault(
        position, "dockerfile-substitution", reason, "give the variable a value with 'args:'"
    )


def unset_in_stage(position: Position, by: str, name: str) -> Fault:
    """Return a fault of a variable without a value after `COPY --from=` and the like."""
    return Fault(
        position,
        "dockerfile-arg-unset",
        f"no ARG of this stage gives {name} a value; builders differ on variables in {by}",
        f"write 'FROM ...${name}... AS some-name' and name that stage here",
    )


def unknown(instruction: Instruction) -> Fault:
    """Return a fault of an instruction that there is not."""
    found = repr(instruction.name[:100]) if instruction.name else "nothing"
    return Fault(
        instruction.position(0),
        "dockerfile-malformed",
        f"expected an instruction such as FROM or RUN, found {found}",
        "name only Dockerfiles under 'dockerfile:'",
    )


def before_from(instruction: Instruction) -> Fault:
    """Return a fault of an instruction that belongs to no stage."""
    return Fault(
        instruction.position(0),
        "dockerfile-malformed",
        f"expected FROM before {instruction.name}",
        "begin the file with FROM; only ARG may stand before it",
    )


def no_from(instruction: Instruction) -> Fault:
    """Return a fault of a `FROM` with other words than it takes."""
    return Fault(
        instruction.position(0),
        "dockerfile-malformed",
        f"expected 'FROM image' or 'FROM image AS stage', found {instruction.text.strip()[:200]!r}",
    )


def bad_name(instruction: Instruction, word: Word) -> Fault:
    """Return a fault of a stage's name."""
    return Fault(
        instruction.position(word.offset),
        "dockerfile-malformed",
        f"expected the name of a stage, a letter and then letters, digits, . _ -,"
        f" found {word.text[:100]!r}",
    )


def bad_mount(instruction: Instruction, flag: Word, reason: str) -> Fault:
    """Return a fault of a `--mount=` that is no list of keys and values."""
    return Fault(
        instruction.position(flag.offset),
        "dockerfile-malformed",
        f"expected --mount=key=value,key=value, found {flag.text[:200]!r}: {reason}",
    )
