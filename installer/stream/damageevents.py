"""What a run tells of a damaged bundle: facts of the stream, like those in `installer.events`."""

from __future__ import annotations

from dataclasses import dataclass

from installer.stream.stages import Stage


@dataclass(frozen=True, slots=True)
class DamageFound:
    """A chunk of the bundle can't be had as it was signed; the run goes on with the rest.

    Attributes:
        stage: in which it was found.
        file: in the bundle.
        offset: where the chunk begins in it.
        length: bytes of the chunk.
        code: of the error, such as `chunk-damaged`.
        found: what was there instead.
        images: full references of images that need it; none for a file of the app.
    """

    stage: Stage
    file: str
    offset: int
    length: int
    code: str
    found: str
    images: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageSkipped:
    """An image was not loaded, since the bundle is damaged where its layers are.

    Attributes:
        stage: in which that came out.
        name: full reference.
        files: blobs of it that can't be had.
    """

    stage: Stage
    name: str
    files: tuple[str, ...]
