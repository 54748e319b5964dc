"""The `sources:` of `app.yaml`: the files that name the app's images, by their kind.

Owns the options of each kind. What the files say is for `bundler.discover`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from manifests.appmanifest.fields import expected, wrong
from manifests.documents import Part

MAX_PATHS: Final = 1000
MAX_VARIABLES: Final = 1000
MAX_TEXT: Final = 4096


def _several(value: Any) -> Any:
    """Return one path as a list of one."""
    return [value] if isinstance(value, str) else value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise expected("text")
    if not value or len(value) > MAX_TEXT or not value.isprintable():
        raise wrong(f"expected text of 1 to {MAX_TEXT} printable characters")
    return value


def _relative(path: str) -> str:
    if path.startswith("/"):
        raise wrong("expected a path relative to this file, found an absolute one")
    return path


_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
_PATH: Final = {**_TEXT, "pattern": "^[^/]"}


def _one_or_list(item: dict[str, Any], least: int) -> WithJsonSchema:
    several = {"type": "array", "items": item, "minItems": least, "maxItems": MAX_PATHS}
    return WithJsonSchema({"anyOf": [item, several]})


Text = Annotated[str, BeforeValidator(_text), WithJsonSchema(_TEXT)]
SourcePath = Annotated[Text, AfterValidator(_relative), WithJsonSchema(_PATH)]
Paths = Annotated[
    tuple[SourcePath, ...],
    BeforeValidator(_several),
    Field(min_length=1, max_length=MAX_PATHS, strict=False),
    _one_or_list(_PATH, 1),
]
MorePaths = Annotated[
    tuple[SourcePath, ...],
    BeforeValidator(_several),
    Field(max_length=MAX_PATHS, strict=False),
    _one_or_list(_PATH, 0),
]
Texts = Annotated[
    tuple[Text, ...],
    BeforeValidator(_several),
    Field(max_length=MAX_PATHS, strict=False),
    _one_or_list(_TEXT, 0),
]
Variables = Annotated[dict[str, str], Field(max_length=MAX_VARIABLES)]


class ComposeSource(Part):
    """Docker Compose files, merged in this order as `docker compose -f` does.

    Attributes:
        compose: the files.
        profiles: that are active; `*` for all.
        environment: variables that win over the process's own and `.env`.
        env_files: instead of `.env` beside the first file.
        project: name; that of the file, or of the folder, when empty.
        bases: whether images that services are built from are wanted too.
    """

    compose: Paths = Field(description="Compose files, the later ones merged over the first.")
    profiles: Texts = Field((), description="Active profiles; '*' for all.")
    environment: Variables = Field(
        {}, description="Variables; they win over the process's own and .env."
    )
    env_files: MorePaths = Field((), description="Files of variables instead of .env.")
    project: str = Field("", description="Project name; the folder's when absent.")
    bases: bool = Field(
        False,  # noqa: FBT003 - a field's default
        description="Whether images that services are built from are wanted too.",
    )


class KubernetesSource(Part):
    """Kubernetes documents, YAML or JSON; a folder stands for all such files below it.

    Attributes:
        kubernetes: files and folders; `-` is the standard input.
        image_paths: where custom resources name images: `Kind:spec.a.image`, or
            `spec.containers[].image` for any kind.
    """

    kubernetes: Paths = Field(description="YAML and JSON files, and folders of them.")
    image_paths: Texts = Field(
        (), description="Where custom resources name images, such as Widget:spec.image."
    )


class KustomizeSource(Part):
    """A folder with a kustomization, rendered by `kustomize build` or `kubectl kustomize`.

    Attributes:
        kustomize: the folder.
        image_paths: as in `KubernetesSource`.
    """

    kustomize: SourcePath = Field(description="Folder with a kustomization.")
    image_paths: Texts = Field(
        (), description="Where custom resources name images, such as Widget:spec.image."
    )


class HelmSource(Part):
    """A chart, rendered by `helm template`.

    Attributes:
        helm: folder or `.tgz` of the chart.
        values: files, the later ones win.
        set: single values, as `--set-string`.
        release: name of the release.
        namespace: that templates see.
        kube_version: that templates see; helm's own when empty.
        api_versions: that templates see beside helm's own.
        image_paths: as in `KubernetesSource`.
    """

    helm: SourcePath = Field(description="Folder or .tgz of a chart.")
    values: MorePaths = Field((), description="Values files, the later ones win.")
    set: Variables = Field({}, description="Single values, as with --set-string.")
    release: Text = Field("release-name", description="Name of the release.")
    namespace: Text = Field("default", description="Namespace that templates see.")
    kube_version: str = Field("", description="Kubernetes version that templates see.")
    api_versions: Texts = Field((), description="API versions that templates see.")
    image_paths: Texts = Field(
        (), description="Where custom resources name images, such as Widget:spec.image."
    )


class MarathonSource(Part):
    """Marathon (DC/OS) apps, groups and pods in JSON.

    Attributes:
        marathon: files and folders; `-` is the standard input.
    """

    marathon: Paths = Field(description="JSON files of apps, groups and pods, and folders of them.")


class DockerfileSource(Part):
    """Dockerfiles: the images that a build starts from.

    Attributes:
        dockerfile: files.
        args: build arguments, as `--build-arg`.
        target: stage that is built; the last one when empty.
    """

    dockerfile: Paths = Field(description="Dockerfiles.")
    args: Variables = Field({}, description="Build arguments, as with --build-arg.")
    target: str = Field("", description="Stage that is built; the last one when absent.")


class SlurmSource(Part):
    """Batch scripts that start containers.

    Attributes:
        slurm: files and folders; `-` is the standard input.
        environment: variables that the scripts expect from outside.
    """

    slurm: Paths = Field(description="Batch scripts, and folders of them.")
    environment: Variables = Field(
        {}, description="Variables that the scripts expect from outside."
    )


class ListSource(Part):
    """One reference a line.

    Attributes:
        list: files; `-` is the standard input.
    """

    list: Paths = Field(description="Files with one reference a line; '-' is standard input.")


Source: TypeAlias = (
    ComposeSource
    | KubernetesSource
    | KustomizeSource
    | HelmSource
    | MarathonSource
    | DockerfileSource
    | SlurmSource
    | ListSource
)
