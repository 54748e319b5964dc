"""The services of a compose project: its files read, extended, included and merged, in order.

Owns the order. How values merge is `tree`'s, what a service says of images is
`service`'s.

Source: Compose specification, "Merge and override", "Include" and "extends".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from bundler.discover.compose.extends import Definitions, Extender
from bundler.discover.compose.files import Files, Wanted
from bundler.discover.compose.include import Include, read_includes
from bundler.discover.compose.notes import Notes, Refused
from bundler.discover.compose.read import SERVICE_KEYS, Reader, entries
from bundler.discover.compose.shape import shaped
from bundler.discover.compose.tree import Merge, Origin, Value, merged
from bundler.discover.compose.unexpected import Unexpected, tell_unexpected
from bundler.discover.folder import join, parent
from manifests.yaml.node import Entry, Node

MAX_INCLUDES: Final = 20
"""Files that include each other."""
_OWN_KEYS: Final = frozenset({"services", "include", "models"})
RUN_SECTIONS: Final = ("networks", "volumes", "configs", "secrets")
"""What stands beside services and says how they run."""
_SECTIONS: Final = frozenset({"services", "include", "name", "version", "models", *RUN_SECTIONS})

Sections: TypeAlias = dict[str, dict[str, Value]]
"""`services`, and those of `RUN_SECTIONS` where a project is read in whole: values by name."""


@dataclass(frozen=True, slots=True)
class Project:
    """What files of one project have in common.

    Attributes:
        folder: that their paths are relative to, itself relative to the app's folder.
        variables: that are filled in.
        chain: main files of the projects that include this one, and its own.
        own: variables without the process's, where the project is read in whole, to be run; None
            where only images are looked for.
    """

    folder: str
    variables: Mapping[str, str]
    chain: tuple[str, ...] = ()
    own: Mapping[str, str] | None = None


class Loader:
    """Loads projects, and those that they include.

    Args:
        files: of the source.
        notes: where problems are told.
    """

    def __init__(self, files: Files, notes: Notes) -> None:
        self._files = files
        self._notes = notes
        self.complete = True
        """Whether all files could be read that give services of their own."""
        self.old_shape = False
        """Whether a file of version 1 was met, which has its services at the top."""

    def load(self, files: Sequence[Wanted], project: Project) -> Sections:
        """Return what a project has by name; what can't be read is told and left out."""
        sections: Sections = {"services": {}, **{name: {} for name in RUN_SECTIONS}}
        extender = Extender(lambda wanted: self._raw(wanted, project), self._notes)
        for wanted in files:
            try:
                for node in self._files.documents(wanted):
                    found = self._document(node, wanted.path, project, extender)
                    for section, values in found.items():
                        if node.nearest((section,)).tag:
                            sections[section].clear()
                        self._put_over(sections[section], values)
            except Refused:
                self.complete = False
        services = sections["services"]
        based = {name: _based(service, project.folder) for name, service in services.items()}
        return {**sections, "services": based}

    def _put_over(self, below: dict[str, Value], values: Mapping[str, Value]) -> None:
        for name, value in values.items():
            below[name] = merged(below.get(name), value, self._notes)

    def _document(self, node: Node, file: str, project: Project, extender: Extender) -> Sections:
        reader = self._reader(file, project, project.folder)
        self._check_others(node, reader)
        services = extender.extended(
            Definitions(file, self._services(node, reader, project.folder))
        )
        sections = {"services": services, **self._beside(node, reader, project)}
        if "include" in entries(node):
            include = reader.value(entries(node)["include"].node)
            for one in read_includes(include, project.folder, self._notes):
                self._take_over(self._included(one, project), sections, one)
        return sections

    def _reader(self, file: str, project: Project, base: str) -> Reader:
        run = None if project.own is None else Origin(base, project.own)
        return Reader(file, project.variables, self._notes, run)

    def _beside(self, node: Node, reader: Reader, project: Project) -> Sections:
        """Return what stands beside the services, where the project is read in whole."""
        found: Sections = {}
        for section in RUN_SECTIONS if project.own is not None else ():
            entry = entries(node).get(section)
            if entry is None or entry.node.tag == Merge.RESET.value:
                continue
            if not isinstance(entry.node.value, Mapping) and entry.node.value is not None:
                self._tell(reader.value(entry.node), f"{section} by name under `{section}:`")
            found[section] = {
                name: reader.open_value(one) for name, one in entries(entry.node).items()
            }
        return found

    def _check_others(self, node: Node, reader: Reader) -> None:
        """Tell the problems of what says nothing of images."""
        for key, entry in entries(node).items():
            if key == "models":
                self._remark_models(reader.value(entry.node))
            elif not self._is_read(key, reader) and not self._is_old(node):
                reader.check(entry.node)

    def _is_read(self, key: str, reader: Reader) -> bool:
        return key in _OWN_KEYS or (reader.whole and key in RUN_SECTIONS)

    def _remark_models(self, models: Value) -> None:
        for name, model in models.entries:
            what = model.at("model")
            if what is not None:
                message = f"model {name} ({what.text}) is no container image: it is not carried"
                self._notes.remark(what.place, message)

    def _services(self, node: Node, reader: Reader, base: str) -> dict[str, Value]:
        return {
            name: shaped(self._service(entry, reader), base, self._notes)
            for name, entry in self._service_entries(node, reader)
        }

    def _service_entries(self, node: Node, reader: Reader) -> Iterator[tuple[str, Entry]]:
        if not isinstance(node.value, Mapping) and node.value is not None:
            self._tell(reader.value(node), "`services:` and other keys at the top")
        if self._is_old(node):
            yield from self._old_entries(node, reader)
            return
        if "services" not in entries(node):
            return
        services = entries(node)["services"].node
        if services.tag == Merge.RESET.value:
            return
        if not isinstance(services.value, Mapping) and services.value is not None:
            self._tell(reader.value(services), "services by name under `services:`")
        yield from entries(services).items()

    def _old_entries(self, node: Node, reader: Reader) -> Iterator[tuple[str, Entry]]:
        self.old_shape = True
        self._notes.remark(
            reader.place(node.position),
            "services stand at the top, as in version 1: only docker-compose 1 starts such a file",
        )
        for name, entry in entries(node).items():
            if not name.startswith("x-"):
                yield name, entry

    def _service(self, entry: Entry, reader: Reader) -> Value:
        """Return a service with the keys that count; the others are only checked."""
        if not isinstance(entry.node.value, Mapping):
            return reader.value(entry.node, entry.position)
        content: dict[str, Value] = {}
        for key, one in entry.node.value.items():
            if key in SERVICE_KEYS or reader.whole:
                content[key] = reader.service_value(key, one)
            else:
                reader.check(one.node)
        empty = reader.value(replace(entry.node, value={}), entry.position)
        return replace(empty, content=content)

    def _is_old(self, node: Node) -> bool:
        """Tell whether a document has its services at the top, as before version 2."""
        found = entries(node)
        return not _SECTIONS.intersection(found) and any(
            {"image", "build", "extends"}.intersection(entries(entry.node))
            for entry in found.values()
        )

    def _raw(self, wanted: Wanted, project: Project) -> Mapping[str, Value]:
        """Return the services of a file that is extended, as written there."""
        services: dict[str, Value] = {}
        base = parent(wanted.path)
        for node in self._files.documents(wanted):
            reader = self._reader(wanted.path, project, base)
            for name, service in self._services(node, reader, base).items():
                services[name] = merged(services.get(name), service, self._notes)
        return {name: _based(service, base) for name, service in services.items()}

    def _included(self, include: Include, project: Project) -> Sections:
        main = include.files[0].path
        if main in project.chain or len(project.chain) > MAX_INCLUDES:
            chain = " -> ".join((*project.chain, main))
            self.complete = False
            self._notes.problem(
                include.place,
                "compose-include",
                f"files include each other in a circle, or too deep: {chain}",
                "let one of them stand by itself",
            )
            return {}
        default = (Wanted(join(include.folder, ".env"), include.place),)
        wanted = include.env_files or tuple(one for one in default if self._files.has(one.path))
        inner = Project(
            include.folder,
            self._with_files(wanted, project.variables),
            (*project.chain, main),
            None if project.own is None else self._with_files(wanted, project.own),
        )
        return self.load(include.files, inner)

    def _with_files(self, files: Sequence[Wanted], outside: Mapping[str, str]) -> dict[str, str]:
        known = dict(outside)
        return self._files.variables(files, known) | known

    def _take_over(self, included: Sections, sections: Sections, include: Include) -> None:
        """Put what is included beside a file's own; only the same may be there twice."""
        for section, values in included.items():
            for name, value in values.items():
                own = sections.setdefault(section, {}).setdefault(name, value)
                if own is not value and not own.same_as(value):
                    self._notes.problem(
                        own.key,
                        "compose-include",
                        f"{section.removesuffix('s')} {name} is in {include.files[0].path} too,"
                        " which is included, with other content",
                        "rename one of them, or merge the files with a further file in `compose:`",
                    )

    def _tell(self, value: Value, what: str) -> None:
        tell_unexpected(Unexpected(value, what), self._notes)


def _based(service: Value, folder: str) -> Value:
    """Return a service whose build has a context: its project's folder where none is given."""
    build = service.at("build")
    if build is None or not isinstance(build.content, Mapping) or "context" in build.content:
        return service
    context = Value(build.place, build.place, folder)
    content = dict(service.content) if isinstance(service.content, Mapping) else {}
    content["build"] = replace(build, content={**build.content, "context": context})
    return replace(service, content=content)
