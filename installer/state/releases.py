"""The release.json of what was installed here, kept byte for byte: `releases/<product>/<n>.json`.

Owns these files below the state directory. Does not know what is active; `installer.ledger` does,
and calls this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from installer.state.hostdir import HostDirectory
from manifests.errors import UsageError
from manifests.release import RELEASE_LIMIT

FOLDER: Final = "releases"
"""Below the state directory."""

_PRODUCT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_KEPT = re.compile(r"([1-9][0-9]{0,18})\.json", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeptRelease:
    """release.json of a release that was installed here.

    Attributes:
        product: name of the app.
        sequence: number of the release.
        raw: the bytes that were signed.
    """

    product: str
    sequence: int
    raw: bytes


class KeptReleases:
    """The kept releases of one state directory; each call reads them anew.

    Every method raises NotInstallableHere with `<room>-unsafe` or `<room>-io`, and UsageError
    `product-malformed` for what is no product's name.
    """

    def __init__(self, state: Path, room: str) -> None:
        self._folder = HostDirectory(state / FOLDER, room)
        self._room = room

    def all(self) -> Iterator[KeptRelease]:
        """Yield every one, by product and number."""
        for product in filter(_PRODUCT.fullmatch, self._folder.names()):
            for sequence in self.sequences(product):
                kept = self.find(product, sequence)
                if kept is not None:
                    yield kept

    def sequences(self, product: str) -> list[int]:
        """Return the numbers of those of one product, rising."""
        matches = map(_KEPT.fullmatch, self._home(product).names())
        return sorted(int(match[1]) for match in matches if match)

    def find(self, product: str, sequence: int) -> KeptRelease | None:
        """Return one, None if it is not kept."""
        raw = self._home(product).read(f"{sequence}.json", limit=RELEASE_LIMIT)
        return None if raw is None else KeptRelease(product, sequence, raw)

    def keep(self, release: KeptRelease) -> None:
        """Write one; what was kept under its number is replaced."""
        home = self._home(release.product)
        self._folder.create()
        home.create()
        home.write(f"{release.sequence}.json", release.raw)

    def forget(self, product: str, sequence: int) -> None:
        """Remove one; nothing happens if it is not kept."""
        home = self._home(product)
        if home.exists():
            home.remove(f"{sequence}.json")

    def _home(self, product: str) -> HostDirectory:
        if not _PRODUCT.fullmatch(product):
            raise UsageError("product-malformed", f"{product!r} is not the name of a product")
        return HostDirectory(self._folder.path / product, self._room)
