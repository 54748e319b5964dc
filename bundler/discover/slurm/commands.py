"""What the commands of a script mean: which of them start or fetch containers, from which image.

Owns Slurm's own programs and those that start others: `sudo`, `mpirun`, `bash -c`. The engines
are in `engines`, Apptainer and enroot in `apptainer`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from bundler.discover.shell.command import Argument, Command, Script
from bundler.discover.shell.variables import Unknown, Why
from bundler.discover.slurm import engineoptions
from bundler.discover.slurm import options as slurmoptions
from bundler.discover.slurm.apptainer import APPTAINER, take_apptainer, take_enroot
from bundler.discover.slurm.arguments import tell_image
from bundler.discover.slurm.directives import Directive, directives
from bundler.discover.slurm.engines import ENGINES, take_compose, take_engine
from bundler.discover.slurm.findings import Findings
from bundler.discover.slurm.getopt import Given, read_options
from bundler.discover.slurm.images import pyxis_image, shifter_image

Arguments: TypeAlias = Sequence[Argument]

MAX_STARTED: Final = 20
"""Programs that start each other in one command."""

_SHELLS: Final = frozenset({"bash", "sh", "dash", "ksh", "zsh", "ash"})
_SLURM: Final = frozenset({"srun", "salloc", "sbatch"})
_WRAPPERS: Final = frozenset(
    """sudo env time exec nohup nice ionice timeout command builtin mpirun mpiexec mpiexec.hydra
    orterun prterun numactl taskset stdbuf setsid xargs chrt strace nsys ncu flock watch unbuffer
    ibrun aprun jsrun runuser gosu su-exec doas ssh parallel retry perf ltrace dumb-init tini
    catchsegv script chronic unshare -p""".split()  # noqa: SIM905 - read as prose
)
"""Programs that start others; `-p` is left of `time -p`, whose first word is the shell's own."""
_WITH_SCRIPT: Final = frozenset({"ssh", "watch", "parallel", "script"})
_FEEDERS: Final = frozenset({"xargs", "parallel"})
"""Programs that add arguments, which they read or that stand behind `:::`."""
_TALKERS: Final = frozenset({"echo", "printf", "logger", "test", "[", "[[", ":", "grep", "sed"})
_CONTAINERS: Final = re.compile(
    r"^#SBATCH[^\n]{0,300}--container-image"
    r"|^[ \t]*(?:srun|docker|podman|apptainer|singularity|enroot)[ \t]",
    re.MULTILINE,
)
_TAKERS: Final[Mapping[str, Callable[[Findings, str, Arguments], None]]] = {
    **dict.fromkeys(ENGINES, take_engine),
    **dict.fromkeys(APPTAINER, take_apptainer),
    "docker-compose": take_compose,
    "enroot": take_enroot,
}
_PROGRAMS: Final = frozenset({*_TAKERS, *_SLURM, *_SHELLS, "shifter"})


class Commands:
    """Takes commands; tells what they start.

    Attributes:
        findings: where it is told.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self._started = 0

    def visit(self, command: Command) -> list[Script]:
        """Take a command; return the scripts that are among its arguments or its input."""
        self._started = 0
        return self._take(command.arguments, command.input)

    def directives(self, script: Script) -> None:
        """Take the `#SBATCH` lines of a script."""
        for line in directives(script):
            given = read_options(line.arguments, slurmoptions.BATCH)
            if line.comment and not line.late and _names_image(line, given):
                self._explain_comment(line)
            elif not line.late:
                self._slurm_options(given, "#SBATCH")
            elif given.last(*slurmoptions.IMAGE) is not None and "<<" not in script.text:
                self.findings.remark(
                    line.arguments[0].place,
                    "stands behind the first command, where Slurm takes it for a comment",
                )

    def _explain_comment(self, line: Directive) -> None:
        last = line.arguments[-1]
        self.findings.problem(
            last.place,
            "slurm-directive",
            f"expected \\# within an image's name, found {line.comment[:100]!r}, which Slurm"
            " takes for a comment",
            f"write {last.text[-200:]}\\{line.comment[:100]}",
        )

    def _take(self, arguments: Arguments, document: Script | None) -> list[Script]:
        self._started += 1
        if not arguments or self._started > MAX_STARTED:
            return []
        name, rest = posixpath.basename(arguments[0].text), arguments[1:]
        if name in _TAKERS:
            _TAKERS[name](self.findings, name, rest)
            return []
        if name in _SLURM:
            return self._slurm(name, rest, document)
        if name in _SHELLS:
            return self._shell(rest, document)
        if name in _WRAPPERS:
            return self._wrapper(name, rest, document)
        return self._other(name, arguments, document)

    def _other(self, name: str, arguments: Arguments, document: Script | None) -> list[Script]:
        if name == "shifter":
            return self._shifter(arguments[1:], document)
        if name == "eval" and len(arguments) > 1:
            place = arguments[1].place
            text = " ".join(one.text for one in arguments[1:])
            return [Script(text, place.file, place=place)]
        if name not in _TALKERS:
            self._look_for_uris(arguments)
        if document is not None and _CONTAINERS.search(document.text):
            self.findings.remark(
                document.place(0),
                "a here-document with commands that start containers, which are not taken in:"
                " where a job is made of it, list their images under images:",
            )
        return []

    def _wrapper(self, name: str, arguments: Arguments, document: Script | None) -> list[Script]:
        """Look for the program that another one starts, whatever options that one has."""
        if name == "command" and arguments and arguments[0].text in ("-v", "-V"):
            return []
        if name in _FEEDERS:
            arguments = _fed(name, arguments)
        for at, argument in enumerate(arguments):
            if posixpath.basename(argument.text) in _PROGRAMS:
                return self._take(arguments[at:], document)
            if name in _WITH_SCRIPT and " " in argument.text:
                return [_script_of(argument)]
        self._look_for_uris(arguments)
        return []

    def _shell(self, arguments: Arguments, document: Script | None) -> list[Script]:
        for at, argument in enumerate(arguments[:20]):
            letters = argument.text
            if letters.startswith("-") and not letters.startswith("--") and "c" in letters:
                return [_script_of(one) for one in arguments[at + 1 : at + 2]]
            if not letters.startswith(("-", "+")):
                return []
        return [document] if document else []

    def _slurm(self, name: str, arguments: Arguments, document: Script | None) -> list[Script]:
        """Take srun, salloc or sbatch, in each part of a heterogeneous job."""
        scripts: list[Script] = []
        begin = 0
        for at in (*(at for at, one in enumerate(arguments) if one.text == ":"), len(arguments)):
            scripts += self._slurm_part(name, arguments[begin:at], document)
            begin = at + 1
        return scripts

    def _slurm_part(self, name: str, arguments: Arguments, document: Script | None) -> list[Script]:
        given = self._slurm_given(name, arguments)
        self._slurm_options(given, name)
        scripts = []
        wrap = given.last("--wrap")
        if name == "sbatch" and wrap is not None:
            scripts.append(_script_of(wrap))
        if name == "sbatch" and document is not None and not given.rest:
            self.directives(document)
            scripts.append(document)
        if name == "sbatch":
            return scripts
        if given.strange is not None:
            return scripts + self._wrapper(name, given.rest, document)
        return scripts + self._take(given.rest, document)

    def _slurm_given(self, name: str, arguments: Arguments) -> Given:
        """Read options, also behind variables that may hold further ones."""
        options = slurmoptions.options_of(name)
        given = read_options(arguments, options)
        while given.rest and given.rest[0].unknown and given.rest[0].text.startswith("$"):
            first = given.rest[0]
            self.findings.remark(
                first.place,
                f"{first.text[:100]} is set nowhere in the script: should it hold"
                " --container-image, give it beside `slurm:` in app.yaml under environment:",
            )
            more = read_options(given.rest[1:], options)
            given = Given(given.options + more.options, more.rest, given.strange or more.strange)
        return given

    def _slurm_options(self, given: Given, by: str) -> None:
        for name, value in given.options:
            if value is None:
                continue
            if name in slurmoptions.IMAGE:
                tell_image(self.findings, value, pyxis_image, f"{by} {name}")
            elif name in slurmoptions.SHIFTER_IMAGE:
                tell_image(self.findings, value, shifter_image, f"{by} {name}")
            elif slurmoptions.asks_for_gpus(name, value.text):
                self._slurm_gpus(name, value, by)

    def _slurm_gpus(self, name: str, value: Argument, by: str) -> None:
        count = slurmoptions.gpu_count(name, value.text)
        if count:
            self.findings.gpu(value.place, f"{by} {name}", count)
        elif value.unknown:
            self.findings.remark(
                value.place, f"asks for GPUs, how many is not known: {name}={value.text[:100]}"
            )

    def _shifter(self, arguments: Arguments, document: Script | None) -> list[Script]:
        given = read_options(arguments, engineoptions.SHIFTER)
        image = given.last("--image", "-i")
        if image is not None:
            tell_image(self.findings, image, shifter_image, "shifter --image")
        return self._take(given.rest, document)

    def _look_for_uris(self, arguments: Arguments) -> None:
        """Remark what looks like an image among the arguments of a program that is not known."""
        for argument in arguments:
            if argument.text.startswith("docker://") and argument.unknown is None:
                self.findings.remark(
                    argument.place,
                    f"looks like an image: {argument.text[:200]}; if it is one, list it"
                    " under images:",
                )


def _names_image(line: Directive, given: Given) -> bool:
    """Tell whether the last argument of a line, which a comment cuts, is an image."""
    value = given.last(*slurmoptions.IMAGE)
    return value is not None and value.place == line.arguments[-1].place


def _fed(name: str, arguments: Arguments) -> Arguments:
    """Return arguments with those that `xargs` and `parallel` add, known or not."""
    texts = [one.text for one in arguments]
    if not arguments or ":::" in texts:
        return [one for one in arguments if one.text != ":::"]
    unknown = Argument("{}", arguments[-1].place, Unknown("", name, Why.OUTPUT))
    if "{}" in texts:
        return [replace(unknown, place=one.place) if one.text == "{}" else one for one in arguments]
    return [*arguments, unknown]


def _script_of(argument: Argument) -> Script:
    return Script(argument.text, argument.place.file, place=argument.place)
