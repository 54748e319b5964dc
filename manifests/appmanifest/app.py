"""`app.yaml`, version 1: what a person writes to say what an app is made of.

Owns the document's model, its JSON Schema and the checks that need more than one field. Reads no
other file and no clock: whether an image or a file is there is for the lock to find out. Every
problem of a file is found in one go and told with its line (`appproblems`).

Specified in docs/app-manifest.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationError, WithJsonSchema

from manifests.appmanifest.compare import compare_entries
from manifests.appmanifest.entries import AppFile, AppImage, AppWaiver, Platforms
from manifests.appmanifest.fields import ExpiryText, ProductText, VersionText, wrong
from manifests.appmanifest.problems import InvalidApp, Problem, find_unreadable, translate
from manifests.appmanifest.run import AppPrune, AppRun
from manifests.appmanifest.sourceentry import KINDS, MAX_SOURCES, SourceEntry
from manifests.documents import Part, Sequence
from manifests.platform import Platform
from manifests.release import MAX_IMAGES
from manifests.strictjson import JsonValue, readable
from manifests.yaml.node import Node
from manifests.yaml.text import MalformedYaml, Position
from manifests.yaml.tree import load

APP_SCHEMA: Final = 1
MAX_FILES: Final = 10_000


def _reserved(value: Any) -> None:
    if value:
        raise wrong("not supported by this version: remove it, or use a newer moonlift")


Reserved = Annotated[
    None,
    BeforeValidator(_reserved),
    WithJsonSchema({"description": "Reserved for later versions.", "enum": [None, [], {}]}),
]


@dataclass(frozen=True, slots=True)
class AppPositions:
    """Where the entries of an app manifest's lists are written.

    Attributes:
        images: of each entry of `images`.
        waived: of each entry of `waived`.
        run: what stands under `run`, for services that are written there; None for nothing.
    """

    images: tuple[Position, ...] = ()
    waived: tuple[Position, ...] = ()
    run: Node | None = None

    @classmethod
    def of(cls, root: Node) -> AppPositions:
        """Return the places in a document."""
        run = root.nearest(("run",))
        return cls(
            _positions_of(root, "images"),
            _positions_of(root, "waived"),
            None if run is root else run,
        )


def _positions_of(root: Node, key: str) -> tuple[Position, ...]:
    items = root.nearest((key,)).value
    return tuple(item.position for item in items) if isinstance(items, tuple) else ()


class App(Part):
    """The whole document.

    Attributes:
        name: of the product.
        version: for people.
        platforms: for which images are fetched; empty for Linux on the building machine's kind
            of processor.
        sequence: None for the lock's time as YYYYMMDDhhmmss.
        expires: after this hosts refuse the bundle; None for never. A date is good to its end.
        images: in the order in which they are loaded; those of sources come after them.
        sources: files that name further images.
        waived: images that sources name and that are left out, each with a reason.
        files: besides images.
        run: what runs of it; None where it only brings images.
        prune: what may be removed once it runs; None for nothing.
    """

    schema_version: Annotated[int, Field(ge=APP_SCHEMA, le=APP_SCHEMA)] = Field(
        alias="schema", description="Version of this format: 1."
    )
    name: ProductText = Field(description="Name of the product, the same for all its releases.")
    version: VersionText = Field(description="Version for people; quote it: '1.10'.")
    platforms: Platforms = Field(
        (), description="For which platforms; linux/ and the building machine's when absent."
    )
    sequence: Sequence | None = Field(
        None,
        description="Grows with each release; hosts refuse a lower one."
        " The time of the lock as YYYYMMDDhhmmss when absent.",
    )
    expires: ExpiryText | None = Field(
        None, description="Hosts refuse the bundle after this date (to its end, UTC) or time."
    )
    images: Annotated[tuple[AppImage, ...], Field(max_length=MAX_IMAGES, strict=False)] = Field(
        (),
        description="Images that the app needs, in the order in which they are loaded; also the"
        " options of images that sources name.",
    )
    sources: Annotated[tuple[SourceEntry, ...], Field(max_length=MAX_SOURCES, strict=False)] = (
        Field((), description="Files that name the app's images, such as compose.yaml.")
    )
    waived: Annotated[tuple[AppWaiver, ...], Field(max_length=MAX_IMAGES, strict=False)] = Field(
        (), description="Images that sources name and that the bundle shall not hold."
    )
    files: Annotated[tuple[AppFile, ...], Field(max_length=MAX_FILES, strict=False)] = Field(
        (), description="Files that the app carries besides images, such as compose.yaml."
    )
    requirements: Reserved = None
    run: AppRun | None = Field(
        None, description="What runs of the app; absent where it only brings images."
    )
    prune: AppPrune | None = Field(
        None, description="What may be removed from the host once a release runs there."
    )
    _positions: AppPositions = PrivateAttr(default_factory=AppPositions)

    @property
    def positions(self) -> AppPositions:
        """Where entries are written, for messages; empty for an app that was not parsed."""
        return self._positions

    @classmethod
    def parse(cls, data: bytes, subject: str) -> App:
        """Parse an app manifest.

        Args:
            data: the file's bytes.
            subject: its name, for messages.

        Raises:
            InvalidApp: with every problem of the file.
        """
        root = _load(data, subject)
        if (unreadable := find_unreadable(root, APP_SCHEMA)) is not None:
            raise InvalidApp(subject, [unreadable])
        problems = compare_entries(root)
        try:
            app = cls.model_validate(root.plain())
        except ValidationError as error:
            raise InvalidApp(subject, [*problems, *translate(error, root, _KEYS)]) from error
        if problems:
            raise InvalidApp(subject, problems)
        app._positions = AppPositions.of(root)  # noqa: SLF001 - of the same class
        return app

    def platforms_of(self, image: AppImage, default: Platform) -> tuple[Platform, ...]:
        """Return the platforms for which `image` is wanted.

        Args:
            image: one of `images`.
            default: what stands for no platform at all: the building machine's.
        """
        return image.platforms or self.platforms or (default,)


def _names(model: type[Part]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


_KEYS = {
    "": _names(App),
    "images": _names(AppImage),
    "files": _names(AppFile),
    "waived": _names(AppWaiver),
    "run": _names(AppRun),
    "prune": _names(AppPrune),
    **{f"sources.{kind}": _names(model) for kind, model in KINDS.items()},
}
_SOME: dict[str, JsonValue] = {
    "minItems": 1,
    "description": "An app has images, or sources that name them.",
}
_RUNS: dict[str, JsonValue] = {
    "type": ["object", "string"],
    "description": "What runs names images too.",
}


def app_schema() -> bytes:
    """Return the JSON Schema (draft 2020-12) of `app.yaml`, with which editors complete it."""
    schema = App.model_json_schema(by_alias=True)
    return readable(
        {
            **schema,
            "anyOf": [
                {"required": [key], "properties": {key: what}}
                for key, what in (("images", _SOME), ("sources", _SOME), ("run", _RUNS))
            ],
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "moonlift app manifest",
            "description": "What an app is made of: the input of `bundle build`.",
        }
    )


def _load(data: bytes, subject: str) -> Node:
    try:
        return load(data, subject)
    except MalformedYaml as error:
        problem = Problem(error.position.line, error.position.column, error.reason)
        raise InvalidApp(subject, [problem]) from error
