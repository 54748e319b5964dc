"""Image references: registry/repository[:tag][@digest].

Grammar: OCI distribution-spec ("Pulling manifests") for repositories and tags, and Docker's rules
for what a short name means: `nginx` is `docker.io/library/nginx:latest`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from manifests.digest import Digest, MalformedDigest
from manifests.errors import MalformedInput

MAX_LENGTH: Final = 255
"""Characters of registry and repository together (distribution-spec)."""

DEFAULT_REGISTRY: Final = "docker.io"
DEFAULT_TAG: Final = "latest"

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_IMAGE_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?", re.ASCII
)


class MalformedReference(MalformedInput):
    """A text that is not an image reference."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__("reference-malformed", f"{text[:300]!r} is not an image: {reason}")


@dataclass(frozen=True, slots=True)
class Reference:
    """One image as a registry knows it.

    Attributes:
        registry: host[:port], `docker.io` when none was written.
        repository: path in the registry, `library/` added for Docker Hub's official images.
        tag: None when the reference has only a digest.
        digest: of the manifest or index; None when only a tag was written.
    """

    registry: str
    repository: str
    tag: str | None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse a reference as people write it.

        Raises:
            MalformedReference: with the part that is wrong.
        """
        name, at, digest_text = text.partition("@")
        digest = _parse_digest(text, digest_text) if at else None
        name, tag = _split_tag(name)
        registry, repository = _split_registry(name)
        _check(text, registry, repository, tag)
        if tag is None and digest is None:
            tag = DEFAULT_TAG
        return cls(registry, repository, tag, digest)

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def tagged(self) -> str | None:
        """`registry/repository:tag`, or None without a tag."""
        return f"{self.name}:{self.tag}" if self.tag else None

    def at(self, digest: Digest) -> str:
        """Return `registry/repository@digest`."""
        return f"{self.name}@{digest}"

    @property
    def familiar(self) -> str:
        """The short form that Docker shows: `nginx:1.25`."""
        if self.registry != DEFAULT_REGISTRY:
            return str(self)
        for name in (self.repository.removeprefix("library/"), self.repository):
            if _split_registry(name) == (self.registry, self.repository):
                return f"{name}{self._suffix}"
        return str(self)

    @property
    def _suffix(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{tag}@{self.digest}" if self.digest else tag

    def __lt__(self, other: Reference) -> bool:
        return str(self) < str(other)

    def __str__(self) -> str:
        return f"{self.name}{self._suffix}"


def _parse_digest(text: str, digest: str) -> Digest:
    try:
        return Digest.parse(digest)
    except MalformedDigest as error:
        raise MalformedReference(text, str(error)) from error


def _split_tag(name: str) -> tuple[str, str | None]:
    head, colon, tail = name.rpartition(":")
    if not colon or "/" in tail:
        return name, None
    return head, tail


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    is_host = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if slash and is_host:
        registry, repository = first, rest
    else:
        registry, repository = DEFAULT_REGISTRY, name
    if registry == "index.docker.io":
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository


def _check(text: str, registry: str, repository: str, tag: str | None) -> None:
    if not _REGISTRY.fullmatch(registry):
        raise MalformedReference(text, f"{registry!r} is not a registry's host[:port]")
    if not _REPOSITORY.fullmatch(repository):
        shown = repository.removeprefix("library/")
        raise MalformedReference(
            text, f"{shown!r} is not a repository (lower-case letters, digits, . _ - and /)"
        )
    if _IMAGE_ID.fullmatch(repository.removeprefix("library/")):
        raise MalformedReference(text, "an image ID is no name that a registry could know")
    if len(registry) + 1 + len(repository) > MAX_LENGTH:
        raise MalformedReference(text, f"longer than {MAX_LENGTH} characters")
    if tag is not None and not _TAG.fullmatch(tag):
        raise MalformedReference(text, f"{tag!r} is not a tag")
