"""The images that services are built from: each build's Dockerfile, found and handed on.

Owns what Compose says of a build. What a Dockerfile says is for `bundler.discover.dockerfile`.

Source: Compose Build Specification; BuildKit's "Named contexts".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, Protocol

from bundler.discover.compose.files import Files, Wanted
from bundler.discover.compose.notes import Notes
from bundler.discover.compose.service import Service, platform_of
from bundler.discover.compose.shape import is_remote
from bundler.discover.compose.tree import Value
from bundler.discover.folder import join
from bundler.discover.found import Found, Mention, Place, joined
from manifests.reference import MalformedReference, Reference

DOCKERFILE_LIMIT: Final = 1024 * 1024
"""Bytes of one Dockerfile."""
_IMAGE_CONTEXT: Final = "docker-image://"


class ReadDockerfile(Protocol):
    """What tells the images of a Dockerfile; `bundler.discover.dockerfile.discover_text`."""

    def __call__(self, text: bytes, file: str, args: Mapping[str, str], target: str) -> Found:
        """Return what the Dockerfile tells."""
        ...


class Builds:
    """Reads the Dockerfiles of services.

    Args:
        files: of the source.
        variables: that build arguments without a value take theirs from.
        notes: where problems are told.
        read: tells what a Dockerfile says.
    """

    def __init__(
        self, files: Files, variables: Mapping[str, str], notes: Notes, read: ReadDockerfile
    ) -> None:
        self._files = files
        self._variables = variables
        self._notes = notes
        self._read = read

    def bases(self, service: Service) -> Found:
        """Return the images that a service is built from; nothing for one that is not built.

        Raises:
            Refused: the Dockerfile can't be read, which was told.
        """
        build = service.build
        if build is None:
            return Found()
        target = build.at("target")
        inline = build.at("dockerfile_inline")
        args, stage = self._args(build), target.text if target is not None else ""
        if inline is not None and inline.text:
            found = self._read(inline.text.encode(), inline.place.file, args, stage)
            found = _shifted(found, inline)
        else:
            wanted = self._dockerfile(build, service)
            found = self._read(self._files.read(wanted, DOCKERFILE_LIMIT), wanted.path, args, stage)
        contexts = dict(_contexts(build))
        platform = platform_of(service, self._notes)
        told = (
            _renamed(replace(one, platform=one.platform or platform), service.by, contexts)
            for one in found.mentions
        )
        return replace(found, mentions=tuple(one for one in told if one is not None))

    def _dockerfile(self, build: Value, service: Service) -> Wanted:
        context, name = build.at("context"), build.at("dockerfile")
        place = name.place if name is not None else context.place if context else build.place
        folder = context.text if context is not None else "."
        if is_remote(folder):
            raise self._notes.refuse(
                place,
                "compose-build",
                f"expected the build of {service.by} in a folder, found {folder}",
                "name what it is built from in a list file, or leave out `bases: true`",
            )
        path = name.text if name is not None and name.text else "Dockerfile"
        return Wanted(join(folder, path), place)

    def _args(self, build: Value) -> dict[str, str]:
        args = build.at("args")
        found: dict[str, str] = {}
        for name, value in args.entries if args is not None else ():
            self._notes.spend(value.place)
            text = value.text if value.content is not None else self._variables.get(name)
            found.update({name: text} if text is not None else {})
        return found


def _contexts(build: Value) -> Iterator[tuple[str, Value]]:
    contexts = build.at("additional_contexts")
    return contexts.entries if contexts is not None else iter(())


def _renamed(mention: Mention, by: str, contexts: Mapping[str, Value]) -> Mention | None:
    """Return a base as Compose has it built; None where another context takes its place."""
    mine = replace(mention, by=f"build of {by}, {mention.by}")
    for name, context in contexts.items():
        if not _same_image(name, mention.written):
            continue
        if not context.text.startswith(_IMAGE_CONTEXT):
            return None
        image = context.text.removeprefix(_IMAGE_CONTEXT)
        return replace(mine, written=image, place=context.place)
    return mine


def _same_image(name: str, written: str) -> bool:
    """Tell whether a named context stands for what a Dockerfile names."""
    if name == written:
        return True
    try:
        return Reference.parse(name) == Reference.parse(written)
    except MalformedReference:
        return False


def _shifted(found: Found, inline: Value) -> Found:
    """Return what an inline Dockerfile told, with the lines of the file that it stands in."""
    block = 0 if "\n" in inline.text else -1

    def move(place: Place) -> Place:
        return Place(place.file, place.line + inline.place.line + block, 1)

    return replace(
        joined((found,)),
        mentions=tuple(replace(one, place=move(one.place)) for one in found.mentions),
        problems=tuple(replace(one, place=move(one.place)) for one in found.problems),
        remarks=tuple(replace(one, place=move(one.place)) for one in found.remarks),
    )
