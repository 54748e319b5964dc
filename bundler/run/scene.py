"""What all parts of a conversion share: where to tell things, variables of the host, carried files.

Owns what a text becomes: filled in at build, or a template for the host; and which variables the
host may set, or must. A variable whose name looks like a secret never takes its value from here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bundler.discover.compose.notes import Notes, Refused
from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected
from bundler.run.scalars import text_of
from manifests.appmanifest.entries import AppFile
from manifests.bundle.layout import FILES
from manifests.interpolation import MalformedInterpolation, Use, escaped, interpolate, split, uses
from manifests.runspec import Variable
from manifests.safetext import safe_line
from manifests.workload import is_script

MAX_LINE: Final = 1024
MAX_VARIABLES: Final = 1000
MAX_REMARKS: Final = 200

_SECRET = re.compile(
    r"(^|_)(passw(or)?d|pass|pwd|passphrase|token|secret|(api|access|private|secret|encryption)?key"
    r"|credentials?|auth|dsn)s?(_|$|[0-9])|password|secret|token|apikey",
    re.IGNORECASE,
)


def looks_secret(name: str) -> bool:
    """Tell whether the name of a variable says that its value is nobody else's business."""
    return _SECRET.search(name) is not None and not name.lower().endswith(("_file", "_path"))


@dataclass(frozen=True, slots=True)
class Carried:
    """The files that the bundle carries, by where they lie in the app's folder.

    Attributes:
        files: of the app manifest.
    """

    files: Sequence[AppFile]

    def path(self, source: str) -> str | None:
        """Return the path below `files/` of a file or folder; None where it is not carried."""
        for file in self.files:
            name = file.name.removeprefix(FILES)
            if source == file.source:
                return name
            if source.startswith(f"{file.source}/"):
                return name + source.removeprefix(file.source)
        return None


@dataclass(slots=True)
class Scene:
    """What one conversion has to do with.

    Attributes:
        notes: where problems and remarks are told to whoever builds.
        carried: files of the bundle.
        remarks: that hosts are shown.
        variables: of the host, by name.
    """

    notes: Notes
    carried: Carried
    remarks: dict[str, None] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)

    def remark(self, value: Value, message: str) -> None:
        """Tell both sides what can't be done; hosts are told the file, as lines move."""
        self.notes.remark(value.key, message)
        if len(self.remarks) < MAX_REMARKS:
            self.remarks[safe_line(f"{value.key.file}: {message}", limit=MAX_LINE)] = None

    def problem(self, value: Value, code: str, message: str, hint: str = "") -> None:
        """Tell what keeps the app from running."""
        self.notes.problem(value.place, code, message, hint)

    def fixed(self, value: Value, what: str = "text") -> str:
        """Return a text as it is filled in at build.

        Raises:
            Unexpected: it is no line of text.
            Refused: it needs a variable that has no value here; told.
        """
        text = text_of(value, what)
        if not value.known:
            names = ", ".join(dict.fromkeys(use.name for use in self._uses(value)))
            raise self.notes.refuse(
                value.place,
                "compose-variable-required",
                f"expected a value of {names} in {what}, which is fixed at build, found none",
                "set it under `environment:` of what runs, or in .env",
            )
        for name in value.unset:
            self.notes.remark(value.place, f"{name} is not set: {what} goes without it")
        if len(text) > MAX_LINE or not text.isprintable():
            raise Unexpected(value, f"{what} of at most {MAX_LINE} printable characters")
        return text

    def template(self, value: Value, what: str = "text") -> str:
        """Return a text with its variables left for the host to fill in.

        Raises:
            Unexpected: it is no text.
        """
        text = text_of(value, what)
        written = value.written if isinstance(value.content, str) else escaped(text)
        if not is_script(text) or not is_script(written):
            raise Unexpected(value, f"{what} in printable characters")
        found = [self._variable(use, value) for use in self._uses(value)]
        for one in found:
            known = self.variables.get(one.name)
            if known is not None and known.default not in (None, one.default):
                self.remark(value, f"{one.name} has several values: it is filled in at build")
                return escaped(text)
        for one in found:
            self._keep(one, value)
        return written

    def parts(self, value: Value, separator: str) -> list[Value]:
        """Return a text cut at a separator, each part as filled in and as written."""
        filled = value.text.split(separator)
        try:
            written = split(value.written, separator)
        except MalformedInterpolation:
            written = []
        if len(written) != len(filled):
            written = [escaped(one) for one in filled]
        pairs = zip(filled, written, strict=True)
        return [_part(value, text, template) for text, template in pairs]

    def handed_on(self, name: str, value: Value) -> str | None:
        """Return the template of a variable that is handed on to a service as it is.

        None where the host's own is handed on, if there is one.
        """
        use = Use(name)
        self._keep(self._variable(use, value), value)
        return f"${{{name}}}" if self.variables[name].default is not None else None

    def _uses(self, value: Value) -> list[Use]:
        if not isinstance(value.content, str) or "$" not in value.written:
            return []
        try:
            return list(uses(value.written))
        except MalformedInterpolation:
            return []

    def _variable(self, use: Use, value: Value) -> Variable:
        """Return what one use of a variable asks of the host."""
        built, operator = value.origin.variables.get(use.name), use.operator
        asked = operator.endswith("?")
        if built is not None and looks_secret(use.name):
            self.remark(value, f"{use.name} must be set on the host: its value here is not carried")
            return Variable(name=use.name, required=True, message=_message(use))
        needed = looks_secret(use.name) and operator in ("", ":?", "?")
        if looks_secret(use.name) and operator.endswith("-") and use.operand:
            what = f"the default of {use.name} goes into the bundle as it stands here"
            self.notes.remark(value.place, f"{what}: write ${{{use.name}:?}} to have none")
        default = built if built is None or is_script(built) else None
        required = built is None and (asked or needed)
        return Variable(name=use.name, default=default, required=required, message=_message(use))

    def _keep(self, one: Variable, value: Value) -> None:
        known = self.variables.get(one.name)
        if known is None and len(self.variables) >= MAX_VARIABLES:
            self.problem(value, "compose-too-large", f"more than {MAX_VARIABLES} variables")
            raise Refused(one.name)
        if known is not None:
            required = known.required or one.required
            message, default = known.message or one.message, known.default or one.default
            one = Variable(name=one.name, default=default, required=required, message=message)
        self.variables[one.name] = one


def _message(use: Use) -> str:
    return safe_line(use.operand, limit=MAX_LINE) if use.operator.endswith("?") else ""


def _part(value: Value, text: str, written: str) -> Value:
    """Return a part of a text, which knows its own variables alone."""
    part = replace(value, content=text, written=written)
    try:
        filled = interpolate(written, value.origin.variables)
    except MalformedInterpolation:
        return part
    return replace(part, unset=filled.unset, known=not filled.missing)


def entry(value: Value, *path: str) -> Value | None:
    """Return what stands at a path; None where nothing does, or where it is empty."""
    found = value.at(*path)
    return found if found is not None and found.content is not None else None


def check_keys(scene: Scene, value: Value, where: str, known: Mapping[str, object]) -> None:
    """Tell keys that Compose does not know; those of `x-` are nobody's.

    Raises:
        Refused: too many, as `Notes.spend` says.
    """
    for key, one in value.entries:
        if key and key not in known and not key.startswith("x-"):
            scene.notes.spend(one.key, 200)
            close = difflib.get_close_matches(key, known, n=1)
            meant = f"did you mean {close[0]!r}?" if close else "Compose knows none of this name"
            scene.notes.problem(
                one.key,
                "compose-key-unknown",
                f"unknown key {key[:100]!r} in {where}, {meant}",
                "correct it, or begin it with x-",
            )
