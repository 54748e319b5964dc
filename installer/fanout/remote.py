"""What a node is made to run, and how its words are told from what else comes over the wire.

A shell script of a few lines starts the self-test and writes a mark before and after its report.
The mark holds random hex, so that login banners, `module load` and the node's own output are never
taken for it. Owns the script and the marks; how it gets there is `srun`'s and `ssh`'s.
"""

from __future__ import annotations

import re
import secrets
import shlex
from dataclasses import dataclass
from typing import Final

SCRIPT: Final = """\
mark=$1
shift
printf '%s begin %s\\n' "$mark" "${SLURMD_NODENAME:-$(uname -n)}"
"$@" </dev/null
status=$?
printf '\\n%s end %s\\n' "$mark" "$status"
exit "$status"
"""
"""POSIX sh; its first argument is the mark, the others are the command."""
_BEGIN: Final = re.compile(rb"begin (\S{1,255})")
_END: Final = re.compile(rb"end ([0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Mark:
    """What frames a report.

    Attributes:
        text: random, on each run another.
    """

    text: str

    @classmethod
    def new(cls) -> Mark:
        """Return a mark that nobody can guess."""
        return cls(f"moonlift-{secrets.token_hex(16)}")

    def read_begin(self, line: bytes) -> str | None:
        """Return the node's name if a line is the mark before a report."""
        found = self._match(_BEGIN, line)
        return None if found is None else found.decode("ascii", errors="replace")

    def read_end(self, line: bytes) -> int | None:
        """Return the command's exit status if a line is the mark after a report."""
        found = self._match(_END, line)
        return None if found is None else int(found)

    def _match(self, pattern: re.Pattern[bytes], line: bytes) -> bytes | None:
        before = self.text.encode() + b" "
        found = pattern.fullmatch(line, len(before)) if line.startswith(before) else None
        return found[1] if found else None


def as_words(mark: Mark, command: tuple[str, ...]) -> list[str]:
    """Return the words of a command that runs the script, where nothing reads them as a shell."""
    return ["sh", "-c", SCRIPT, "sh", mark.text, *command]


def as_input(mark: Mark, command: tuple[str, ...]) -> bytes:
    """Return the same for the standard input of `sh -s`, whatever the login shell is."""
    words = shlex.join([mark.text, *command])
    return f"set -- {words}\n{SCRIPT}".encode()
