"""`command` and `entrypoint`, `environment`, `env_file`, and the texts of labels, of a service.

Source: Compose specification, "command", "entrypoint", "environment", "env_file", "label_file".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bundler.discover.compose.env import ENV_FILE_LIMIT, Known, parse_env
from bundler.discover.compose.files import Files, Wanted
from bundler.discover.compose.service import Service
from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected
from bundler.discover.folder import join
from bundler.run.scalars import items, text_of, truth
from bundler.run.scene import Scene, check_keys, entry, looks_secret
from bundler.run.words import Command, MalformedCommand, cut, cut_template
from manifests.interpolation import MalformedInterpolation, escaped, interpolate
from manifests.serviceinputs import EnvironmentFile, EnvironmentValue, Setting, is_beneath

_FILE_KEYS = frozenset({"path", "required", "format"})


def command_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return what is run: an empty `entrypoint` clears the image's.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    found: dict[str, object] = {}
    entrypoint, command = entry(service.value, "entrypoint"), entry(service.value, "command")
    if entrypoint is not None:
        found["entrypoint"] = words(scene, entrypoint, service.by) or ("",)
    if command is not None:
        found["command"] = words(scene, command, service.by) or None
    return found


def words(scene: Scene, value: Value, by: str) -> tuple[str, ...]:
    """Return a command's words as templates.

    Raises:
        Unexpected: no command.
    """
    if isinstance(value.content, tuple):
        return tuple(scene.template(one, "a word") for one in value.content)
    text = text_of(value, "a command")
    try:
        filled = cut(text)
        cut_written = _written_words(value, filled)
    except MalformedCommand as error:
        raise Unexpected(value, f"a command, {str(error).removeprefix('expected ')}") from error
    if filled.rest:
        scene.notes.remark(
            value.place,
            f"{by}: {filled.rest[:60]!r} is not run, as with Docker Compose:"
            " write sh -c '...' to have a shell",
        )
    if cut_written is None:
        scene.remark(value, f"{by}: variables of a command that are no whole words are filled in")
        return tuple(map(escaped, filled.words))
    return tuple(
        scene.template(replace(value, content=word, written=template), "a word")
        for word, template in zip(filled.words, cut_written, strict=True)
    )


def _written_words(value: Value, filled: Command) -> tuple[str, ...] | None:
    """Return the words with their variables; None where a variable stands for several or none."""
    if not isinstance(value.content, str):
        return tuple(map(escaped, filled.words))
    try:
        written = cut_template(value.written).words
        made = tuple(interpolate(word, value.origin.variables).text for word in written)
    except (MalformedInterpolation, MalformedCommand):
        return None
    return written if made == filled.words else None


def environment_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return the variables of a service, and the files that hold more.

    Raises:
        Unexpected, Refused: they can't be read.
    """
    variables = entry(service.value, "environment")
    return {
        "environment_files": tuple(_files(scene, service)),
        "environment": tuple(
            _variable(scene, name, value, service.by)
            for name, value in (variables.entries if variables is not None else ())
            if name
        ),
    }


def _variable(scene: Scene, name: str, value: Value, by: str) -> EnvironmentValue:
    if value.content is None:
        return EnvironmentValue(name=name, value=scene.handed_on(name, value))
    text = scene.template(value, f"a value of {name}")
    if text and "$" not in text and looks_secret(name):
        scene.notes.remark(
            value.place,
            f"{by}: the value of {name} goes into the bundle as it stands here:"
            f" write ${{{name}:?}} to have it set on the host",
        )
    return EnvironmentValue(name=name, value=text)


def _files(scene: Scene, service: Service) -> Iterator[EnvironmentFile]:
    for item in items(service.value.at("env_file")):
        if isinstance(item.content, Mapping):
            check_keys(scene, item, f"env_file of {service.by}", dict.fromkeys(_FILE_KEYS))
        path, required = entry(item, "path"), entry(item, "required")
        kind = entry(item, "format")
        where = path or item
        written = scene.fixed(where, "the path of an env file")
        found = join(where.origin.base, written)
        carried = scene.carried.path(found)
        if carried is None and (written.startswith(("/", "~")) or not is_beneath(found)):
            scene.problem(
                where,
                "run-path",
                f"{service.by}: expected an env file beneath the app's folder, found {written}",
                "write a path in the folder: a host looks for it among its settings for the app",
            )
            continue
        yield EnvironmentFile(
            path=carried or found,
            required=required is None or truth(required),
            raw=kind is not None and kind.text == "raw",
        )


def label_fields(scene: Scene, service: Service, files: Files) -> dict[str, object]:
    """Return labels, those of files first, and annotations.

    Raises:
        Unexpected, Refused: they can't be read.
    """
    found: dict[str, str] = {}
    for item in items(service.value.at("label_file")):
        path = join(item.origin.base, scene.fixed(item, "the path of a file"))
        data = files.read(Wanted(path, item.place), ENV_FILE_LIMIT)
        scene.notes.spend(item.place, 1, len(data))
        read = parse_env(data, path, Known({}, {}), scene.notes)
        found.update({name: escaped(text) for name, text in read.items()})
    found.update(pairs(scene, service.value.at("labels")))
    annotations = pairs(scene, service.value.at("annotations"))
    return {"labels": settings(found), "annotations": settings(annotations)}


def pairs(scene: Scene, value: Value | None) -> dict[str, str]:
    """Return names and the templates of their values.

    Raises:
        Unexpected: a value that is no text.
    """
    return {
        name: "" if one.content is None else scene.template(one, f"a value of {name}")
        for name, one in (value.entries if value is not None else ())
    }


def settings(found: Mapping[str, str]) -> tuple[Setting, ...]:
    """Return names with values as the document has them."""
    return tuple(Setting(name=name, value=value) for name, value in found.items())
