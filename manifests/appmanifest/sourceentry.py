"""An entry of `sources:` in both its forms: a mapping with one kind's key, or a path alone.

Finds out the kind; the options of each are in `appsources`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Discriminator, GetJsonSchemaHandler, Tag
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from manifests.appmanifest.fields import expected, wrong
from manifests.appmanifest.problems import nearest_key
from manifests.appmanifest.sources import (
    ComposeSource,
    DockerfileSource,
    HelmSource,
    KubernetesSource,
    KustomizeSource,
    ListSource,
    MarathonSource,
    SlurmSource,
)
from manifests.documents import Part

MAX_SOURCES: Final = 1000
KINDS: Final[Mapping[str, type[Part]]] = {
    "compose": ComposeSource,
    "kubernetes": KubernetesSource,
    "kustomize": KustomizeSource,
    "helm": HelmSource,
    "marathon": MarathonSource,
    "dockerfile": DockerfileSource,
    "slurm": SlurmSource,
    "list": ListSource,
}
"""Each kind by the key that makes an entry one of it."""

COMPOSE_NAME: Final = r"(.*/)?(docker-)?(compose|stack)([._-][^/]*)?\.ya?ml"
_DOCKERFILE_NAME = r"(.*/)?((Dockerfile|Containerfile)([._-][^/]*)?|[^/]*\.[Dd]ockerfile)"
_PLAIN_NAMES: Final = {
    "compose": re.compile(COMPOSE_NAME),
    "dockerfile": re.compile(_DOCKERFILE_NAME),
}
"""Names that say of what kind a file is; any other needs the key."""
_SHORT_SCHEMA: Final = {
    "type": "string",
    "pattern": f"^(?!/)({COMPOSE_NAME}|{_DOCKERFILE_NAME})$",
    "examples": ["compose.yaml", "web/Dockerfile"],
}


def _long_form(value: Any) -> Any:
    """Return an entry with its kind as a key."""
    if isinstance(value, str):
        return {_kind_of_name(value): value}
    if not isinstance(value, dict):
        raise expected(f"a mapping with one of the keys {', '.join(KINDS)}")
    kinds = [key for key in value if key in KINDS]
    if not kinds:
        unknown = next(iter(value), "")
        raise wrong(
            f"expected one of the keys {', '.join(KINDS)}"
            if not unknown
            else f"of no known kind: unknown key {nearest_key(unknown, list(KINDS))}"
        )
    if len(kinds) > 1:
        raise wrong(f"expected one kind, found {' and '.join(kinds)}: make an entry of each")
    return value


def _kind_of_name(path: str) -> str:
    for kind, names in _PLAIN_NAMES.items():
        if names.fullmatch(path):
            return kind
    raise wrong(
        f"{path[:200]!r} does not say what it is:"
        f" write {{KIND: {path[:200]}}}, KIND one of {', '.join(KINDS)}"
    )


def _kind(value: Any) -> str | None:
    """Return what an entry is, which `_long_form` made sure of."""
    if isinstance(value, dict):
        return next((key for key in value if key in KINDS), None)
    return next((key for key, kind in KINDS.items() if isinstance(value, kind)), None)


class _BothForms:
    """Adds the short form to the schema of an entry."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "description": "Files that name images; a Compose file or Dockerfile needs no key.",
            "anyOf": [_SHORT_SCHEMA, handler(schema)],
        }


SourceEntry = Annotated[
    Annotated[ComposeSource, Tag("compose")]
    | Annotated[KubernetesSource, Tag("kubernetes")]
    | Annotated[KustomizeSource, Tag("kustomize")]
    | Annotated[HelmSource, Tag("helm")]
    | Annotated[MarathonSource, Tag("marathon")]
    | Annotated[DockerfileSource, Tag("dockerfile")]
    | Annotated[SlurmSource, Tag("slurm")]
    | Annotated[ListSource, Tag("list")],
    Discriminator(_kind),
    BeforeValidator(_long_form),
    _BothForms(),
]
"""One source, in either form."""
