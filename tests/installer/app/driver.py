"""Does one thing with an app, as a program of its own: in a network namespace, or to be killed.

    python -m tests.installer.app.driver SOCKET FOLDER switch|stop|status|remove [SERVICE...]

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


def main(socket: str, folder: str, verb: str, *services: str) -> None:
    home = Path(folder)
    with closing(open_apps(f"docker:{socket}")) as apps:
        try:
            if verb == "status":
                print(json.dumps(plain_fields(control.status(apps, wanted(apps, home)))))
                return
            for event in events(apps, home, verb, services):
                print(json.dumps(to_json(event)), flush=True)
        except MoonliftError as error:
            failed = {"code": error.code, "message": str(error), "hint": error.hint}
            print(json.dumps(failed))
            raise SystemExit(int(error.exit_code)) from error


def wanted(apps: AppApi, home: Path) -> Deployment:
    release = Release.read((home / "release.json").read_bytes())
    images = json.loads((home / "images.json").read_text())
    known = {name: Digest.parse(identity) for name, identity in images.items()}
    return deployment(release, placed(release, home, images=known, facts=apps.facts()))


def events(apps: AppApi, home: Path, verb: str, services: tuple[str, ...]) -> Iterator[Event]:
    never = threading.Event()
    shall = wanted(apps, home)
    if verb == "stop":
        return control.stop(apps, shall.product, never, services)
    if verb == "remove":
        return control.remove(apps, shall.product, services)
    return control.start(apps, shall, never, services)


if __name__ == "__main__":
    main(*sys.argv[1:])
