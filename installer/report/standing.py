"""What a report says before a run on what is here already: start, stop, uninstall, prune; pure.

Nothing is read from a drive for these. A release that is not kept any more is left out: such a run
must not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from installer.engines.base import EngineInfo
from installer.report.before import (
    NOTHING_TO_READ,
    Before,
    engine_part,
    file_parts,
    image_part,
    kept_bundle,
)
from installer.report.facts import BundlePart, EnginePart, ImagePart
from manifests.errors import MoonliftError
from manifests.release import Release
from manifests.safetext import safe_line

if TYPE_CHECKING:  # each verb loads its own
    from installer.checks.enginefacts import EngineFacts
    from installer.ledger import InstalledApp, InstalledRelease, Ledger
    from installer.uninstall import UninstallPlan


def before_running(
    verb: str, app: InstalledApp, engine: str, facts: EngineFacts, ledger: Ledger
) -> Before:
    """Return what is known before an app is started or stopped.

    Args:
        verb: of the command line.
        app: which.
        engine: as on the command line.
        facts: what it said of itself.
        ledger: that keeps the app's releases.
    """
    return _before(verb, app.product, app, _told(engine, facts), ledger)


def before_uninstall(plan: UninstallPlan) -> Before:
    """Return what is known before an app goes."""
    engine = engine_part(plan.engine.name, plan.info)
    return _before("uninstall", plan.product, plan.app, engine, plan.ledger)


def before_prune(product: str, engine: str, info: EngineInfo) -> Before:
    """Return what is known before a host is pruned.

    Args:
        product: only what is of this app; empty for everything.
        engine: name of it.
        info: what it said of itself.
    """
    return Before(
        verb="prune", product=product, engine=engine_part(engine, info), plan=NOTHING_TO_READ
    )


def _before(
    verb: str, product: str, app: InstalledApp | None, engine: EnginePart, ledger: Ledger
) -> Before:
    installed = app.release(app.active) if app else None
    release = _kept(product, installed, ledger)
    if installed is None or release is None:
        return Before(verb=verb, product=product, engine=engine, plan=NOTHING_TO_READ)
    return Before(
        verb=verb,
        product=product,
        engine=engine,
        bundle=_bundle(installed, release),
        images=_images(installed, release),
        files=file_parts(release),
        plan=NOTHING_TO_READ,
    )


def _bundle(installed: InstalledRelease, release: Release) -> BundlePart:
    return kept_bundle(installed, release).model_copy(update={"standing": "active"})


def _images(installed: InstalledRelease, release: Release) -> tuple[ImagePart, ...]:
    """Return the images that the engine took, by what it knew them by."""
    took = {(one.name, one.identity) for one in installed.images}
    return tuple(
        image_part(identity, image, None)
        for image in release.images
        for identity in dict.fromkeys((image.image_id, image.target, image.manifest.digest))
        if (image.name, identity) in took
    )


def _kept(product: str, installed: InstalledRelease | None, ledger: Ledger) -> Release | None:
    """Return a release as it was signed; None where it is lost or can't be read."""
    try:
        kept = ledger.kept(product, installed.sequence) if installed else None
        return None if kept is None else Release.read(kept.raw)
    except MoonliftError:
        return None


def _told(engine: str, facts: EngineFacts) -> EnginePart:
    return EnginePart(
        name=safe_line(engine),
        kind="docker",
        version=safe_line(facts.version),
        store="containerd" if facts.uses_containerd else "graph-driver",
        driver=safe_line(facts.driver),
        root=safe_line(facts.root) or None,
    )
