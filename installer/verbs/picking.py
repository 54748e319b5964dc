"""Which installed app and which of its releases a person means; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from installer.state.apps import InstalledApp, InstalledRelease
from manifests.errors import NotInstallableHere, UsageError

AUTO: Final = "auto"


def engine_of(app: InstalledApp | None, asked: str) -> str:
    """Return the engine that is meant: where none was named, the one that has the app."""
    known = app.engine if app is not None else ""
    return known if known and asked == AUTO else asked


def pick_app(
    apps: Sequence[InstalledApp], product: str, known: Collection[str] = ()
) -> InstalledApp:
    """Return the app called `product`; the only one where that is left out.

    Args:
        apps: of this host.
        product: name of one, or empty.
        known: apps that a release was ever accepted of.

    Raises:
        NotInstallableHere: `app-unknown`: there is none such.
        UsageError: `app-ambiguous`: there are several.
    """
    installed = [one for one in apps if one.releases]
    found = [one for one in installed if product in ("", one.product)]
    names = ", ".join(one.product for one in installed)
    if not found:
        raise NotInstallableHere(
            "app-unknown",
            f"expected {product or 'an app'}, found {names or 'no app'} installed here",
            hint=_way_to(product, known),
        )
    if len(found) > 1:
        raise UsageError(
            "app-ambiguous",
            f"expected the name of an app, found several installed here: {names}",
            hint="name one of them",
        )
    return found[0]


def _way_to(product: str, known: Collection[str]) -> str:
    gone = sorted(known) if not product else [product] if product in known else []
    if not gone:
        return "installer ledger show lists what is; installer install BUNDLE installs"
    return (
        f"of {', '.join(gone)} no release is left, or its install was broken off: installer install"
        " BUNDLE installs or goes on, installer prune shows what lies about"
    )


def pick_release(app: InstalledApp, text: str) -> InstalledRelease:
    """Return the release by number or version; the previous one where that is left out.

    Raises:
        NotInstallableHere: `release-unknown`: it is not here, or not any more.
    """
    if not text:
        found = app.release(app.previous)
    else:
        named = [one for one in app.releases if text in (str(one.sequence), one.version)]
        found = max(named, key=lambda one: one.sequence, default=None)
    if found is None:
        here = ", ".join(f"{one.version} ({one.sequence})" for one in app.releases)
        raise NotInstallableHere(
            "release-unknown",
            f"{app.product}: expected {text or 'a previous release'}, found {here}",
            hint="bring its bundle: installer install BUNDLE --allow-downgrade",
            product=app.product,
        )
    return found
