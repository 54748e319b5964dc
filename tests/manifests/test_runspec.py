"""What runs, as a document: what must hold together, and what can't lead out of a folder."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from manifests.confinement import Privileges
from manifests.durations import read_duration, whole_milliseconds, whole_seconds
from manifests.interpolation import Use, split, tokens, uses
from manifests.runspec import NetworkSpec, RunSpec, SecretSpec, VolumeSpec
from manifests.service import Attachment, Dependency, Service
from manifests.serviceinputs import EnvironmentFile, EnvironmentValue, Mount, SecretUse


def spec(*services: Service, **more: Any) -> RunSpec:
    return RunSpec(project="viz", services=services, **more)


def one(name: str = "a", **more: Any) -> Service:
    return Service(name=name, image="x", **more)


def test_a_spec_holds_together() -> None:
    made = spec(
        one(
            mounts=(Mount(target="/v", kind="volume", source="v"),),
            networks=(Attachment(network="n"), Attachment(network="default")),
            secrets=(SecretUse(name="s"),),
            dependencies=(Dependency(service="b"),),
        ),
        one("b", network_mode="service:a", privileges=Privileges(ipc="service:a", pid="host")),
        networks=(NetworkSpec(key="n"),),
        volumes=(VolumeSpec(key="v"),),
        secrets=(SecretSpec(name="s"),),
    )
    assert RunSpec.model_validate(made.model_dump()) == made


@pytest.mark.parametrize(
    "service",
    [
        one(mounts=(Mount(target="/v", kind="volume", source="v"),)),
        one(networks=(Attachment(network="n"),)),
        one(secrets=(SecretUse(name="s"),)),
        one(dependencies=(Dependency(service="b"),)),
        one(network_mode="service:b"),
        one(privileges=Privileges(pid="service:b")),
    ],
)
def test_what_is_not_there_is_refused(service: Service) -> None:
    with pytest.raises(ValidationError, match="which is not there"):
        spec(service)


def test_two_of_a_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two services are called a"):
        spec(one(), one())


@pytest.mark.parametrize("path", ["", "/etc/x", "../x", "a/../x", "a//b", "./a", "a/.", "a/.."])
def test_no_path_leads_out_of_its_folder(path: str) -> None:
    for make in (
        lambda: EnvironmentFile(path=path),
        lambda: SecretSpec(name=path),
        lambda: SecretUse(name=path),
        lambda: Mount(target="/x", kind="carried", source=path),
    ):
        with pytest.raises(ValidationError):
            make()


def test_an_empty_value_is_not_one_that_is_handed_on() -> None:
    empty, handed = EnvironmentValue(name="A", value=""), EnvironmentValue(name="A")
    kept = one(environment=(empty, handed)).model_dump(exclude_none=True)["environment"]
    assert list(kept) == [{"name": "A", "value": ""}, {"name": "A"}]


def test_lines_are_left_out_of_releases() -> None:
    made = spec(one(place="a/compose.yaml:14")).without_lines()
    assert made.services[0].place == "a/compose.yaml"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", Fraction(0)),
        ("90s", Fraction(90)),
        ("1h30m", Fraction(5400)),
        ("1.5d", Fraction(129600)),
        ("1w2d", Fraction(9 * 86400)),
        ("500ms", Fraction(1, 2)),
        ("1us", Fraction(1, 10**6)),
    ],
)
def test_durations(text: str, seconds: Fraction) -> None:
    assert read_duration(text) == seconds


def test_durations_are_rounded_up() -> None:
    assert (whole_seconds("1ms"), whole_milliseconds("1us"), whole_seconds("2s")) == (1, 1, 2)


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1 h", "1h ", "1.s", "1e3s", "9" * 50 + "s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_duration(text)


def test_variables_of_a_text() -> None:
    text = "$$A $B ${C} ${D:-${E-x}} $5 ${F:?why}"
    assert list(uses(text)) == [
        Use("B"),
        Use("C"),
        Use("D", ":-", "${E-x}"),
        Use("F", ":?", "why"),
        Use("E", "-", "x"),
    ]
    assert "".join(tokens(text)) == text
    assert split("${A:-x:y}:b:$C", ":") == ["${A:-x:y}", "b", "$C"]
