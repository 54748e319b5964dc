"""What a lock carries of a workload."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from manifests.workload import HealthCheck, PortMapping, VolumeMount, Workload

WEB = Workload(
    id="/viz/web",
    image="nginx:1.27",
    place="marathon.json:14",
    ports=(PortMapping(container=80),),
    health_checks=(HealthCheck(protocol="HTTP", path="/"),),
)


def test_what_is_empty_is_left_out_of_the_lock_and_comes_back() -> None:
    written = WEB.model_dump_json(exclude_none=True)
    assert sorted(json.loads(written)) == [
        "gpus",
        "health_checks",
        "id",
        "image",
        "instances",
        "place",
        "ports",
    ]
    assert Workload.model_validate_json(written) == WEB


def test_no_port_is_another_thing_than_any_port() -> None:
    assert "host" not in PortMapping(container=80).model_dump(mode="json")
    assert PortMapping(container=80, host=0).model_dump(mode="json")["host"] == 0


@pytest.mark.parametrize("command", ["rm\x1b[2J", "a\0", "x" * 65537])
def test_a_command_that_a_screen_could_not_show_is_refused(command: str) -> None:
    with pytest.raises(ValidationError):
        HealthCheck(protocol="COMMAND", shell=command)


def test_a_command_may_have_several_lines() -> None:
    assert HealthCheck(protocol="COMMAND", shell="a \\\n\tb").shell == "a \\\n\tb"


def test_a_port_has_sixteen_bits() -> None:
    with pytest.raises(ValidationError):
        PortMapping(container=65536)


def test_a_volume_is_of_a_known_kind() -> None:
    with pytest.raises(ValidationError):
        VolumeMount.model_validate({"target": "/x", "kind": "nfs"})
