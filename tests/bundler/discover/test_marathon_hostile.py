"""No document of Marathon's can crash its discoverer, hang it, or take much memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found
from bundler.discover.marathon import source
from manifests.appmanifest.sources import MarathonSource
from tests.support.endless import not_endless
from tests.support.memory import growing_at_most

FIELDS = st.sampled_from(
    [
        "id",
        "apps",
        "groups",
        "pods",
        "containers",
        "container",
        "docker",
        "image",
        "kind",
        "type",
        "volumes",
        "containerPath",
        "hostPath",
        "portMappings",
        "containerPort",
        "ports",
        "healthChecks",
        "protocol",
        "path",
        "command",
        "value",
        "gpus",
        "cpus",
        "mem",
        "env",
        "instances",
        "args",
        "cmd",
        "dependencies",
        "parameters",
        "key",
        "networks",
        "mode",
        "resources",
        "exec",
        "volumeMounts",
        "name",
        "mountPath",
        "endpoints",
        "healthCheck",
        "http",
        "secrets",
        "source",
        "fetch",
        "uri",
        "assets",
        "run",
        "upgradeStrategy",
        "packages",
    ]
)
VALUES = st.sampled_from(
    [
        "a",
        "../b",
        "DOCKER",
        "HTTP",
        "BRIDGE",
        "\x1b[2J",
        "x" * 2000,
        "\u00a0",
        "",
        0,
        1,
        -1,
        0.5,
        2**40,
        True,
        None,
    ]
)
DOCUMENTS = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=40,
)


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
def test_no_document_can_crash_it(value: object) -> None:
    assert_told(json.dumps(value, indent=1).encode())


@dataclass
class OneFile:
    """A folder with one file."""

    data: bytes

    def read(self, path: str, limit: int = 0) -> bytes:
        """The file, whatever its path."""
        return self.data if path and limit else b""

    def is_file(self, path: str) -> bool:
        """Whatever the path."""
        return bool(path)

    def is_folder(self, path: str) -> bool:
        """Never."""
        return not path

    def files(self, path: str) -> tuple[str, ...]:
        """The file."""
        return (path,)


def assert_told(data: bytes) -> Found:
    """Something is told of every document, and nothing that a screen could not show."""
    found = source._file("m.json", OneFile(data), chosen=True).found
    told = [one.message + one.hint for one in found.problems]
    told += [one.message for one in found.remarks]
    assert told or found.mentions or data.strip().startswith((b"{", b"["))
    assert all("\x1b" not in one for one in told)
    return found


APP = '{"id":"a","container":{"docker":{"image":"x"}}}'
CONTAINERS = ",".join(['{"name":"a","image":{"kind":"DOCKER","id":"x"},"resources":{}}'] * 2500)
NAMES = ",".join(f'"{at}":"{at}"' for at in range(20_000))
HOSTILE = {
    "deep": lambda: "[" * 2_000_000,
    "apps": lambda: f"[{','.join([APP] * 7900)}]",
    "numbers": lambda: f"[{'1,' * 900_000}1]",
    "digits": lambda: f"[{'1' * 2_000_000}]",
    "dependencies": lambda: (
        '{"dependencies":['
        + ",".join(f'"{at}"' for at in range(14_000))
        + f'],"apps":[{",".join([APP] * 5000)}]}}'
    ),
    "environment": lambda: f'{{"environment":{{{NAMES}}},"containers":[{CONTAINERS}]}}',
    "escapes": lambda: '["' + "\\u0041" * 300_000 + '"]',
    "quotes": lambda: '["' + '\\"' * 900_000,
    "text": lambda: '["' + "\U0001f600" * 500_000 + '"]',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_document_takes_long_or_much_memory(name: str) -> None:
    data = HOSTILE[name]().encode()
    with not_endless(), growing_at_most(64 * 1024 * 1024):
        assert_told(data)


@pytest.mark.parametrize("data", [b"\0", b"\xff\xfe{\0}\0", b'{"id": "\xff"}'])
def test_what_is_no_text_is_told(data: bytes) -> None:
    assert [one.code for one in assert_told(data).problems] == ["marathon-malformed"]


def test_a_file_that_is_too_large_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes(b" " * 10 * 1024 * 1024)
    found = source.discover(MarathonSource(marathon=("m.json",)), DiskFolder(tmp_path))
    assert [one.code for one in found.problems] == ["marathon-unreadable"]
