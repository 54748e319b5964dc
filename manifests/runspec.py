"""`run` of release.json: the services, networks and volumes that make up a running app.

Owns the document's model and what must hold within it. How an app's own files become one is the
building side's matter, how one becomes containers is the host's.

Specified in docs/bundle-format.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from manifests.documents import Line
from manifests.service import SERVICE_MODE, Service
from manifests.serviceinputs import RelativePath, Setting
from manifests.workload import Count, Script, Sparse

MAX_SERVICES: Final = 500
DEFAULT_NETWORK: Final = "default"
PROJECT_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
Project = Annotated[str, StringConstraints(pattern=PROJECT_PATTERN)]
Selftest = Literal["required", "warn", "off"]


class Variable(Sparse):
    """Something that a host may set, or must.

    Attributes:
        name: of the variable.
        default: its value where the host sets none, taken as it stands; None where it has none.
        required: whether the app can't start without a value.
        message: what its file says about it.
    """

    name: Line
    default: Script | None = None
    required: bool = False
    message: Line = ""


class NetworkSpec(Sparse):
    """A network of the app.

    Attributes:
        key: that services know it by.
        name: in the engine; empty for `<project>_<key>`.
        external: whether it must be there already.
        internal: whether it has no way out.
        attachable: whether other containers may join it.
        driver: empty for the engine's default.
        options: of the driver.
        subnets: `address/bits`, with `=gateway` where one is fixed.
        ipv6: whether it has IPv6 addresses too.
        labels: besides ours.
    """

    key: Line
    name: Line = ""
    external: bool = False
    internal: bool = False
    attachable: bool = False
    driver: Line = ""
    options: tuple[Setting, ...] = ()
    subnets: tuple[Line, ...] = ()
    ipv6: bool = False
    labels: tuple[Setting, ...] = ()


class VolumeSpec(Sparse):
    """A named volume of the app; it outlives releases.

    Attributes:
        key: that services know it by.
        name: in the engine; empty for `<project>_<key>`.
        external: whether it must be there already.
        driver: empty for the engine's default.
        options: of the driver; templates.
        labels: besides ours.
    """

    key: Line
    name: Line = ""
    external: bool = False
    driver: Line = ""
    options: tuple[Setting, ...] = ()
    labels: tuple[Setting, ...] = ()


class SecretSpec(Sparse):
    """A secret whose value the host keeps.

    Attributes:
        name: file `secrets/<name>` of the host's settings for the app.
        hint: where it came from in the app's files, for people.
    """

    name: RelativePath
    hint: Line = ""


class RunSpec(Sparse):
    """The whole document.

    Attributes:
        project: prefix of the names of containers, networks and volumes.
        origin: what it was made from, for people: `compose.yaml`.
        services: in the order of the app's files.
        networks: without `default`, unless the app's files say something of it.
        volumes: named ones.
        variables: of all templates.
        secrets: that services use.
        deadline_seconds: in which all must be healthy after a start.
        settle_seconds: that a service without any health check must run to count as started.
        selftest: whether a failed self-test keeps a release from being started.
        remarks: what the app's files ask for and one machine can't do; without lines, which move.
    """

    project: Project
    origin: Line = ""
    services: Annotated[tuple[Service, ...], Field(max_length=MAX_SERVICES)]
    networks: tuple[NetworkSpec, ...] = ()
    volumes: tuple[VolumeSpec, ...] = ()
    variables: tuple[Variable, ...] = ()
    secrets: tuple[SecretSpec, ...] = ()
    deadline_seconds: Count = 300
    settle_seconds: Count = 3
    selftest: Selftest = "off"
    remarks: tuple[Line, ...] = ()

    def without_lines(self) -> RunSpec:
        """Return it with the files of services, but not their lines: those make no new release."""
        services = tuple(
            one.model_copy(update={"place": one.place.rpartition(":")[0]}) for one in self.services
        )
        return self.model_copy(update={"services": services})

    @model_validator(mode="after")
    def _consistent(self) -> RunSpec:
        services = _unique("service", (one.name for one in self.services))
        networks = {*_unique("network", (one.key for one in self.networks)), DEFAULT_NETWORK}
        volumes = _unique("volume", (one.key for one in self.volumes))
        secrets = _unique("secret", (one.name for one in self.secrets))
        for one in self.services:
            mounted = (mount.source for mount in one.mounts if mount.kind == "volume")
            _known(one, "service", (need.service for need in one.dependencies), services)
            _known(one, "network", (at.network for at in one.networks), networks)
            _known(one, "volume", mounted, volumes)
            _known(one, "secret", (use.name for use in one.secrets), secrets)
            _known(one, "service", _lenders(one), services)
        return self


def _lenders(service: Service) -> list[str]:
    """Return the services whose name spaces a service shares."""
    rights = service.privileges
    modes = (service.network_mode, *((rights.ipc, rights.pid) if rights else ()))
    return [mode.removeprefix(SERVICE_MODE) for mode in modes if mode.startswith(SERVICE_MODE)]


def _unique(what: str, names: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for name in names:
        if name in found:
            raise ValueError(f"two {what}s are called {name}")
        found.add(name)
    return frozenset(found)


def _known(service: Service, what: str, named: Iterable[str], known: Iterable[str]) -> None:
    for name in named:
        if name not in known:
            raise ValueError(f"service {service.name} names {what} {name}, which is not there")
