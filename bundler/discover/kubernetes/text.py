"""A file of Kubernetes documents as parsed documents: YAML and JSON, one after the other.

Owns how a file is cut. Each document is parsed by itself, so that one that is broken hides no
other, and only one is held. What a document means is not judged here.

Source: YAML 1.2.2 section 9.1 (`---` begins a document wherever a line begins with it); what
`kubectl apply -f` takes: YAML documents, and JSON values without anything between them.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Final

from bundler.discover.found import Place, Problem
from manifests.safetext import safe_line
from manifests.yaml.node import Limits, Node
from manifests.yaml.text import MalformedYaml, Position
from manifests.yaml.tree import load_all

DOCUMENT_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of one document; a cluster's own limit for an object is 1.5 MiB."""
FILE_NODES: Final = 500_000
"""Keys and values of a file; some seconds of parsing."""
MAX_DOCUMENTS: Final = 10_000
MAX_COLUMN: Final = 1000
"""Up to where the columns of JSON values that share a line are kept."""
LIMITS: Final = Limits(size=DOCUMENT_LIMIT, depth=100, nodes=100_000, repeated_keys=True)

RENDER_HINT: Final = (
    "render it first: `helm template RELEASE CHART > rendered.yaml`,"
    " then name rendered.yaml under `kubernetes:`"
)

_MARKER = re.compile(rb"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_NO_CONTENT = re.compile(rb"(?:---[ \t]*\r?(?:\n|\Z))?+(?:[ \t]*\r?(?:[#%][^\n]*)?(?:\n|\Z))*+")
_DEFINITION = re.compile(
    rb"^kind:[ \t]*[\"']?CustomResourceDefinition[\"']?[ \t]*\r?$", re.MULTILINE
)
_DEFINITION_GROUP = re.compile(rb"^apiVersion:[ \t]*[\"']?apiextensions\.k8s\.io/", re.MULTILINE)
_JSON_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?=[\[{])")
_LINE_END = re.compile(rb"\n")
_JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_JSON_ESCAPE = re.compile(rb"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)")


@dataclass(frozen=True)  # no slots: cached_property needs a place
class Document:
    """One document of a file.

    Attributes:
        root: what it says.
        file: its path, as in `Place`.
        before: lines of the file before those that positions in `root` count.
        text: that it was parsed from.
    """

    root: Node
    file: str
    before: int = 0
    text: bytes = b""

    def place(self, position: Position) -> Place:
        """Return a position of the document as a place in the file."""
        return Place(self.file, self.before + position.line, position.column)

    def place_within(self, node: Node, lines: int) -> Place:
        """Return the place in a text after some of its lines.

        Only of a `|` block is it known which line of the file that is; of others it is the place
        where they begin.
        """
        position = node.position
        if position.line > len(self._line_starts):
            return self.place(position)
        start = self._line_starts[position.line - 1]
        line = self.text[start : start + MAX_COLUMN].decode("utf-8", errors="replace")
        if line[position.column - 1 : position.column] != "|":
            return self.place(position)
        return Place(self.file, self.before + position.line + 1 + lines)

    @cached_property
    def _line_starts(self) -> array[int]:
        return array("I", [0, *(match.end() for match in _LINE_END.finditer(self.text))])


def read_documents(data: bytes, file: str) -> Iterator[Document | Problem]:
    """Yield the documents of a file that have content, and a problem for each broken one."""
    left = FILE_NODES
    for number, (before, part) in enumerate(_parts(data)):
        if left < 0 or number == MAX_DOCUMENTS:
            yield _too_many(Place(file, before + 1))
            return
        for found in _parse(part, file, before):
            yield found
            broken = min(len(part) // 2, LIMITS.nodes)
            left -= found.root.weight if isinstance(found, Document) else broken


def _too_many(place: Place) -> Problem:
    message = (
        f"expected at most {MAX_DOCUMENTS} documents and {FILE_NODES} keys and values in a file,"
        " found more"
    )
    return Problem(place, "kubernetes-too-large", message, "split the file")


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each document's bytes, with the number of lines before them."""
    before = start = 0
    for end in chain((match.start() for match in _MARKER.finditer(data, 1)), (len(data),)):
        part = data[start:end]
        if not _is_definition(part) and not _NO_CONTENT.fullmatch(part):
            for lines, value in _json_values(part):
                yield before + lines, value
        before += part.count(b"\n")
        start = end


def _is_definition(part: bytes) -> bool:
    """Tell whether it is a custom resource's definition: large, and without images."""
    return bool(_DEFINITION.search(part) and _DEFINITION_GROUP.search(part))


def _json_values(part: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield JSON values that follow each other; anything else as it is."""
    match = _JSON_START.match(part)
    if match is None or _value_end(part, match.end()) is None:
        yield 0, part
        return
    start = lines = column = 0
    while (match := _JSON_START.match(part, start)) and (end := _value_end(part, match.end())):
        value = part[start:end]
        yield lines, b" " * min(column, MAX_COLUMN) + _joined_surrogates(value)
        lines += value.count(b"\n")
        column = len(value) - value.rfind(b"\n") - 1 + (0 if b"\n" in value else column)
        start = end
    if not _NO_CONTENT.fullmatch(part, start):
        yield lines, part[start:]


def _value_end(part: bytes, start: int) -> int | None:
    """Return where the brackets that open at `start` are closed; None if they aren't."""
    depth = 0
    for match in _JSON_TOKEN.finditer(part, start):
        first = part[match.start()]
        depth += (first in b"[{") - (first in b"]}")
        if depth <= 0:
            return match.end()
    return None


def _joined_surrogates(value: bytes) -> bytes:
    """Return JSON with characters beyond U+FFFF written as YAML writes them."""
    return _JSON_ESCAPE.sub(_joined, value) if b"\\u" in value else value


def _joined(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        return match[0]
    high, low = int(match[1], 16), int(match[2], 16)
    return b"\\U%08x" % (0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF))


def _parse(part: bytes, file: str, before: int) -> Iterator[Document | Problem]:
    try:
        for root in load_all(part, file, LIMITS):
            if root.value is not None:
                yield Document(root, file, before, part)
    except MalformedYaml as error:
        position = error.position
        place = Place(file, before + position.line, position.column)
        hint = RENDER_HINT if b"{{" in part else _hint(error.reason)
        message = safe_line(f"expected a YAML or JSON document: {error.reason}", limit=500)
        yield Problem(place, "kubernetes-malformed", message, hint)


def _hint(reason: str) -> str:
    if reason.startswith(("larger than", "more than")):
        return "split the file, or ask the cluster for fewer objects at a time"
    return "`kubectl apply --dry-run=client -f FILE` has to take it"
