"""`extends`: a service that takes over another one, of its own file or of another.

Owns whom a service extends and how far that is followed. Each file is taken by itself, before
files are merged, as Docker Compose does.

Source: Compose specification, "extends".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bundler.discover.compose.files import Wanted
from bundler.discover.compose.notes import Notes, Refused
from bundler.discover.compose.shape import without_base
from bundler.discover.compose.tree import Value, merged

MAX_CHAIN: Final = 50
"""Services that extend each other."""

_Chain = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Definitions:
    """The services of one file, as written, and those that were followed already.

    Attributes:
        file: its path.
        services: by name.
        done: by name, with what they extend.
    """

    file: str
    services: Mapping[str, Value]
    done: dict[str, Value] = field(default_factory=dict)


class Extender:
    """Follows `extends`.

    Args:
        read: returns the services of another file, or raises `Refused`.
        notes: where problems are told.
    """

    def __init__(self, read: Callable[[Wanted], Mapping[str, Value]], notes: Notes) -> None:
        self._read = read
        self._notes = notes
        self._others: dict[str, Definitions] = {}

    def extended(self, definitions: Definitions) -> dict[str, Value]:
        """Return the services with what they extend.

        One whose base can't be had is marked for that.
        """
        return {name: self._follow(name, definitions, ()) for name in definitions.services}

    def _follow(self, name: str, definitions: Definitions, chain: _Chain) -> Value:
        if name not in definitions.done:
            service = definitions.services[name]
            try:
                done = self._extended(name, definitions, (*chain, (definitions.file, name)))
            except Refused:
                done = without_base(service)
            definitions.done[name] = done
        return definitions.done[name]

    def _extended(self, name: str, definitions: Definitions, chain: _Chain) -> Value:
        service = definitions.services[name]
        extends = service.at("extends")
        if extends is None or extends.content is None:
            return service
        self._check_chain(extends, chain)
        return self._over(self._base(extends, name, definitions, chain), service)

    def _base(self, extends: Value, name: str, own: Definitions, chain: _Chain) -> Value:
        service, file = extends.at("service"), extends.at("file")
        target = service.text if service is not None else ""
        definitions = own if file is None else self._other(file)
        if target not in definitions.services:
            place = service.place if service is not None else extends.place
            raise self._notes.refuse(
                place,
                "compose-extends",
                f"service {name} extends {target}, which {definitions.file} does not define",
                "correct the name; Compose looks in this one file, not in those merged with it",
            )
        return self._follow(target, definitions, chain)

    def _other(self, file: Value) -> Definitions:
        for name in file.unset:
            raise self._notes.refuse(
                file.place,
                "compose-variable-unset",
                f"expected a value of {name} in the path of a file, found none",
                f"set {name} under `environment:` of this source, or in .env",
            )
        if file.text not in self._others:
            services = self._read(Wanted(file.text, file.place))
            self._others[file.text] = Definitions(file.text, services)
        return self._others[file.text]

    def _check_chain(self, extends: Value, chain: _Chain) -> None:
        if chain[-1] in chain[:-1]:
            names = " -> ".join(f"{name} in {file}" for file, name in chain)
            message = f"services extend each other in a circle: {names}"
        elif len(chain) > MAX_CHAIN:
            message = f"more than {MAX_CHAIN} services extend each other"
        else:
            return
        hint = "let one of them stand by itself"
        raise self._notes.refuse(extends.place, "compose-extends", message, hint)

    def _over(self, base: Value, service: Value) -> Value:
        content = service.content if isinstance(service.content, Mapping) else {}
        own = {key: value for key, value in content.items() if key != "extends"}
        self._notes.spend(service.place, len(own))
        result = merged(base, replace(service, content=own), self._notes)
        return replace(result, place=service.place, key=service.key, merge=service.merge)
