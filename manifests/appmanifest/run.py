"""`run:` and `prune:` of `app.yaml`: what runs of an app, and what may be removed once it does.

Owns their keys. What Compose files, Marathon documents and services say is for the building side,
`bundler.run`; services are kept here as they stand.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from manifests.appmanifest.fields import expected, wrong
from manifests.appmanifest.problems import nearest_key
from manifests.appmanifest.sourceentry import COMPOSE_NAME, KINDS
from manifests.appmanifest.sources import MorePaths, Paths, Text, Texts, Variables
from manifests.documents import Part
from manifests.durations import DURATION_PATTERN, whole_seconds
from manifests.prunerules.policy import DEFAULT_GRACE_SECONDS, DEFAULT_KEEP_RELEASES, PrunePolicy
from manifests.runspec import PROJECT_PATTERN, Selftest

_RUNNABLE: Final = ("compose", "marathon", "services")
_OF_COMPOSE: Final = frozenset({"profiles", "environment", "env_files"})
_OF_SERVICES: Final = frozenset({"networks", "volumes", "secrets", "configs"})
_SHORT: Final = {"type": "string", "pattern": f"^(?!/)({COMPOSE_NAME})$"}
_SELFTESTS: Final[tuple[Selftest, ...]] = ("required", "warn", "off")


def _duration(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value != 0:
        raise wrong(f"expected a time with its unit, found {value}: write {value}s")
    if not isinstance(value, str) and value != 0:
        raise expected("a time such as 90s, 5m or 72h")
    try:
        return whole_seconds(str(value))
    except ValueError as error:
        raise wrong(str(error)) from error


def _selftest(value: Any) -> Any:
    """Take `off`, which YAML reads as false, for what its writer meant."""
    value = "off" if value is False else value
    if value not in _SELFTESTS:
        raise expected(f"one of {', '.join(_SELFTESTS)}")
    return value


def _project(value: Any) -> Any:
    if not isinstance(value, str):
        raise expected("the project's name as text")
    if re.fullmatch(PROJECT_PATTERN, value) is None:
        raise wrong(
            f"expected a project name of 1 to 63 of a-z 0-9 _ -, beginning with a letter or digit,"
            f" found {value[:100]!r}"
        )
    return value


def _exclude(value: Any) -> Any:
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == "/":
        try:
            re.compile(value[1:-1])
        except re.error as error:
            raise wrong(f"{value[:100]} is no regular expression: {error}") from error
    return value


def _section(value: Any) -> Any:
    if not isinstance(value, dict):
        raise expected("a mapping")
    return value


Duration = Annotated[
    int,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["5m", "72h"]}),
]
SelftestText = Annotated[
    Selftest,
    BeforeValidator(_selftest),
    WithJsonSchema({"enum": [*_SELFTESTS, False]}),
]
ProjectText = Annotated[
    str,
    BeforeValidator(_project),
    WithJsonSchema({"type": "string", "pattern": PROJECT_PATTERN}),
]
Section = Annotated[dict[str, Any], BeforeValidator(_section), WithJsonSchema({"type": "object"})]
Exclude = Annotated[Text, BeforeValidator(_exclude), Field(max_length=1024)]


class AppRun(Part):
    """What runs of the app: Compose files, Marathon documents, or services written here.

    Attributes:
        compose: the files, as in `sources`.
        marathon: the files, as in `sources`.
        services: as under `services:` of a Compose file.
        networks, volumes, secrets, configs: beside them, as in a Compose file.
        profiles: that are active; those of the same files in `sources` when absent.
        environment: variables; those of the same files in `sources` when absent.
        env_files: instead of `.env`; those of the same files in `sources` when absent.
        project: prefix of names on the host; the Compose project's or the product's when absent.
        deadline: seconds in which all must be healthy.
        settle: seconds that a service without a health check must run.
        selftest: whether a failed self-test keeps a release from being started.
    """

    compose: Paths | None = Field(None, description="Compose files, the later ones over the first.")
    marathon: Paths | None = Field(None, description="Marathon's JSON files, and folders of them.")
    services: Section | None = Field(
        None, description="Services by name, as under `services:` of a Compose file."
    )
    networks: Section | None = Field(None, description="Networks, as in a Compose file.")
    volumes: Section | None = Field(None, description="Volumes, as in a Compose file.")
    secrets: Section | None = Field(None, description="Secrets, as in a Compose file.")
    configs: Section | None = Field(None, description="Configs, as in a Compose file.")
    profiles: Texts = Field((), description="Active profiles; '*' for all.")
    environment: Variables = Field({}, description="Variables; they win over .env.")
    env_files: MorePaths = Field((), description="Files of variables instead of .env.")
    project: ProjectText | None = Field(
        None, description="Prefix of the names of containers, networks and volumes on the host."
    )
    deadline: Duration = Field(
        300,
        json_schema_extra={"default": "5m"},
        description="In which all must be healthy after a start.",
    )
    settle: Duration = Field(
        3,
        json_schema_extra={"default": "3s"},
        description="How long a service without a health check must run to count as started.",
    )
    selftest: SelftestText | None = Field(
        None,
        description="Whether a failed self-test keeps a release from being started: required where"
        " the bundle has the self-test's image or the app asks for GPUs, else off.",
    )

    @property
    def files(self) -> tuple[str, ...]:
        """The files that say what runs; none where services stand here."""
        return self.compose or self.marathon or ()

    @model_validator(mode="before")
    @classmethod
    def _of_one_kind(cls, value: Any) -> Any:
        if isinstance(value, str):
            return _from_path(value)
        if not isinstance(value, dict):
            raise expected(f"a mapping with one of the keys {', '.join(_RUNNABLE)}")
        for kind in value.keys() & (KINDS.keys() - {"compose", "marathon"}):
            raise wrong(
                f"{kind} can't be run on one machine by its container engine: expected one of the"
                f" keys {', '.join(_RUNNABLE)}; list the files in `sources` to carry their images"
            )
        kinds = [kind for kind in _RUNNABLE if value.get(kind) is not None]
        if len(kinds) != 1:
            unknown = next((str(key) for key in value if key not in cls.model_fields), "")
            if unknown and not kinds:
                raise wrong(f"unknown key {nearest_key(unknown, list(cls.model_fields))}")
            found = " and ".join(kinds) or "none"
            raise wrong(f"expected one of the keys {', '.join(_RUNNABLE)}, found {found}")
        return value

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        misfits = _OF_COMPOSE if self.marathon else frozenset()
        misfits |= _OF_SERVICES if self.services is None else frozenset()
        if found := sorted(self.model_fields_set & misfits):
            kind = "marathon" if self.marathon else "compose"
            raise wrong(f"{', '.join(found)} can't stand beside {kind}: write it in its files")
        if "-" in self.files:
            raise wrong("expected files: what runs can't be read from the standard input")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of both forms."""
        long = handler(schema)
        about = str(long.pop("description", "")).partition("\n")[0]
        long["oneOf"] = [{"required": [kind]} for kind in _RUNNABLE]
        return {"description": about, "anyOf": [_SHORT, long]}


def _from_path(path: str) -> dict[str, str]:
    if re.fullmatch(COMPOSE_NAME, path) is None:
        raise wrong(
            f"{path[:200]!r} does not say what it is:"
            f" write {{compose: {path[:200]}}} or {{marathon: {path[:200]}}}"
        )
    return {"compose": path}


class AppPrune(Part):
    """What may be removed from the host once a release runs there.

    Attributes:
        grace: seconds for which something must have been unused.
        keep_releases: how many releases of the product stay.
        keep_images: how many images of each repository stay.
        exclude: images and containers that stay.
        dangling: whether layers and images without a name go.
        containers: whether containers that have ended go.
        volumes: whether volumes that nothing uses go.
    """

    grace: Duration = Field(
        DEFAULT_GRACE_SECONDS,
        json_schema_extra={"default": "1h"},
        description="For how long something must have been unused.",
    )
    keep_releases: Annotated[int, Field(ge=2, le=1000)] = Field(
        DEFAULT_KEEP_RELEASES,
        alias="keep-releases",
        description="Releases of the product that stay, the current and previous one among them.",
    )
    keep_images: Annotated[int, Field(ge=0, le=10_000)] = Field(
        0, alias="keep-images", description="Images of each repository that stay, newest first."
    )
    exclude: Annotated[tuple[Exclude, ...], Field(max_length=1000, strict=False)] = Field(
        (),
        description="What stays: globs, /regular expressions/, IDs, digests, label=NAME[=VALUE].",
    )
    dangling: bool = Field(True, description="Whether images without a name go.")  # noqa: FBT003
    containers: bool = Field(True, description="Whether ended containers go.")  # noqa: FBT003
    volumes: bool = Field(
        False,  # noqa: FBT003 - a field's default
        description="Whether volumes that nothing uses go; never those of an app.",
    )

    def policy(self) -> PrunePolicy:
        """Return it as hosts follow it."""
        return PrunePolicy(
            grace_seconds=self.grace,
            keep_releases=self.keep_releases,
            keep_images=self.keep_images,
            exclude=self.exclude,
            dangling=self.dangling,
            containers=self.containers,
            volumes=self.volumes,
        )
