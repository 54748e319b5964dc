"""The fields of Marathon's documents, read one by one; what is wrong is told, not raised.

Owns how a value of another kind than expected is told. What a field means is for the modules
beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bundler.discover.found import Found, GpuRequest, Mention, Place, Problem, Remark
from bundler.discover.marathon.facts import Detail
from manifests.safetext import safe_line
from manifests.workload import MAX_COUNT, Workload, is_script
from manifests.yaml.node import Node
from manifests.yaml.text import Position

MAX_TOLD: Final = 100
"""Problems told of one file, and remarks; one more says that there are more."""
MAX_LINE: Final = 1024
"""Characters of a name or path."""

_UNRESOLVED = re.compile(r"\{\{|\}\}|\$\{|\$\(|<%|[\s<>]|^\$")
TEMPLATE_HINT: Final = (
    "render it first: 'dcos package describe NAME --app --render > app.json', or name the"
    " package's resource.json"
)


@dataclass(slots=True)
class Findings:
    """What is told of one file.

    Attributes:
        file: its path.
        detailed: whether the details of workloads are wanted, since they are to run.
        details: of each workload.
    """

    file: str
    detailed: bool = field(default=False, kw_only=True)
    mentions: list[Mention] = field(default_factory=list)
    gpus: list[GpuRequest] = field(default_factory=list)
    workloads: list[Workload] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)
    _problems: dict[Problem, None] = field(default_factory=dict)
    _remarks: dict[Remark, None] = field(default_factory=dict)

    def place(self, position: Position) -> Place:
        """Return a place in the file."""
        return Place(self.file, position.line, position.column)

    def label(self, position: Position) -> str:
        """Return a place in the file as a workload carries it."""
        text = str(self.place(position))[-MAX_LINE:]
        return "".join(letter if letter.isprintable() else "?" for letter in text)

    def problem(self, position: Position, code: str, message: str, hint: str = "") -> None:
        """Tell a problem; the same one is told once."""
        if len(self._problems) <= MAX_TOLD:
            full = len(self._problems) == MAX_TOLD
            message = "more problems from here on; mend the first ones first" if full else message
            one = Problem(
                self.place(position),
                code,
                safe_line(message, limit=1000),
                "" if full else safe_line(hint, limit=1000),
            )
            self._problems.setdefault(one)

    def remark(self, position: Position, message: str) -> None:
        """Tell a remark; the same one is told once."""
        if len(self._remarks) < MAX_TOLD:
            one = Remark(self.place(position), safe_line(message, limit=1000))
            self._remarks.setdefault(one)

    def image(self, item: Item, by: str) -> str | None:
        """Take what names an image; return it, or None where it can't be one."""
        if not item.is_text():
            item.as_text()
            return None
        written = item.as_text().strip()
        if not written or _UNRESOLVED.search(written):
            found = repr(written[:200]) if written else "empty text"
            hint = TEMPLATE_HINT if "{{" in written else "write the image's name there"
            message = f"{by}: expected an image in {item.name}, found {found}"
            self.problem(item.node.position, "marathon-image-unresolved", message, hint)
            return None
        self.mentions.append(Mention(written, self.place(item.node.position), by))
        return written

    def finished(self) -> Found:
        """Return all that was told."""
        return Found(
            tuple(self.mentions),
            tuple(self.gpus),
            tuple(self._problems),
            tuple(self._remarks),
            tuple(self.workloads),
        )


@dataclass(frozen=True, slots=True)
class Item:
    """A value of the document.

    Attributes:
        node: the value.
        name: its path, for messages: `container.docker.image`.
        findings: where to tell what is wrong with it.
    """

    node: Node
    name: str
    findings: Findings

    def child(self, *keys: str) -> Item | None:
        """Return what is under a key, and under the next one there; None where nothing is."""
        item: Item | None = self
        for key in keys:
            item = item.member(key) if item is not None else None
        return item

    def has(self, *keys: str) -> bool:
        """Tell whether it is an object with any of these keys."""
        value = self.node.value
        return isinstance(value, Mapping) and any(key in value for key in keys)

    def member(self, key: str) -> Item | None:
        """Return what is under a key; None where nothing is."""
        if not isinstance(self.node.value, Mapping):
            self.wrong("an object")
            return None
        entry = self.node.value.get(key)
        if entry is None or entry.node.value is None:
            return None
        return Item(entry.node, f"{self.name}.{key}".lstrip("."), self.findings)

    def members(self) -> Iterator[tuple[str, Item]]:
        """Yield what is under each key."""
        if not isinstance(self.node.value, Mapping):
            self.wrong("an object")
            return
        for key, entry in self.node.value.items():
            yield key, Item(entry.node, f"{self.name}.{key}".lstrip("."), self.findings)

    def items(self, *keys: str) -> Iterator[Item]:
        """Yield the items of the list under a key; nothing where there is none."""
        item = self.child(*keys) if keys else self
        if item is None:
            return
        if not isinstance(item.node.value, tuple):
            item.wrong("a list")
            return
        for number, node in enumerate(item.node.value):
            yield Item(node, f"{item.name}[{number}]", self.findings)

    def text(self, *keys: str, default: str = "") -> str:
        """Return the name or path under a key: one line of at most 1024 characters."""
        item = self.child(*keys)
        return item.as_text(default) if item is not None else default

    def is_text(self) -> bool:
        """Tell whether it is a name or path; see `text`."""
        value = self.node.value
        return isinstance(value, str) and len(value) <= MAX_LINE and value.isprintable()

    def as_text(self, default: str = "") -> str:
        """Return itself as a name or path; see `text`."""
        value = self.node.value
        if isinstance(value, str) and self.is_text():
            return value
        self.wrong(f"one line of text, at most {MAX_LINE} characters")
        return default

    def script(self, *keys: str) -> str:
        """Return the command under a key; it may have several lines."""
        item = self.child(*keys)
        return item.as_script() if item is not None else ""

    def as_script(self) -> str:
        """Return itself as a command."""
        value = self.node.value
        if isinstance(value, str) and is_script(value):
            return value
        self.wrong("a command, in printable text")
        return ""

    def scripts(self, *keys: str) -> tuple[str, ...]:
        """Return a list of commands or arguments."""
        return tuple(item.as_script() for item in self.items(*keys))

    def lines(self, *keys: str) -> tuple[str, ...]:
        """Return a list of names."""
        return tuple(filter(None, (item.as_text() for item in self.items(*keys))))

    def count(self, *keys: str, maximum: int = MAX_COUNT) -> int | None:
        """Return the whole number, 0 or more, under a key; None where there is none."""
        item = self.child(*keys)
        if item is None:
            return None
        value = item.node.value
        if type(value) is int and 0 <= value <= maximum:
            return value
        if isinstance(value, float) and value.is_integer() and 0 <= value <= maximum:
            return int(value)
        item.wrong(f"a whole number from 0 to {maximum}")
        return None

    def number(self, *keys: str, maximum: float) -> float | None:
        """Return the number, 0 or more, under a key; None where there is none."""
        item = self.child(*keys)
        if item is None:
            return None
        value = item.node.value
        if isinstance(value, int | float) and type(value) is not bool and 0 <= value <= maximum:
            return float(value)
        item.wrong(f"a number from 0 to {maximum:g}")
        return None

    def truth(self, *keys: str) -> bool:
        """Return the true or false under a key; false where there is none."""
        item = self.child(*keys)
        if item is None:
            return False
        if isinstance(item.node.value, bool):
            return item.node.value
        item.wrong("true or false")
        return False

    def wrong(self, expected: str) -> None:
        """Tell that a value of another kind was expected."""
        self.findings.problem(
            self.node.position,
            "marathon-malformed",
            f"expected {expected} in {self.name or 'the document'}, found {_described(self.node)}",
            "write it as Marathon's API has it",
        )


def _described(node: Node) -> str:
    value = node.value
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, str):
        return repr(value[:100]) + ("..." if len(value) > 100 else "")
    return node.source or "nothing"
