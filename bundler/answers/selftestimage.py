"""What `bundle selftest-image` does and writes."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from bundler.console import progress_sink
from bundler.output import print_json, print_lines
from bundler.sources.dockerengine import connect
from bundler.verbs.selftestimage import (
    DEFAULT_NAME,
    ImageRequest,
    build_image,
    image_json,
    image_lines,
)


def make_image(base: str, name: str, network: str, pycuda: Path | None, *, as_json: bool) -> None:
    """Build the self-test's image, and show it.

    Args:
        base: image to build on.
        name: what to call it; empty for the usual name.
        network: the engine's, for the build; empty for its own choice.
        pycuda: wheel to be proved; None for none.
        as_json: as one JSON document.
    """
    request = ImageRequest(base, name or DEFAULT_NAME, network, pycuda, os.environ)
    with closing(connect()) as client, progress_sink() as progress:
        made = build_image(request, client, progress.note)
    if as_json:
        print_json(image_json(made))
    else:
        print_lines(image_lines(made))
