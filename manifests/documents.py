"""The base of our own JSON documents (lock, release): frozen, strict, versioned.

Unknown fields are refused: a document that says more than this version knows must not be half
understood. Scalars of the domain (digest, platform) are real types inside and text in JSON.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from manifests.digest import Digest
from manifests.errors import MalformedInput
from manifests.platform import Platform
from manifests.strictjson import JsonValue, canonical, load_object, readable

SEQUENCE_MAX: Final = 2**63 - 1


class UnknownSchema(MalformedInput):
    """A document of a version that this program does not know."""

    def __init__(self, subject: str, expected: int, found: object) -> None:
        super().__init__(
            "schema-unknown",
            f"{subject}: expected schema {expected}, found {found!r}",
            hint="use a moonlift of the version that wrote it, or newer",
        )


class InvalidDocument(MalformedInput):
    """A document with a missing, unknown or ill-typed field."""

    def __init__(self, subject: str, error: ValidationError) -> None:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "document"
        super().__init__("document-invalid", f"{subject}: {where}: {first['msg']}")


def _digest(value: Any) -> Digest:
    if isinstance(value, Digest):
        return value
    if not isinstance(value, str):
        raise ValueError("expected a digest")  # noqa: TRY004 - pydantic takes no TypeError
    return Digest.parse(value)


def _platform(value: Any) -> Platform:
    if isinstance(value, Platform):
        return value
    if not isinstance(value, str):
        raise ValueError("expected a platform")  # noqa: TRY004
    return Platform.parse(value)


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("expected a time such as 2026-11-22T00:00:00Z")  # noqa: TRY004
    instant = datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if instant_text(instant) != value:
        raise ValueError("expected a time such as 2026-11-22T00:00:00Z")
    return instant


def instant_text(value: datetime) -> str:
    """Return a UTC time as `2026-11-22T00:00:00Z` (RFC 3339, whole seconds)."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("holds a control character")
    return value


DigestField = Annotated[
    Digest,
    BeforeValidator(_digest),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}),
]
PlatformField = Annotated[
    Platform,
    BeforeValidator(_platform),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["linux/amd64", "linux/arm/v7"]}),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(instant_text, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Product = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._+-]{0,63})$")]
Sequence = Annotated[int, Field(ge=1, le=SEQUENCE_MAX)]
Size = Annotated[int, Field(ge=0, le=2**50)]
Line = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_printable)]

DocumentT = TypeVar("DocumentT", bound="Document")


class Part(BaseModel):
    """A piece of a document: frozen, no unknown fields, no coercion."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True
    )


class Document(Part):
    """A whole document with a schema number."""

    schema_version: int = Field(default=1, alias="schema", ge=1)

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @classmethod
    def parse(cls, raw: bytes, *, limit: int, subject: str) -> Self:
        """Parse the JSON form.

        Args:
            raw: the document's bytes.
            limit: bytes allowed.
            subject: name of the file, for messages.

        Raises:
            MalformedJson, UnknownSchema, InvalidDocument: it is not one of ours.
        """
        value = load_object(raw, limit=limit, subject=subject)
        expected = cls.model_fields["schema_version"].default
        if value.get("schema") != expected or isinstance(value.get("schema"), bool):
            raise UnknownSchema(subject, expected, value.get("schema"))
        try:
            return cls.model_validate(_tuples(value))
        except ValidationError as error:
            raise InvalidDocument(subject, error) from error

    def to_json(self) -> dict[str, JsonValue]:
        """Return the document as plain JSON values; fields without a value are left out."""
        return self.model_dump(mode="json", exclude_none=True)

    def canonical(self) -> bytes:
        """Return the compact JSON form: equal documents are equal bytes."""
        return canonical(self.to_json())

    def readable(self) -> bytes:
        """Return the indented JSON form, for documents that people diff."""
        return readable(self.to_json())


def _tuples(value: Any) -> Any:
    """Turn JSON lists into tuples: strict frozen models hold no lists."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return value
