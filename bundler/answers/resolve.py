"""What `bundle resolve` does and writes."""

from __future__ import annotations

from bundler.commandline.arguments import resolve_options
from bundler.commandline.typed import LockArguments
from bundler.console import progress_sink
from bundler.output import print_json, print_lines
from bundler.verbs.resolve import resolve_app
from bundler.words.lock import relocked_json, relocked_lines
from manifests.errors import ExitCode


def renew_lock(arguments: LockArguments, *, as_json: bool) -> ExitCode:
    """Look up every image, and pin it; return 20 if it is only checked and would change."""
    check = arguments.check
    with progress_sink() as progress:
        made = resolve_app(arguments.manifest, resolve_options(arguments), progress)
    if as_json:
        print_json(relocked_json(made, written=not check))
    else:
        print_lines(relocked_lines(made, written=not check))
    return ExitCode.APP_MANIFEST if check and made.is_stale else ExitCode.DONE
