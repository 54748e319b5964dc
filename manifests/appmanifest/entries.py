"""The entries of `app.yaml`'s lists: images, files, waivers.

Each has its short form where one is common. Lists of sources are in `appsources`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from manifests.appmanifest.fields import (
    IMAGE_SCHEMA,
    SOURCE_SCHEMA,
    ImageOrigin,
    ImageText,
    OriginKind,
    OriginText,
    PlatformText,
    SourceText,
    TargetText,
    expected,
    read_target,
    wrong,
)
from manifests.bundle.layout import FILES
from manifests.documents import Part
from manifests.layerpolicy import LayerPolicy
from manifests.platform import Platform
from manifests.reference import Reference

MAX_LINE: Final = 1024
"""Characters of a waiver's image and reason, as in the lock and the release."""


def _distinct(platforms: tuple[Platform, ...]) -> tuple[Platform, ...]:
    for number, platform in enumerate(platforms):
        if platform in platforms[:number]:
            raise wrong(f"{platform} is listed twice")
    return platforms


def _line(value: Any) -> str:
    if not isinstance(value, str):
        raise expected("text")
    if not value.strip() or len(value) > MAX_LINE or not value.isprintable():
        raise wrong(f"expected 1 to {MAX_LINE} printable characters on one line")
    return value


Platforms = Annotated[
    tuple[PlatformText, ...], Field(min_length=1, strict=False), AfterValidator(_distinct)
]
LineText = Annotated[
    str,
    BeforeValidator(_line),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_LINE, "pattern": r"\S"}),
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


class AppWaiver(Part):
    """An image that a source names and that the bundle shall not hold.

    Attributes:
        image: reference, or the text as the source has it where that is none.
        reason: for those who install the bundle.
    """

    image: LineText = Field(
        description="Reference, or the text as a source has it where variables are unresolved."
    )
    reason: LineText = Field(description="Why it is left out; carried into the bundle.")


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
