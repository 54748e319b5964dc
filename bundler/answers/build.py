"""What `bundle build` does and writes."""

from __future__ import annotations

from bundler.build import build
from bundler.commandline.building import build_options
from bundler.commandline.typed import BuildArguments
from bundler.console import print_view, progress_sink
from bundler.output import print_json, print_lines
from bundler.words.report import path_lines, report_json, report_view


def build_bundle(arguments: BuildArguments, *, as_json: bool) -> None:
    """Build a bundle, and show what came of it."""
    with progress_sink() as progress:
        report = build(arguments.manifest, build_options(arguments), progress)
    if as_json:
        print_json(report_json(report))
    else:
        print_view(report_view(report))
        print_lines(path_lines(report))
