"""`app.yaml`, version 1: what a person writes to say what an app is made of.

Owns the document's model, its JSON Schema and the checks that need more than one field. Reads no
other file and no clock: whether an image or a file is there is for the lock to find out. Every
problem of a file is found in one go and told with its line (`appproblems`).

Specified in docs/app-manifest.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from manifests.appfields import (
    IMAGE_SCHEMA,
    SOURCE_SCHEMA,
    ExpiryText,
    ImageOrigin,
    ImageText,
    OriginKind,
    OriginText,
    PlatformText,
    ProductText,
    SourceText,
    TargetText,
    VersionText,
    expected,
    read_target,
    wrong,
)
from manifests.appproblems import InvalidApp, Problem, compare_entries, find_unreadable, translate
from manifests.documents import Part, Sequence
from manifests.layout import FILES
from manifests.platform import Platform
from manifests.reference import Reference
from manifests.release import MAX_IMAGES, LayerPolicy
from manifests.strictjson import readable
from manifests.yamlnode import Node
from manifests.yamltext import MalformedYaml
from manifests.yamltree import load

APP_SCHEMA: Final = 1
MAX_FILES: Final = 10_000


def _distinct(platforms: tuple[Platform, ...]) -> tuple[Platform, ...]:
    for number, platform in enumerate(platforms):
        if platform in platforms[:number]:
            raise wrong(f"{platform} is listed twice")
    return platforms


def _reserved(value: Any) -> None:
    if value:
        raise wrong("not supported by this version: remove it, or use a newer moonlift")


Platforms = Annotated[
    tuple[PlatformText, ...], Field(min_length=1, strict=False), AfterValidator(_distinct)
]
Reserved = Annotated[
    None,
    BeforeValidator(_reserved),
    WithJsonSchema({"description": "Reserved for later versions.", "enum": [None, [], {}]}),
]


class AppImage(Part):
    """An image that the app needs; `nginx:1.25` alone is short for `{image: nginx:1.25}`.

    Attributes:
        image: reference as written.
        layers: what packing does to its layers.
        origin: where it comes from.
        platforms: for which; empty for the app's own.
    """

    image: ImageText = Field(description="Reference: [registry/]repository[:tag][@digest].")
    layers: Annotated[LayerPolicy, Field(strict=False)] = Field(
        LayerPolicy.AUTO,
        description="auto: recompress with zstd unless the reference has a digest."
        " zstd: always. original: keep the registry's bytes and digest.",
    )
    origin: OriginText = Field(
        ImageOrigin(OriginKind.AUTO),
        alias="from",
        json_schema_extra={"default": str(OriginKind.AUTO)},
        description="auto: the registry, or the local Docker engine when only that has the image."
        " registry, docker: only that. oci:PATH: an image layout. oci-archive:PATH: one in a tar."
        " docker-archive:PATH: what `docker save` wrote. Paths are relative to this file.",
    )
    platforms: Platforms = Field(
        (), description="For which platforms; those of the app when absent."
    )

    @property
    def reference(self) -> Reference:
        """The image in full form."""
        return Reference.parse(self.image)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return _from_text(value, "image", "an image such as nginx:1.25 or a mapping with 'image'")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of both forms."""
        return _either(IMAGE_SCHEMA, handler(schema))


class AppFile(Part):
    """A file or folder besides images; `compose.yaml` alone is short for `{from: compose.yaml}`.

    Attributes:
        source: path relative to the app manifest.
        to: path in the bundle below `files/`; empty for the same as `source`.
    """

    source: SourceText = Field(
        alias="from",
        description="Path of a file, or of a folder with all its files, below this file's folder.",
    )
    to: TargetText | None = Field(
        None, description="Path in the bundle below files/; the same as 'from' when absent."
    )

    @property
    def name(self) -> str:
        """The file's path in the bundle."""
        return f"{FILES}{self.to or self.source}"

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return _from_text(value, "from", "a file's path or a mapping with 'from' and 'to'")

    @model_validator(mode="after")
    def _usable_name(self) -> Self:
        try:
            read_target(self.to or self.source)
        except ValueError as error:
            raise wrong(f"{error}; give it another one with 'to:'") from error
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of both forms."""
        return _either(SOURCE_SCHEMA, handler(schema))


class App(Part):
    """The whole document.

    Attributes:
        name: of the product.
        version: for people.
        platforms: for which images are fetched; empty for Linux on the building machine's kind
            of processor.
        sequence: None for the lock's time as YYYYMMDDhhmmss.
        expires: after this hosts refuse the bundle; None for never. A date is good to its end.
        images: in the order in which they are loaded.
        files: besides images.
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
    images: Annotated[
        tuple[AppImage, ...], Field(min_length=1, max_length=MAX_IMAGES, strict=False)
    ] = Field(description="Images that the app needs, in the order in which they are loaded.")
    files: Annotated[tuple[AppFile, ...], Field(max_length=MAX_FILES, strict=False)] = Field(
        (), description="Files that the app carries besides images, such as compose.yaml."
    )
    sources: Reserved = None
    requirements: Reserved = None
    run: Reserved = None
    prune: Reserved = None

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
        return app

    def platforms_of(self, image: AppImage, default: Platform) -> tuple[Platform, ...]:
        """Return the platforms for which `image` is wanted.

        Args:
            image: one of `images`.
            default: what stands for no platform at all: the building machine's.
        """
        return image.platforms or self.platforms or (default,)


_KEYS = {
    "": [field.alias or name for name, field in App.model_fields.items()],
    "images": [field.alias or name for name, field in AppImage.model_fields.items()],
    "files": [field.alias or name for name, field in AppFile.model_fields.items()],
}


def app_schema() -> bytes:
    """Return the JSON Schema (draft 2020-12) of `app.yaml`, with which editors complete it."""
    schema = App.model_json_schema(by_alias=True)
    return readable(
        {
            **schema,
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "moonlift app manifest",
            "description": "What an app is made of: the input of `bundle build`.",
        }
    )


def _either(short: JsonSchemaValue, long: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of an entry with a short form, told by its docstring's first line."""
    about = str(long.pop("description", "")).partition("\n")[0]
    return {"description": about, "anyOf": [short, long]}


def _from_text(value: Any, key: str, what: str) -> Any:
    """Return the long form of an entry."""
    if isinstance(value, str):
        return {key: value}
    if not isinstance(value, dict):
        raise expected(what)
    return value


def _load(data: bytes, subject: str) -> Node:
    try:
        return load(data, subject)
    except MalformedYaml as error:
        problem = Problem(error.position.line, error.position.column, error.reason)
        raise InvalidApp(subject, [problem]) from error
