"""What Marathon's documents say of a workload besides `Workload`; values, nothing is read here."""

from __future__ import annotations

from dataclasses import dataclass

from bundler.discover.found import Place


@dataclass(frozen=True, slots=True)
class SecretVariable:
    """A variable that holds a secret.

    Attributes:
        name: of the variable.
        secret: name of the secret in the store.
    """

    name: str
    secret: str


@dataclass(frozen=True, slots=True)
class Detail:
    """What is said of one workload besides.

    Attributes:
        place: of it.
        environment: values of variables by name, in the order of the document.
        secrets: variables that hold secrets.
        stores: name in the store by the name that the document gives a secret.
        labels: by name.
        left_out: keys that one machine can't honour, and where they stand.
        pod: whole path of the pod that it is a container of; empty for none.
        is_job: whether it runs only when it is started by hand.
    """

    place: Place
    environment: tuple[tuple[str, str], ...] = ()
    secrets: tuple[SecretVariable, ...] = ()
    stores: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[Place, str], ...] = ()
    pod: str = ""
    is_job: bool = False
