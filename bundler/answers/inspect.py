"""What `bundle inspect` and `bundle diff` do and write."""

from __future__ import annotations

from pathlib import Path

from bundler.console import print_view
from bundler.output import print_json
from bundler.verbs.diff import diff
from bundler.verbs.inspect import inspect
from bundler.words.bundle import (
    difference_json,
    difference_view,
    inspection_json,
    inspection_view,
)


def show_bundle(bundle: Path, *, layers: bool, as_json: bool) -> None:
    """Show what a bundle holds."""
    inspection = inspect(bundle)
    if as_json:
        print_json(inspection_json(inspection))
    else:
        print_view(inspection_view(inspection, layers=layers))


def show_difference(old: Path, new: Path, *, as_json: bool) -> None:
    """Show what changed between two bundles."""
    before, after = inspect(old), inspect(new)
    difference = diff(before, after)
    if as_json:
        print_json(difference_json(difference))
    else:
        print_view(difference_view(before, after, difference))
