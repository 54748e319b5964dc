"""What `bundle drive` does and writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bundler.commandline.asking import confirm
from bundler.console import progress_sink
from bundler.drive.eject import eject
from bundler.drive.put import put
from bundler.drive.run import planned
from bundler.drive.show import plan_as_json, plan_text, report_json, report_text
from bundler.output import print_json, print_lines


@dataclass(frozen=True, slots=True)
class Asked:
    """What shall be done beside the copying; see `bundle drive --help`."""

    remove_old: bool
    eject: bool
    dry_run: bool
    yes: bool
    as_json: bool


def fill_drive(bundle: Path, mount: Path, asked: Asked) -> None:
    """Put a bundle on a drive, and show first what that takes."""
    with planned(bundle, mount, remove_old=asked.remove_old) as plan:
        if not asked.as_json:
            print_lines(plan_text(plan))
        if asked.dry_run:
            if asked.as_json:
                print_json(plan_as_json(plan))
            return
        if plan.removal is not None and plan.removal.going and not asked.yes:
            confirm("remove these, and go on?", as_json=asked.as_json)
        with progress_sink() as progress:
            report = put(plan, progress)
    ejected = eject(mount, plan.system) if asked.eject else None
    if asked.as_json:
        print_json(report_json(report, ejected))
        return
    print_lines(report_text(report))
    print_lines([ejected.text] if ejected else [])
