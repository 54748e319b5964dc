"""Which foreign texts look like an image: for scans that report and never decide.

Two strengths. A text that is written as an image with registry, path and tag or digest looks
like one wherever it stands. Under a name such as `image` or `RELATED_IMAGE_PROXY` anything that
fits the grammar of references does.
"""

from __future__ import annotations

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
_NAME = re.compile(r"image(?:[_-]?(?:name|ref|reference|ur[li]))?\Z|(?:\A|_)image_", re.IGNORECASE)


def images_in(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of a text that are written as images of a registry.

    Each with the number of lines before its own. A name without registry, tag and digest may be
    anything, and is left out.
    """
    lines = counted = 0
    for match in _IMAGE.finditer(text):
        registry = "." in match["host"] or match["port"] or match["host"] == "localhost"
        if registry and (match["tag"] or match["digest"]):
            image = match[1] if match["digest"] else match[1].rstrip(".")
            lines += text.count("\n", counted, match.start())
            counted = match.start()
            if is_reference(image):
                yield lines, image


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
