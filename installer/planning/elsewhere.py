"""Whether an app is in another engine already: one state folder knows one engine for each app.

Two would share what is active and what can be gone back to; what runs in the first would be
forgotten there, and pruned. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from installer.engines.base import Engine, EngineInfo
from installer.state.apps import InstalledApp, InstalledRelease
from manifests.errors import NotInstallableHere


def taken_elsewhere(
    app: InstalledApp | None, address: str, identity: str
) -> InstalledRelease | None:
    """Return a release of the app that must stay and that another engine took; None for none.

    Args:
        app: what the ledger knows of it.
        address: how a command line names the engine.
        identity: what the engine says that it is.
    """
    if app is None:
        return None
    needed = (app.release(number) for number in (app.active, *sorted(app.protected)))
    others = (one for one in needed if one is not None and not one.may_be_in(address, identity))
    return next(others, None)


def elsewhere(
    app: InstalledApp | None, engine: Engine, info: EngineInfo
) -> Iterator[NotInstallableHere]:
    """Yield why an app can't come into this engine: `engine-other`."""
    taken = taken_elsewhere(app, engine.address, info.identity)
    if app is None or taken is None:
        return
    yield NotInstallableHere(
        "engine-other",
        f"{app.product}: expected the engine that has release {taken.sequence} of it,"
        f" {taken.engine}, found {engine.address}",
        hint=f"--engine {taken.engine} goes on there. To move it here: installer uninstall"
        f" {app.product} --engine {taken.engine}, then install. To have it in both: a state folder"
        " of its own for the other, --state-dir",
        product=app.product,
        engine=taken.engine,
    )
