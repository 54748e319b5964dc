"""What Marathon's documents say of a workload that the lock does not keep: for where it runs.

Values of the environment, which secrets go where, and what no single machine can do. A value that
names a secret is never resolved here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bundler.discover.found import Place
from bundler.discover.marathon.facts import Detail, SecretVariable
from bundler.discover.marathon.fields import Item

MAX_VARIABLES: Final = 1000
_LEFT_OUT: Final = (
    "acceptedResourceRoles",
    "constraints",
    "killSelection",
    "residency",
    "resourceLimits",
    "role",
    "tty",
    "disk",
    "ipAddress",
    "readinessChecks",
    "unreachableStrategy",
)


def take_detail(
    item: Item, outer: Item | None = None, pod: str = "", *, is_job: bool = False
) -> None:
    """Take the details of an app, a job, or a container of a pod, where they are wanted.

    Args:
        item: its definition.
        outer: the pod's definition.
        pod: the pod's whole path.
        is_job: whether it runs only when it is started by hand.
    """
    if not item.findings.detailed:
        return
    holders = [one for one in (outer, item) if one is not None]
    values: dict[str, str] = {}
    secrets: dict[str, SecretVariable] = {}
    for holder in holders:
        for name, value in _variables(holder):
            if value.has("secret"):
                secrets[name] = SecretVariable(name, value.text("secret"))
            else:
                values[name] = value.as_script()
    stores = {name: source for holder in holders for name, source in _stores(holder)}
    labels = {name: text for holder in holders for name, text in _labels(holder)}
    detail = Detail(
        place=item.findings.place(item.node.position),
        environment=tuple(values.items())[:MAX_VARIABLES],
        secrets=tuple(secrets.values())[:MAX_VARIABLES],
        stores=tuple(stores.items()),
        labels=tuple(labels.items())[:MAX_VARIABLES],
        left_out=tuple(one for holder in holders for one in _left_out(holder)),
        pod=pod,
        is_job=is_job,
    )
    item.findings.details.append(detail)


def _variables(item: Item) -> Iterator[tuple[str, Item]]:
    found = item.child("env") or item.child("environment")
    for name, value in found.members() if found is not None else ():
        if 0 < len(name) <= 1024 and name.isprintable() and value.node.value is not None:
            yield name, value


def _stores(item: Item) -> Iterator[tuple[str, str]]:
    found = item.child("secrets")
    for name, value in found.members() if found is not None else ():
        yield name, value.text("source", default=name) if value.has("source") else name


def _labels(item: Item) -> Iterator[tuple[str, str]]:
    found = item.child("labels")
    for name, value in found.members() if found is not None else ():
        if 0 < len(name) <= 1024 and name.isprintable():
            yield name, value.as_script()


def _left_out(item: Item) -> Iterator[tuple[Place, str]]:
    for key in _LEFT_OUT:
        value = item.child(key)
        if value is not None and value.node.value not in ((), {}, False, 0):
            yield item.findings.place(value.node.position), key
    scheduling = item.child("scheduling")
    placement = scheduling.child("placement") if scheduling is not None else None
    if placement is not None:
        yield item.findings.place(placement.node.position), "scheduling.placement"
