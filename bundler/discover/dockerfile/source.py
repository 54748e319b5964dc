"""Dockerfiles: the images that a build starts from, copies from, mounts, or is read by.

Only the stages that the target needs count, as BuildKit builds no others; each other stage that
names an image is a remark. `TARGETARCH` and the like are read as on linux/amd64 unless given in
`args:`. Variables in `COPY --from=` and `--mount=from=`, which BuildKit refuses and Buildah
takes, are filled in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bundler.discover.dockerfile.faults import Fault
from bundler.discover.dockerfile.lines import Directive, MalformedDockerfile, read_lines
from bundler.discover.dockerfile.stages import Stage, Stages, Use
from bundler.discover.folder import Folder, Unreadable
from bundler.discover.found import Found, Mention, Place, Problem, Remark, joined
from manifests.appmanifest.sources import DockerfileSource
from manifests.platform import MalformedPlatform, Platform
from manifests.safetext import safe_line
from manifests.yaml.text import Position

SIZE_LIMIT: Final = 512 * 1024
"""Bytes of one Dockerfile."""
MAX_PROBLEMS: Final = 100
"""Problems and remarks told of one file; one more says that there are more."""

_SCRATCH: Final = "scratch"
_SYNTAX_ARGUMENT: Final = "BUILDKIT_SYNTAX"
_UNRESOLVED = re.compile(r"[${}<>\s]")
_SYSTEMS: Final = frozenset({"linux", "windows", "darwin", "freebsd"})
_OS_VERSION = re.compile(r"\([^)]*\)")


def discover(source: DockerfileSource, folder: Folder) -> Found:
    """Return what the Dockerfiles of a source name."""
    return joined(_file(path, source, folder) for path in source.dockerfile)


def discover_text(text: bytes, file: str, args: Mapping[str, str], target: str) -> Found:
    """Return what one Dockerfile names.

    Args:
        text: the whole file.
        file: its path, for places.
        args: build arguments by name.
        target: stage that is built, by name or number; the last one when empty.
    """
    try:
        stages, directives = _read(text, args, target)
    except MalformedDockerfile as error:
        fault = Fault(error.position, "dockerfile-malformed", str(error))
        return Found(problems=(_problem(file, fault),))
    found = _Findings(file, stages.finished)
    found.take_syntax(directives, args)
    found.take_faults(stages.faults)
    found.take_target(target)
    return found.finished()


def _file(path: str, source: DockerfileSource, folder: Folder) -> Found:
    try:
        text = folder.read(path, SIZE_LIMIT)
    except Unreadable as error:
        hint = f"name the file: {path}/Dockerfile" if folder.is_folder(path) else ""
        message = f"expected a Dockerfile, found none that can be read: {error}"
        problem = Problem(Place(path, 1), "dockerfile-unreadable", message, hint)
        return Found(problems=(problem,))
    return discover_text(text, path, source.args, source.target)


def _read(
    data: bytes, args: Mapping[str, str], target: str
) -> tuple[Stages, tuple[Directive, ...]]:
    if len(data) > SIZE_LIMIT:
        raise MalformedDockerfile(Position(1, 1), f"larger than {SIZE_LIMIT} bytes")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise MalformedDockerfile(Position(line, 1), "expected text in UTF-8, found a byte 0x00")
    # other characters than UTF-8 may stand in old comments; in a name they stay unresolvable
    lines = read_lines(data.decode("utf-8-sig", errors="replace"))
    stages = Stages(args, target)
    for instruction in lines.instructions:
        stages.take(instruction)
    stages.close()
    return stages, lines.directives


class _Findings:
    """Collects what is told of one file."""

    def __init__(self, file: str, stages: list[Stage]) -> None:
        self._file = file
        self._stages = stages
        self._names = {stage.name: at for at, stage in enumerate(stages) if stage.name}
        self._bases = _bases(stages)
        self._mentions: list[Mention] = []
        self._problems: list[Problem] = []
        self._remarks: list[Remark] = []

    def finished(self) -> Found:
        """Return all that was taken, in the order of the file."""
        return Found(
            mentions=tuple(sorted(self._mentions, key=lambda one: one.place)),
            problems=_few(self._problems),
            remarks=tuple(self._remarks[:MAX_PROBLEMS]),
        )

    def take_syntax(self, directives: tuple[Directive, ...], args: Mapping[str, str]) -> None:
        """Take the image that reads the file."""
        syntax = next((one for one in directives if one.name == "syntax"), None)
        written = args.get(_SYNTAX_ARGUMENT, syntax.value if syntax else "")
        if written:
            position = syntax.position if syntax else Position(1, 1)
            place = Place(self._file, position.line, position.column)
            self._mentions.append(Mention(written.split()[0], place, "# syntax="))

    def take_faults(self, faults: list[Fault]) -> None:
        """Take what is wrong whatever is built."""
        self._problems += [_problem(self._file, fault) for fault in faults[: MAX_PROBLEMS + 1]]

    def take_target(self, target: str) -> None:
        """Take the stages that the target needs."""
        last = len(self._stages) - 1
        if last < 0:
            message = "expected FROM, found none"
            self._problems += [
                _problem(self._file, Fault(Position(1, 1), "dockerfile-malformed", message))
            ]
            return
        wanted = self._numbered(target) if target else last
        if wanted is None:
            self._problems.append(self._no_target(target))
            return
        needed = self._needed(wanted)
        for number, stage in enumerate(self._stages):
            if number in needed:
                self._take_stage(number, stage)
            else:
                self._skip_stage(number, stage, target or self._stages[last].name)

    def _numbered(self, name: str) -> int | None:
        """Return the number of the stage that a name or number means."""
        if name.lower() in self._names:
            return self._names[name.lower()]
        number = int(name) if name.isascii() and name.isdigit() and len(name) < 6 else -1
        return number if 0 <= number < len(self._stages) else None

    def _needed(self, wanted: int) -> set[int]:
        needed: set[int] = set()
        waiting = [wanted]
        while waiting:
            number = waiting.pop()
            if number in needed:
                continue
            needed.add(number)
            base = self._bases[number]
            copies = (self._numbered(use.value.text) for use in self._stages[number].copies)
            waiting += [one for one in (base, *copies) if one is not None]
        return needed

    def _take_stage(self, number: int, stage: Stage) -> None:
        self.take_faults(list(stage.faults))
        if self._bases[number] is None:
            self._take_use(stage.base)
        else:
            self._tell_assumed(stage.base)
        for use in stage.copies:
            if self._numbered(use.value.text) is None:
                self._take_use(use)
            else:
                self._tell_assumed(use)

    def _take_use(self, use: Use) -> None:
        fault = use.fault or _unresolved(use)
        if fault is not None:
            self.take_faults([fault])
            return
        image = use.value.text
        place = self._place(use.position)
        self._tell_assumed(use)
        if use.trigger and not re.search(r"[/:@.]", image):
            self._remark(
                use,
                f"{use.by}{image} names a stage of the file that builds on this image, or an"
                " image: if an image, list it under 'images:'",
            )
        elif image != _SCRATCH:
            platform = self._platform(use)
            self._mentions.append(Mention(image, place, use.by, platform))

    def _tell_assumed(self, use: Use) -> None:
        if use.value.assumed:
            names = ", ".join(sorted(use.value.assumed))
            self._remark(
                use,
                f"{use.value.text}: {names} read as on linux/amd64; 'args:' can say otherwise",
            )

    def _platform(self, use: Use) -> Platform | None:
        """Return what `FROM --platform=` asks for; None where that depends on the build."""
        if use.platform is None or use.platform.assumed:
            return None
        try:
            return _parse_platform(use.platform.text)
        except MalformedPlatform as error:
            self.take_faults([Fault(use.position, "dockerfile-platform", str(error))])
            return None

    def _skip_stage(self, number: int, stage: Stage, target: str) -> None:
        uses = [stage.base] if self._bases[number] is None else []
        uses += [one for one in stage.copies if self._numbered(one.value.text) is None]
        for use in uses:
            if use.value.text and use.value.text != _SCRATCH:
                name = stage.name or str(number)
                built = f"stage {target}" if target else "the last stage"
                self._remark(
                    use, f"left out: {use.value.text}, since {built} does not need stage {name}"
                )

    def _remark(self, use: Use, message: str) -> None:
        self._remarks.append(Remark(self._place(use.position), safe_line(message, limit=1000)))

    def _place(self, position: Position) -> Place:
        return Place(self._file, position.line, position.column)

    def _no_target(self, target: str) -> Problem:
        known = ", ".join(list(self._names)[:20]) or f"0 to {len(self._stages) - 1}"
        message = f"expected one of the stages {known}, found target {target[:100]!r}"
        hint = "correct 'target:', or name the stage with 'FROM ... AS'"
        return _problem(self._file, Fault(Position(1, 1), "dockerfile-target", message, hint))


def _bases(stages: list[Stage]) -> list[int | None]:
    """Return the earlier stage that each stage starts from; None where that is an image."""
    names: dict[str, int] = {}
    bases: list[int | None] = []
    for number, stage in enumerate(stages):
        bases.append(names.get(stage.base.value.text.lower()))
        if stage.name:
            names[stage.name] = number
    return bases


def _unresolved(use: Use) -> Fault | None:
    written = use.value.text
    if written and not _UNRESOLVED.search(written):
        return None
    found = repr(written[:200]) if written else "nothing"
    return Fault(
        use.position,
        "dockerfile-image-unresolved",
        f"expected an image or a stage after {use.by}, found {found}",
        "give the values of its variables with 'args:'",
    )


def _parse_platform(text: str) -> Platform | None:
    """Parse a platform as builders do: a system or an architecture alone is enough.

    Raises:
        MalformedPlatform: neither of them, nor os/architecture[/variant].
    """
    plain = _OS_VERSION.sub("", text)
    if "/" in plain:
        return Platform.parse(plain)
    if plain.lower() in _SYSTEMS:
        return None
    return Platform.parse(f"linux/{plain}")


def _problem(file: str, fault: Fault) -> Problem:
    place = Place(file, fault.position.line, fault.position.column)
    return Problem(
        place,
        fault.code,
        safe_line(fault.message, limit=1000),
        safe_line(fault.hint, limit=1000),
    )


def _few(problems: list[Problem]) -> tuple[Problem, ...]:
    """Return the problems in the order of the file, no more than a person could read."""
    ordered = sorted(problems, key=lambda one: one.place)
    if len(ordered) <= MAX_PROBLEMS:
        return tuple(ordered)
    last = ordered[MAX_PROBLEMS]
    more = Problem(last.place, last.code, "more problems from here on; mend the first ones first")
    return (*ordered[:MAX_PROBLEMS], more)
