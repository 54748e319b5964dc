"""Of which kind a file is: by its name where that is a convention, else by what it holds.

One file at a time, on its text; how files belong together is for `detect`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bundler.discover.jsontext import MalformedJsonText, load
from bundler.discover.slurm.source import SCRIPT_LIMIT, is_script
from manifests.reference import MalformedReference, Reference
from manifests.yaml.node import Node

MAX_LIST: Final = 64 * 1024
"""Characters of a text file that may be a list of images."""


class Kind(StrEnum):
    """Kinds of files, by the keys of `sources:`."""

    COMPOSE = "compose"
    KUBERNETES = "kubernetes"
    KUSTOMIZE = "kustomize"
    HELM = "helm"
    MARATHON = "marathon"
    DOCKERFILE = "dockerfile"
    SLURM = "slurm"
    LIST = "list"


_COMPOSE: Final = re.compile(r"(?:docker-)?compose(?:[._-].+)?\.ya?ml", re.IGNORECASE)
_DOCKERFILE: Final = re.compile(
    r"(?:dockerfile|containerfile)(?:[._-].+)?|.+\.(?:dockerfile|containerfile)", re.IGNORECASE
)
_NO_DOCKERFILE: Final = (".dockerignore", ".md", ".txt", ".orig", ".bak", "~")
_KUSTOMIZATIONS: Final = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_LIST: Final = re.compile(r".*images?.*\.(?:txt|list|lst)|images?", re.IGNORECASE)
_DOCUMENTS: Final = (".yaml", ".yml", ".json")
_SCRIPTS: Final = frozenset(
    """.bash .batch .cmd .csh .job .jl .ksh .pl .py .r .run .sbatch .sh .slurm .srun .sub .submit
    .tcsh .zsh""".split()  # noqa: SIM905 - read as prose
)
_KUBERNETES: Final = (
    re.compile(r"""^["']?apiVersion["']?[ ]*:[ ]*["']?[\w./-]""", re.MULTILINE),
    re.compile(r"""^["']?kind["']?[ ]*:[ ]*["']?[A-Z]""", re.MULTILINE),
)
_KUBERNETES_JSON: Final = (
    re.compile(r'"apiVersion"\s{0,99}:\s{0,99}"'),
    re.compile(r'"kind"\s{0,99}:\s{0,99}"[A-Z]'),
)
_SERVICES: Final = (
    re.compile(r"^services:[ \t]*(?:#.*)?$", re.MULTILINE),
    re.compile(r"^[ \t]+(?:image|build):", re.MULTILINE),
)
_CONTAINERS: Final = re.compile(
    r"--container-image|\benroot[ \t]+import\b|\bshifter\b[^\n]{0,300}--image"
    r"|\b(?:docker|podman|nerdctl|nvidia-docker2?|podman-hpc)\b[^\n|;]{0,300}"
    r"[ \t](?:run|create|pull)\b"
    r"|\b(?:apptainer|singularity)\b[^\n|;]{0,300}[ \t](?:exec|run|shell|pull|build|instance)\b"
)
_MARATHON_KEYS: Final = frozenset({"container", "containers", "apps", "groups", "pods"})


def by_name(path: str) -> Kind | None:
    """Return the kind of a file whose name tells it."""
    name = posixpath.basename(path)
    if _COMPOSE.fullmatch(name):
        return Kind.COMPOSE
    if name == "Chart.yaml":
        return Kind.HELM
    if name in _KUSTOMIZATIONS:
        return Kind.KUSTOMIZE
    if _DOCKERFILE.fullmatch(name) and not name.lower().endswith(_NO_DOCKERFILE):
        return Kind.DOCKERFILE
    return None


def is_candidate(path: str) -> bool:
    """Tell whether a file may be of a kind that its text tells."""
    name = posixpath.basename(path)
    ending = posixpath.splitext(name)[1].lower()
    return ending in ("", *_DOCUMENTS) or ending in _SCRIPTS or bool(_LIST.fullmatch(name))


def by_text(path: str, text: str) -> Kind | None:
    """Return the kind of a file by what it holds."""
    if path.endswith(_DOCUMENTS):
        return _document(path, text)
    if is_script(text):
        return Kind.SLURM if _CONTAINERS.search(text, 0, SCRIPT_LIMIT) else None
    return Kind.LIST if _LIST.fullmatch(posixpath.basename(path)) and _is_list(text) else None


def _document(path: str, text: str) -> Kind | None:
    is_json = path.endswith(".json")
    if all(pattern.search(text) for pattern in (_KUBERNETES_JSON if is_json else _KUBERNETES)):
        return Kind.KUBERNETES
    if is_json:
        return Kind.MARATHON if _is_marathon(text) else None
    if all(pattern.search(text) for pattern in _SERVICES):
        return Kind.COMPOSE
    return None


def _is_marathon(text: str) -> bool:
    if not any(f'"{key}"' in text for key in _MARATHON_KEYS):
        return False
    try:
        root = load(text.encode())
    except MalformedJsonText:
        return False
    nodes = root.value if isinstance(root.value, tuple) else (root,)
    return any(map(_is_marathon_object, nodes[:1]))


def _is_marathon_object(node: Node) -> bool:
    """Tell whether an object has an ID and what apps, pods or groups have."""
    value = node.value
    if not isinstance(value, Mapping) or _MARATHON_KEYS.isdisjoint(value):
        return False
    if "id" in value:
        return isinstance(value["id"].node.value, str)
    apps = value["apps"].node.value if "apps" in value else ()
    return isinstance(apps, tuple) and any(map(_is_marathon_object, apps[:1]))


def _is_list(text: str) -> bool:
    """Tell whether every line is a reference, with a tag or digest at least once."""
    if len(text) > MAX_LIST:
        return False
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    names = [line.removeprefix("docker://") for line in lines if line]
    try:
        references = [Reference.parse(name) for name in names]
    except MalformedReference:
        return False
    return any(one.tag != "latest" or one.digest for one in references)
