"""`--jsonl`: a first line with a version, and a published schema that every line keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator

from installer.events import Event, kind_of
from installer.stream.schema import events_schema
from manifests.errors import ExitCode
from tests.installer.conftest import IMAGES, Host
from tests.installer.fake_engine import FakeEngine
from tests.installer.test_cli import call, lines_of
from tests.support.bundles import make_bundle

SCHEMAS = Path(__file__).parents[2] / "docs/schemas"
SCRIPTING = Path(__file__).parents[2] / "docs/scripting.md"


@pytest.fixture(scope="module")
def judge() -> Validator:
    schema = json.loads(events_schema())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_published_schema_is_that_of_the_classes() -> None:
    """When this fails: `installer schema events > docs/schemas/events.schema.json`."""
    assert (SCHEMAS / "events.schema.json").read_bytes() == events_schema()


@pytest.mark.parametrize("fault", ["", "boom"])
def test_every_line_keeps_the_schema(
    host: Host, fake: FakeEngine, judge: Validator, fault: str
) -> None:
    fake.faults.error_line = fault
    words = ("install", host.bundle().path, "--yes", "--jsonl", "--engine", fake.url)
    lines = lines_of(call(host, *words))
    for line in lines:
        judge.validate(line)
    assert (lines[0]["event"], lines[0]["schema"]) == ("begin", 1)
    assert lines[-1]["event"] == "run-finished"
    assert sum(line["event"] == "begin" for line in lines) == 1


def test_a_refusal_is_a_line_of_its_own(host: Host, graph: FakeEngine, judge: Validator) -> None:
    bundle = make_bundle(host.root / "unsigned", IMAGES)
    result = call(host, "install", bundle.path, "--yes", "--jsonl", "--engine", graph.url)
    assert result.exit_code == ExitCode.BUNDLE_REFUSED
    lines = lines_of(result)
    assert [line["event"] for line in lines] == ["begin", "error"]
    for line in lines:
        judge.validate(line)


def test_a_line_that_lacks_something_is_none(judge: Validator) -> None:
    with pytest.raises(ValidationError):
        judge.validate({"event": "advanced", "stage": "load", "done": 1})
    with pytest.raises(ValidationError):
        judge.validate({"event": "stage-finished", "stage": "dance", "seconds": 1})


@pytest.mark.parametrize("kind", [kind_of(one) for one in get_args(Event)])
def test_every_kind_of_line_is_documented(kind: str) -> None:
    assert f"`{kind}`" in SCRIPTING.read_text()
