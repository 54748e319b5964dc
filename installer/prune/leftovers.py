"""Images that installs left which were broken off: their names are ours, and of no release here.

Owns which of our names are whose. A name of an app that this state folder never accepted a release
of may be another folder's, and is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from installer.engines.base import keep_name, keep_repository
from installer.ledger import Ledger

if TYPE_CHECKING:
    from installer.engines.appapi import AppApi
    from installer.engines.appfacts import ListedImage


@dataclass(frozen=True, slots=True)
class OwnNames:
    """What this state folder knows of our names.

    Attributes:
        explained: those of releases that are here, in whatever engine.
        products: by repository, each app that a release was ever accepted of.
    """

    explained: frozenset[str]
    products: Mapping[str, str]

    def leftover_of(self, name: str) -> str:
        """Return the app of whose broken-off install a name is; empty if it is of none."""
        if name in self.explained:
            return ""
        return self.products.get(name.rpartition(":")[0], "")


def own_names(ledger: Ledger) -> OwnNames:
    """Return what the ledger knows of our names.

    Raises:
        NotInstallableHere: the ledger can't be believed.
    """
    state = ledger.state()
    return OwnNames(
        explained=frozenset(
            keep_name(app.product, image.identity)
            for app in state.apps
            for release in app.releases
            for image in release.images
        ),
        products={keep_repository(product): product for product in state.products},
    )


def leftovers(apps: AppApi, ledger: Ledger, product: str) -> Iterator[ListedImage]:
    """Yield the images that broken-off installs of an app left, each with our names alone.

    Raises:
        EngineFailed: it does not answer.
        NotInstallableHere: the ledger can't be believed.
    """
    known = own_names(ledger)
    for image in apps.images_named(keep_repository(product)):
        names = tuple(one for one in image.names if known.leftover_of(one) == product)
        if names and not any(one in known.explained for one in image.names):
            yield replace(image, names=names)
