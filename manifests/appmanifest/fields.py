"""The scalars of `app.yaml`: what a person may write, what it becomes, and the words if wrong.

A field's check raises one of two errors: `EXPECTED`, whose message says what was expected and to
which the found value is added later, or `WRONG`, whose message is complete. No file is looked at:
that a path stays inside the app's folder although folders may be symbolic links is checked where
the file is opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from manifests.bundle.layout import FILES, SUMS
from manifests.bundle.sums import MalformedSums, check_name
from manifests.digest import Digest
from manifests.documents import Product, Version, instant_text
from manifests.platform import Platform
from manifests.reference import Reference

EXPECTED: Final = "app_expected"
WRONG: Final = "app_wrong"
MAX_PATH: Final = 1024

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    rf"({_DATE.pattern})[Tt ]([0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}})(?:\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_COMPONENT = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}"


class OriginKind(StrEnum):
    """The kinds of place that an image comes from."""

    AUTO = "auto"
    REGISTRY = "registry"
    DOCKER = "docker"
    OCI = "oci"
    OCI_ARCHIVE = "oci-archive"
    DOCKER_ARCHIVE = "docker-archive"


_WITH_PATH = frozenset({OriginKind.OCI, OriginKind.OCI_ARCHIVE, OriginKind.DOCKER_ARCHIVE})


@dataclass(frozen=True, slots=True)
class ImageOrigin:
    """Where an image comes from, as `from:` says it.

    Attributes:
        kind: `auto` is the registry, or the local engine when only that has the image.
        path: of an archive or layout, relative to the app manifest; empty for the others.
    """

    kind: OriginKind
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageOrigin:
        """Parse `auto`, `registry`, `docker`, `oci:PATH`, `oci-archive:PATH`, ...

        Raises:
            ValueError: with what was expected.
        """
        name, colon, path = text.partition(":")
        kind = next((kind for kind in OriginKind if kind == name), None)
        if kind is None:
            kinds = ", ".join(f"{kind}:PATH" if kind in _WITH_PATH else kind for kind in OriginKind)
            raise ValueError(f"expected one of {kinds}, found {text[:200]!r}")
        if (kind in _WITH_PATH) != bool(path) or (colon and not path):
            form = f"{kind}:PATH" if kind in _WITH_PATH else f"{kind} alone"
            raise ValueError(f"expected {form}, found {text[:200]!r}")
        return cls(kind, _printable(path))

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}" if self.path else str(self.kind)


def read_expiry(text: str) -> datetime:
    """Return the last moment of a date, or the moment of an RFC 3339 time, in UTC.

    Raises:
        ValueError: it is neither.
    """
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(f"{text}T23:59:59+00:00")
        if (match := _TIME.fullmatch(text)) is not None:
            moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3].upper()}")
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text} does not exist: {error}") from error
    raise ValueError(
        f"expected a date such as 2027-11-22 or a time such as 2027-11-22T12:00:00Z,"
        f" found {text[:100]!r}"
    )


def read_source(text: str) -> str:
    """Return the path of a file or folder below the app's folder, without `.` and doubled `/`.

    Raises:
        ValueError: it leads out of the folder, or is none.
    """
    _printable(text)
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(
            f"{text[:200]!r} leads out of the app's folder: move or copy the file into it"
        )
    if not path.parts or len(text) > MAX_PATH:
        raise ValueError(f"expected the path of a file, found {text[:200]!r}")
    return str(path)


def read_target(text: str) -> str:
    """Return the path of a file in the bundle, below `files/`.

    Raises:
        ValueError: no file of a bundle can be called so.
    """
    try:
        check_name(f"{FILES}{text}")
    except MalformedSums as error:
        raise ValueError(str(error).removeprefix(f"{SUMS}: ")) from error
    return text


def wrong(reason: str) -> PydanticCustomError:
    """Build the error of a field whose reason is complete."""
    return PydanticCustomError(WRONG, "{reason}", {"reason": reason})


def expected(what: str) -> PydanticCustomError:
    """Build the error of a field that holds another kind of value than `what`."""
    return PydanticCustomError(EXPECTED, "{what}", {"what": what})


def _text(what: str, read: Callable[[str], object]) -> BeforeValidator:
    """Return the check of a field that is written as text and read by `read`."""

    def check(value: Any) -> object:
        if not isinstance(value, str):
            raise expected(what)
        try:
            return read(value)
        except ValueError as error:
            raise wrong(str(error)) from error

    return BeforeValidator(check)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"holds a control character: {text[:200]!r}")
    return text


def _matching(adapter: TypeAdapter[str], what: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            return adapter.validate_python(text)
        except ValidationError as error:
            raise ValueError(f"expected {what}, found {text[:100]!r}") from error

    return read


def _image(text: str) -> str:
    Reference.parse(text)
    return text


_PRODUCT_WORDS = "a name of 1 to 64 of a-z 0-9 . _ -, beginning and ending with a letter or digit"
_VERSION_WORDS = "a version of 1 to 64 of A-Z a-z 0-9 . _ + -, beginning with a letter or digit"
_PRODUCT = TypeAdapter[str](Product)
_VERSION = TypeAdapter[str](Version)
_DIGEST_PATTERN = str(Digest("0" * 64)).replace("0" * 64, "[0-9a-f]{64}")
IMAGE_SCHEMA: Final = {
    "type": "string",
    "pattern": r"^([A-Za-z0-9.:\[\]-]+/)?[a-z0-9]([a-z0-9._/-]*[a-z0-9])?"
    rf"(:[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})?(@{_DIGEST_PATTERN})?$",
    "examples": ["nginx:1.25", "registry.example.org/team/app:1.4.0"],
}
SOURCE_SCHEMA: Final = {
    "type": "string",
    "pattern": r"^(?!/)(?!(.*/)?\.\.(/|$)).+$",
    "examples": ["compose.yaml"],
}

ProductText = Annotated[
    str,
    _text("the product's name as text", _matching(_PRODUCT, _PRODUCT_WORDS)),
    WithJsonSchema(_PRODUCT.json_schema()),
]
VersionText = Annotated[
    str,
    _text("a version as text", _matching(_VERSION, _VERSION_WORDS)),
    WithJsonSchema(_VERSION.json_schema()),
]
ImageText = Annotated[
    str, _text("an image such as nginx:1.25", _image), WithJsonSchema(IMAGE_SCHEMA)
]
PlatformText = Annotated[
    Platform,
    _text("a platform such as linux/amd64", Platform.parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?$",
            "examples": ["linux/amd64", "linux/arm64", "linux/arm/v7"],
        }
    ),
]
OriginText = Annotated[
    ImageOrigin,
    _text("where the image comes from, as text", ImageOrigin.parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(auto|registry|docker|(oci|oci-archive|docker-archive):.+)$",
            "examples": ["auto", "registry", "docker", "oci-archive:images/app.tar"],
        }
    ),
]
ExpiryText = Annotated[
    datetime,
    _text("a date such as 2027-11-22", read_expiry),
    PlainSerializer(instant_text, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^({_DATE.pattern}|{_TIME.pattern})$",
            "examples": ["2027-11-22", "2027-11-22T12:00:00Z"],
        }
    ),
]
SourceText = Annotated[str, _text("a file's path", read_source), WithJsonSchema(SOURCE_SCHEMA)]
TargetText = Annotated[
    str,
    _text("a path in the bundle", read_target),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^{_COMPONENT}(/{_COMPONENT})*$",
            "examples": ["nginx/nginx.conf"],
        }
    ),
]
