"""One compose document with its variables filled in, from YAML nodes.

Tells every variable that must be set and is not, wherever in the file it stands: a problem where
an image depends on it, a remark elsewhere, for a password is set on the host and never known to
whoever builds. Docker Compose refuses both. Keeps only the branches that can say something of
images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bundler.discover.compose.notes import Notes
from bundler.discover.compose.tree import TAGS, Content, Merge, Origin, Value
from bundler.discover.found import Place
from manifests.interpolation import Filled, MalformedInterpolation, Missing, interpolate
from manifests.yaml.node import Entry, Limits, Node
from manifests.yaml.text import Position

LIMITS: Final = Limits(aliases=2_000, tags=TAGS)
"""Of one compose file; tags are those of the Compose specification."""
SERVICE_KEYS: Final = frozenset(
    {
        "build",
        "depends_on",
        "deploy",
        "devices",
        "environment",
        "extends",
        "gpus",
        "image",
        "links",
        "platform",
        "profiles",
        "provider",
        "runtime",
        "volumes",
    }
)
"""What is kept of a service."""
OPEN_KEYS: Final = frozenset({"environment", "volumes"})
"""What is kept of a service and may depend on what only the host knows."""
NAMING_KEYS: Final = frozenset({"build", "extends", "image", "platform", "profiles", "provider"})
"""What of a service says which image it is; only this is filled in from the process's variables
where a project is read in whole."""


class Reader:
    """Reads the documents of one file.

    Args:
        file: its path, for places.
        variables: that are filled in.
        notes: where problems are told and work is counted.
        run: where what is no image's name is filled in from, and what paths are relative to;
            None where only images are looked for.
    """

    def __init__(
        self, file: str, variables: Mapping[str, str], notes: Notes, run: Origin | None = None
    ) -> None:
        self._file = file
        self._naming = self._variables = variables
        self._run = run
        self._origin = run or Origin()
        self._notes = notes
        self._seen: set[int] = set()
        self._settled = True

    @property
    def whole(self) -> bool:
        """Whether all is kept, not only what can say something of images."""
        return self._run is not None

    def place(self, position: Position) -> Place:
        """Return a place in the file."""
        return Place(self._file, position.line, position.column)

    def service_value(self, key: str, entry: Entry) -> Value:
        """Return what stands under a key of a service.

        Raises:
            Refused: too much, as `Notes.spend` says.
        """
        self._settled = key in SERVICE_KEYS - OPEN_KEYS
        if self._run is not None and key not in NAMING_KEYS:
            return self.open_value(entry)
        try:
            return self.value(entry.node, entry.position)
        finally:
            self._settled = True

    def open_value(self, entry: Entry) -> Value:
        """Return what stands under a key, filled in from what belongs to the project alone.

        Raises:
            Refused: too much, as `Notes.spend` says.
        """
        self._variables = self._run.variables if self._run else self._naming
        self._settled = False
        try:
            return self.value(entry.node, entry.position)
        finally:
            self._variables, self._settled = self._naming, True

    def value(self, node: Node, key: Position | None = None) -> Value:
        """Return a node with all that is in it.

        Raises:
            Refused: too much, as `Notes.spend` says.
        """
        place = self.place(node.position)
        self._notes.spend(place)
        named = self.place(key) if key is not None else place
        merge, written = Merge(node.tag), node.source
        if isinstance(node.value, str):
            filled = self._fill(node)
            known = filled is not None and not filled.missing
            text, unset = (filled.text, filled.unset) if filled is not None else (written, ())
            return Value(place, named, text, unset, known, merge, written, self._origin)
        content: Content = None
        if isinstance(node.value, Mapping):
            content = {name: self.value(one.node, one.position) for name, one in node.value.items()}
        elif isinstance(node.value, tuple):
            content = tuple(self.value(one) for one in node.value)
        else:
            content = node.value
        return Value(place, named, content, (), True, merge, written, self._origin)  # noqa: FBT003

    def check(self, node: Node) -> None:
        """Tell the problems of a branch that is not kept; one behind several aliases once.

        Raises:
            Refused: too much, as `Notes.spend` says.
        """
        self._settled, waiting = False, [node]
        while waiting:
            one = waiting.pop()
            if id(one) in self._seen:
                continue
            self._seen.add(id(one))
            if isinstance(one.value, str):
                self._fill(one)
            waiting += _children(one)
        self._settled = True

    def _fill(self, node: Node) -> Filled | None:
        """Fill in a text and tell what is missing in it; None when it can't be read."""
        if "$" not in node.source:
            return Filled(node.source)
        place = self.place(node.position)
        try:
            filled = interpolate(node.source, self._variables)
        except MalformedInterpolation as error:
            hint = "write ${NAME} or ${NAME:-default}, and $$ for a dollar sign"
            self._notes.problem(place, "compose-interpolation", str(error), hint)
            return None
        self._notes.spend(place, 0, len(filled.text))
        for missing in filled.missing:
            self._tell_missing(missing, place)
        return filled

    def _tell_missing(self, missing: Missing, place: Place) -> None:
        said = f": {missing.message}" if missing.message else ""
        if not self._settled:
            self._notes.remark(place, f"{missing.name} must be set where the app runs{said}")
            return
        found = "an empty one" if missing.empty else "none"
        self._notes.problem(
            place,
            "compose-variable-required",
            f"expected a value of {missing.name}, found {found}{said}",
            f"set {missing.name} under `environment:` of this source, in .env, or in the"
            " environment",
        )


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node.value, Mapping):
        for entry in node.value.values():
            yield entry.node
    elif isinstance(node.value, tuple):
        yield from node.value


def entries(node: Node) -> Mapping[str, Entry]:
    """Return a node's entries; none where it is no mapping."""
    return node.value if isinstance(node.value, Mapping) else {}
