"""What a Docker engine says of itself, as far as the checks look at it.

Source: Docker Engine API, `GET /info` and `GET /version`. Fields that an older engine does not
have are None or empty; those of another type than documented count as not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

_VERSION: Final = re.compile(r"\d{1,4}(?:\.\d{1,4}){1,2}", re.ASCII)
_SNAPSHOTTER: Final = "io.containerd.snapshotter"
LIST_LIMIT: Final = 1000
"""Entries taken of one list."""


class Contact(StrEnum):
    """How the talk with the engine went."""

    ANSWERED = "answered"
    NOT_WANTED = "not-wanted"
    DENIED = "denied"
    ABSENT = "absent"
    FAILED = "failed"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """An engine, or why there is none.

    Attributes:
        contact: how the talk went; all else counts only when it answered.
        url: where it was asked.
        trouble: what went wrong.
        version: of the engine.
        api: of its API, such as (1, 41); empty when it was not told.
        root: where it keeps images.
        driver: of its storage.
        driver_status: its storage driver's own words, as pairs.
        runtimes: their names.
        default_runtime: the one that is taken without being named.
        security: its security options, such as `name=rootless`.
        cgroup_driver: `systemd`, `cgroupfs` or `none`.
        cgroup_version: `1` or `2`.
        cdi_dirs: where it looks for CDI specifications; None when it does not tell.
        cdi_devices: that it found there; None when it does not tell.
        forwarding: whether it may forward packets; None when it does not tell.
        system_time: its clock, RFC 3339.
        warnings: its own.
    """

    contact: Contact = Contact.ANSWERED
    url: str = ""
    trouble: str = ""
    version: str = ""
    api: tuple[int, ...] = ()
    root: str = ""
    driver: str = ""
    driver_status: tuple[tuple[str, str], ...] = ()
    runtimes: tuple[str, ...] = ()
    default_runtime: str = ""
    security: tuple[str, ...] = ()
    cgroup_driver: str = ""
    cgroup_version: str = ""
    cdi_dirs: tuple[str, ...] | None = None
    cdi_devices: tuple[str, ...] | None = None
    forwarding: bool | None = None
    system_time: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether the engine said anything."""
        return self.contact is Contact.ANSWERED

    @property
    def rootless(self) -> bool:
        """Whether it runs as an ordinary user."""
        return "rootless" in self.security_names

    @property
    def security_names(self) -> tuple[str, ...]:
        """The names among its security options."""
        return tuple(one.removeprefix("name=").partition(",")[0] for one in self.security)

    @property
    def uses_containerd(self) -> bool:
        """Whether images lie in containerd's store, as the storage driver says."""
        return any(_SNAPSHOTTER in value for _, value in self.driver_status)


def read_facts(url: str, info: Mapping[str, Any], version: Mapping[str, Any]) -> EngineFacts:
    """Return what the two documents say."""
    runtimes = info.get("Runtimes")
    return EngineFacts(
        url=url,
        version=_text(info, "ServerVersion"),
        api=_numbers(_text(version, "ApiVersion")),
        root=_text(info, "DockerRootDir"),
        driver=_text(info, "Driver"),
        driver_status=tuple(_pairs(info.get("DriverStatus"))),
        runtimes=tuple(sorted(map(str, runtimes))) if isinstance(runtimes, Mapping) else (),
        default_runtime=_text(info, "DefaultRuntime"),
        security=_texts(info, "SecurityOptions") or (),
        cgroup_driver=_text(info, "CgroupDriver"),
        cgroup_version=_text(info, "CgroupVersion"),
        cdi_dirs=_texts(info, "CDISpecDirs"),
        cdi_devices=_cdi_devices(info),
        forwarding=_flag(info, "IPv4Forwarding"),
        system_time=_text(info, "SystemTime"),
        warnings=_texts(info, "Warnings") or (),
    )


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _flag(document: Mapping[str, Any], name: str) -> bool | None:
    value = document.get(name)
    return value if isinstance(value, bool) else None


def _texts(document: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    value = document.get(name)
    return tuple(map(str, value[:LIST_LIMIT])) if isinstance(value, list) else None


def _pairs(value: object) -> Iterator[tuple[str, str]]:
    for one in value[:LIST_LIMIT] if isinstance(value, list) else ():
        if isinstance(one, list) and len(one) == 2:
            yield str(one[0]), str(one[1])


def _cdi_devices(info: Mapping[str, Any]) -> tuple[str, ...] | None:
    value = info.get("DiscoveredDevices")
    if not isinstance(value, list):
        return None
    found = [one for one in value[:LIST_LIMIT] if isinstance(one, Mapping)]
    return tuple(str(one.get("ID")) for one in found if one.get("Source") == "cdi")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split("."))) if _VERSION.fullmatch(text) else ()
