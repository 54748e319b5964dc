"""Lists of images: one reference a line, `#` begins a comment.

The form that people keep by hand and that `docker images --format` and the like print. What
`docker://` stands before is taken as skopeo has it; other transports name no registry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bundler.discover.folder import Folder, Unreadable
from bundler.discover.found import Found, Mention, Place, Problem, joined
from manifests.appmanifest.sources import ListSource
from manifests.safetext import safe_line
from manifests.yaml.text import MalformedYaml, decode

SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of one list."""
MAX_IMAGES: Final = 10_000
"""Images of one list."""
MAX_PROBLEMS: Final = 100
"""Problems told of one list; one more says that there are more."""

_BY: Final = "list"
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_TRANSPORT = re.compile(r"(docker-archive|docker-daemon|oci-archive|oci|dir|containers-storage):")
_UNRESOLVED = re.compile(r"[${}<>]")


def discover(source: ListSource, folder: Folder) -> Found:
    """Return what the lists of a source name."""
    return joined(_file(path, folder) for path in source.list)


def _file(path: str, folder: Folder) -> Found:
    try:
        text = decode(folder.read(path, SIZE_LIMIT), path)
    except Unreadable as error:
        message = safe_line(f"expected a list of images, found none that can be read: {error}")
        return Found(problems=(Problem(Place(path, 1), "list-unreadable", message),))
    except MalformedYaml as error:
        place = Place(path, error.position.line, error.position.column)
        return Found(problems=(Problem(place, "list-malformed", error.reason, _hint("")),))
    return _lines(path, text)


def _lines(path: str, text: str) -> Found:
    mentions: list[Mention] = []
    problems: list[Problem] = []
    for number, column, content in _entries(text):
        place = Place(path, number, column)
        if len(problems) == MAX_PROBLEMS or len(mentions) == MAX_IMAGES:
            message = "more from here on: mend the first ones first, or split the list"
            problems.append(Problem(place, "list-malformed", message))
            break
        reason = _wrong(content)
        if reason is not None:
            problems.append(Problem(place, "list-malformed", reason, _hint(content)))
        else:
            mentions.append(Mention(_reference(content), place, _BY))
    return Found(mentions=tuple(mentions), problems=tuple(problems))


def _entries(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield line, column and what is written of each line that is not empty."""
    begin, number = 0, 1
    while begin < len(text):
        end = text.find("\n", begin)
        end = len(text) if end < 0 else end
        content = _COMMENT.sub("", text[begin:end]).rstrip()
        stripped = content.lstrip()
        if stripped:
            yield number, len(content) - len(stripped) + 1, stripped
        begin, number = end + 1, number + 1


def _wrong(content: str) -> str | None:
    """Return why a line names no image."""
    found = repr(safe_line(content, limit=200))
    if len(content.split()) > 1:
        return f"expected one image on the line, found {found}"
    if not _reference(content):
        return f"expected an image after the transport, found {found}"
    if _TRANSPORT.match(content):
        return f"expected an image in a registry, found {found}"
    if _UNRESOLVED.search(content):
        return f"expected an image, found {found}, which is not yet filled in"
    return None


def _reference(content: str) -> str:
    return content.removeprefix("docker://")


def _hint(content: str) -> str:
    if len(content.split()) > 1:
        return "write each image on a line of its own, and '#' before a comment"
    return "write one reference a line, such as nginx:1.27, in UTF-8"
