"""What an engine told of its images when it was last asked: `images.json` beside the ledger.

Owns that file. It only saves the time to ask again, for plans that are shown; nothing is removed by
it. What can't be read, is of another engine or of another form counts as nothing, and a file that
can't be written is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from installer.engines.prunefacts import EngineImage, created_of, instant_of
from installer.state.hostdir import HostDirectory
from manifests.documents import DigestField, Document, Part, Size
from manifests.errors import MoonliftError
from manifests.prunerules.inventory import Layer

FILE: Final = "images.json"
MAX_BYTES: Final = 8 * 1024 * 1024
MAX_IMAGES: Final = 20_000

_ROOM: Final = "ledger"


class _Image(Part):
    """Times are text: the engine tells them to the nanosecond."""

    identity: DigestField
    names: tuple[str, ...] = ()
    layers: tuple[tuple[str, Size], ...] = ()
    created: str
    named: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    size: Size


class _Document(Document):
    engine: str
    images: Annotated[tuple[_Image, ...], Field(max_length=MAX_IMAGES)] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one engine.

    Attributes:
        state: where the ledger is.
        engine: its identity; nothing is kept of one that has none.
    """

    state: Path
    engine: str

    def images(self) -> dict[str, EngineImage]:
        """Return what is known, by identity."""
        try:
            raw = HostDirectory(self.state, _ROOM).read(FILE, limit=MAX_BYTES)
            if raw is None:
                return {}
            found = _Document.parse(raw, limit=MAX_BYTES, subject=FILE)
        except MoonliftError:
            return {}
        if not self.engine or found.engine != self.engine:
            return {}
        return {str(one.identity): _read(one) for one in found.images}

    def keep(self, images: Sequence[EngineImage], known: Mapping[str, EngineImage]) -> None:
        """Write it down, unless all of it is known already, or there is no ledger yet."""
        told = [replace(one, ancestors=frozenset()) for one in images[:MAX_IMAGES]]
        directory = HostDirectory(self.state, _ROOM)
        if not self.engine or told == list(known.values()) or not directory.exists():
            return
        data = _Document(engine=self.engine, images=tuple(map(_written, told))).canonical()
        with suppress(MoonliftError):
            if len(data) <= MAX_BYTES:
                directory.write(FILE, data)


def _written(one: EngineImage) -> _Image:
    return _Image(
        identity=one.identity,
        names=one.names,
        layers=tuple((layer.key, layer.size) for layer in one.layers),
        created=one.created.isoformat(),
        named=None if one.named is None else one.named.isoformat(),
        labels=dict(one.labels),
        size=one.size,
    )


def _read(one: _Image) -> EngineImage:
    return EngineImage(
        identity=one.identity,
        names=one.names,
        layers=tuple(Layer(key, size) for key, size in one.layers),
        created=created_of(one.created),
        named=instant_of(one.named),
        labels=one.labels,
        size=one.size,
    )
