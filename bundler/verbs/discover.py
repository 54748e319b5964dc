"""`bundle discover`: a folder or file -> what names images in it, and the `app.yaml` for that.

Looks nothing up on a network; charts and kustomizations are rendered by their own programs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundler.discover.detect import Detected, detect_file, detect_folder
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found, joined
from bundler.discover.gather import gather
from bundler.discover.merge import Merged, Overrides, merge
from bundler.discover.propose import proposal, write_proposal
from bundler.discover.tree import Skipped
from bundler.locking.appfiles import host_platform
from bundler.verbs.init import product_name
from manifests.appmanifest.app import App
from manifests.errors import AppManifestError, UsageError

APP: Final = "app.yaml"


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found.

    Attributes:
        path: that was searched.
        detected: the files, by kind.
        merged: images with all their places, problems and remarks.
        found: GPU requests and workloads too.
        written: the app manifest that was written; None for none.
    """

    path: Path
    detected: Detected
    merged: Merged
    found: Found
    written: Path | None = None

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was not looked at."""
        return self.detected.skipped


def discover_path(path: Path, environ: Mapping[str, str], write: Path | None = None) -> Discovery:
    """Search a folder or file, and write an app manifest if that is wanted.

    Args:
        path: of the folder or file.
        environ: the process's variables.
        write: where to write the manifest; None to write none.

    Raises:
        UsageError: `path-not-found`, or as `write_proposal`.
        AppManifestError: `discover-nothing`, or as `proposal`.
    """
    base, detected = _detect(path)
    if detected.is_empty:
        raise AppManifestError(
            "discover-nothing",
            f"expected files that name images, found none in {path}{_unseen(detected)}",
            hint="bundle init writes an app.yaml in which images are listed by hand",
        )
    name = product_name(base.resolve().name)
    app = App.parse(proposal(detected, name, ".").encode(), APP)
    folder = DiskFolder(base)
    found = joined(gather(app.sources, folder, environ))
    merged = merge(app, APP, found, folder, Overrides(host_platform()))
    if write is not None:
        write_proposal(write, proposal(detected, name, _between(write.parent, base)))
    return Discovery(path, detected, merged, found, write)


def _detect(path: Path) -> tuple[Path, Detected]:
    """Return the folder that paths are relative to, and what is in it."""
    if path.is_dir():
        return path, detect_folder(path)
    if path.is_file():
        return path.parent, detect_file(path.parent, path.name)
    raise UsageError(
        "path-not-found",
        f"expected a folder or file at {path}, found none",
        hint="name the folder that holds the app's files",
    )


def _unseen(detected: Detected) -> str:
    if not detected.skipped:
        return ""
    first = detected.skipped[0]
    others = f" and {len(detected.skipped) - 1} more" if len(detected.skipped) > 1 else ""
    return f"; not looked at: {first.path} ({first.reason}){others}"


def _between(start: Path, end: Path) -> str:
    """Return the way from one folder to another, links in it resolved."""
    return Path(os.path.relpath(end.resolve(), start.resolve())).as_posix()
