"""Does one thing with an app, as a program of its own: in a network namespace, or to be killed.

    python -m tests.installer.app.driver URL FOLDER switch|stop|status

FOLDER holds `release.json`, `images.json` (identities by name) and, as the host's settings for the
app, all else. Prints a line of JSON for each event, and an error as the last one.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from installer.app import control
from installer.app.deployment import deployment
from installer.app.wanted import Deployment
from installer.engines.appapi import AppApi, open_apps
from installer.events import Event, plain_fields, to_json
from manifests.digest import Digest
from manifests.errors import MoonliftError
from manifests.release import Release
from tests.installer.app.releases import placed


def main(url: str, folder: str, verb: str) -> None:
    home = Path(folder)
    with closing(open_apps(f"docker:{url}")) as apps:
        try:
            if verb == "status":
                print(json.dumps(plain_fields(control.status(apps, wanted(apps, home)))))
                return
            for event in events(apps, home, verb):
                print(json.dumps(to_json(event)), flush=True)
        except MoonliftError as error:
            print(json.dumps({"code": error.code, "message": str(error), "hint": error.hint}))
            raise SystemExit(int(error.exit_code)) from error


def wanted(apps: AppApi, home: Path) -> Deployment:
    release = Release.read((home / "release.json").read_bytes())
    images = json.loads((home / "images.json").read_text())
    known = {name: Digest.parse(identity) for name, identity in images.items()}
    return deployment(release, placed(release, home, images=known, facts=apps.facts()))


def events(apps: AppApi, home: Path, verb: str) -> Iterator[Event]:
    shall = wanted(apps, home)
    if verb == "stop":
        return control.stop(apps, shall.product, threading.Event())
    return control.start(apps, shall, threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
