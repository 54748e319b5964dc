"""Collects what scripts tell, once each, and says why an image in them is not known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from bundler.discover.found import Found, GpuRequest, Mention, Place, Problem, Remark
from bundler.discover.shell.command import Argument
from bundler.discover.shell.tokens import ShellLimit
from bundler.discover.shell.variables import Unknown, Why
from manifests.platform import Platform
from manifests.safetext import safe_line

_OF_FILES: Final = ("read ", "mapfile ", "readarray ", "$(cat ", "$(<", "xargs", "parallel")
"""Commands that take images out of a file."""
MAX_FINDINGS: Final = 10_000
"""Of one file."""


@dataclass(slots=True)
class Findings:
    """What was found in a file, in order.

    Attributes:
        built: names that the scripts give to images themselves: `docker build -t`, `docker tag`.
    """

    built: set[str] = field(default_factory=set)
    _mentions: dict[Mention, None] = field(default_factory=dict)
    _gpus: dict[GpuRequest, None] = field(default_factory=dict)
    _problems: dict[Problem, None] = field(default_factory=dict)
    _remarks: dict[Remark, None] = field(default_factory=dict)

    def mention(
        self,
        written: str,
        place: Place,
        by: str,
        platform: Platform | None = None,
        *,
        built: bool = False,
    ) -> None:
        """Tell an image."""
        self._count()
        name = safe_line(written, limit=1000)
        self._mentions[Mention(name, place, by, platform, built)] = None

    def gpu(self, place: Place, by: str, count: int | None, devices: tuple[str, ...] = ()) -> None:
        """Tell a request for GPUs."""
        self._count()
        self._gpus[GpuRequest(place, by, count, devices)] = None

    def problem(self, place: Place, code: str, message: str, hint: str) -> None:
        """Tell a problem."""
        self._count()
        message, hint = safe_line(message, limit=1000), safe_line(hint, limit=500)
        self._problems[Problem(place, code, message, hint)] = None

    def remark(self, place: Place, message: str) -> None:
        """Tell something to look at."""
        self._count()
        self._remarks[Remark(place, safe_line(message, limit=1000))] = None

    def unresolved(self, argument: Argument, lost: Unknown, by: str) -> None:
        """Tell that an image's name holds a part that is not known."""
        given_outside = lost.why in (Why.UNSET, Why.PARAMETER)
        code = "slurm-variable" if given_outside else "slurm-substitution"
        self.problem(
            argument.place,
            code,
            f"expected an image for {by}, found {_short(argument.text)}: {_reason(lost)}",
            _remedy(lost),
        )

    def found(self) -> Found:
        """Return all of it."""
        return Found(
            mentions=tuple(
                replace(one, built=True) if one.written in self.built else one
                for one in self._mentions
            ),
            gpus=tuple(self._gpus),
            problems=tuple(self._problems),
            remarks=tuple(self._remarks),
        )

    def _count(self) -> None:
        held = (self._mentions, self._gpus, self._problems, self._remarks)
        if sum(len(one) for one in held) >= MAX_FINDINGS:
            raise ShellLimit(f"more than {MAX_FINDINGS} images, problems and remarks")


def _short(text: str) -> str:
    return repr(safe_line(text, limit=200))


def _reason(lost: Unknown) -> str:
    source = safe_line(lost.source, limit=200)
    match lost.why:
        case Why.DIRECTIVE:
            return f"Slurm fills nothing in for {source} in an #SBATCH line"
        case Why.UNSET:
            return f"{lost.name} is set nowhere in the script"
        case Why.PARAMETER:
            return f"`{source}` is what the script is called with"
        case Why.OUTPUT if lost.name:
            return f"{lost.name} comes from `{source}`, which is known only when it runs"
        case Why.OUTPUT:
            return f"what `{source}` gives is known only when it runs"
    return f"`{source}` is not worked out here"


def _remedy(lost: Unknown) -> str:
    if lost.why is Why.DIRECTIVE:
        return "write the image itself, or give it to srun --container-image in a command"
    if lost.name in ("@", "*"):
        return "name the image in the script, or list it under images:"
    if lost.name:
        key = lost.name if lost.name.isidentifier() else f'"{lost.name}"'
        given = f"give it beside `slurm:` in app.yaml: environment: {{{key}: VALUE}}"
        several = "; where it is several, list the file that has them under sources:, as list:"
        return given + (several if lost.source.startswith(_OF_FILES) else "")
    if lost.source in ("xargs", "parallel"):
        return "list the file that it reads under sources: in app.yaml, as list:"
    return (
        "assign it to a variable, such as IMAGE, use that one here, and give it beside `slurm:`"
        " in app.yaml: environment: {IMAGE: VALUE}"
    )
