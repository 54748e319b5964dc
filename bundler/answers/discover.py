"""What `bundle discover` does and writes."""

from __future__ import annotations

import os
from pathlib import Path

from bundler.output import print_json, print_lines
from bundler.verbs.discover import discover_path
from bundler.words.discovery import discovery_json, discovery_lines
from manifests.errors import ExitCode


def show_discovery(path: Path, write: Path | None, *, as_json: bool) -> ExitCode:
    """Show what a folder or file names; return 20 if one of its images can't be known.

    Args:
        path: the folder or file.
        write: where to write an app manifest that takes in all of it; None for nowhere.
        as_json: as one JSON document.
    """
    discovery = discover_path(path, os.environ, write)
    if as_json:
        print_json(discovery_json(discovery))
    else:
        print_lines(discovery_lines(discovery))
    return ExitCode.APP_MANIFEST if discovery.merged.problems else ExitCode.DONE
