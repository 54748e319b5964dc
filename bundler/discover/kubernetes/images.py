"""Which foreign texts look like an image: for scans that report and never decide.

Two strengths. A text that is written as an image with registry, path and tag or digest looks
like one wherever it stands. Under a name such as `image` or `RELATED_IMAGE_PROXY` anything that
fits the grammar of references does; also within a text, as `image = "alpine:3.20"` in a file
that a ConfigMap carries.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from typing import Final

from manifests.reference import MalformedReference, Reference

MAX_LENGTH: Final = 500
"""Characters of a text that may be an image."""

_IMAGE = re.compile(
    r"(?<![A-Za-z0-9._/:@%+-])(?:(?:docker|oci)://)?"
    r"((?P<host>[a-z0-9][a-z0-9.-]*+)(?P<port>:[0-9]{1,5}+)?(?:/[a-z0-9][a-z0-9._-]*+)++"
    r"(?P<tag>:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}+)?(?P<digest>@sha256:[0-9a-f]{64})?)"
    r"(?![A-Za-z0-9_/:@%+-])"
)
_KEYED = re.compile(
    r"^[ \t-]*+[\"']?(?P<key>[A-Za-z][A-Za-z0-9_.-]*+)[\"']?[ \t]*+[:=][ \t]*+[\"']?"
    r"(?P<image>[a-z0-9][A-Za-z0-9./:@_-]*+)",
    re.MULTILINE,
)
_NAME = re.compile(r"image(?:[_-]?(?:name|ref|reference|ur[li]))?\Z|(?:\A|_)image_", re.IGNORECASE)


def images_in(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of a text that look like images.

    Each with the number of lines before its own. A name without registry, tag and digest may be
    anything, and is left out.
    """
    lines = counted = 0
    last = -1
    for start, image in heapq.merge(_written_out(text), _keyed(text)):
        if start == last:
            continue
        lines += text.count("\n", counted, start)
        counted = last = start
        yield lines, image


def _written_out(text: str) -> Iterator[tuple[int, str]]:
    """Yield where images of a registry begin, and the images."""
    for match in _IMAGE.finditer(text):
        registry = "." in match["host"] or match["port"] or match["host"] == "localhost"
        if registry and (match["tag"] or match["digest"]):
            image = match[1] if match["digest"] else match[1].rstrip(".")
            if is_reference(image):
                yield match.start(1), image


def _keyed(text: str) -> Iterator[tuple[int, str]]:
    """Yield where images begin that stand in a line after a name, and the images."""
    for match in _KEYED.finditer(text):
        image = match["image"].rstrip(".:")
        if any(sign in image for sign in "/:@") and likely_image(match["key"], image):
            yield match.start("image"), image


def is_reference(text: str) -> bool:
    """Tell whether a text fits the grammar of references."""
    if not text or len(text) > MAX_LENGTH:
        return False
    try:
        Reference.parse(text)
    except MalformedReference:
        return False
    return True


def names_image(key: str) -> bool:
    """Tell whether what stands under a name is likely to be an image."""
    return bool(_NAME.search(key[:MAX_LENGTH]))


def likely_image(key: str, text: str) -> bool:
    """Tell whether a text under a name looks like an image as a whole."""
    sure = key.lower() == "image" or any(sign in text for sign in "/:@")
    return sure and names_image(key) and is_reference(text)
