"""No compose file crashes the discoverer, holds it up, or makes it use much memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundler.discover.compose import discover
from bundler.discover.compose.notes import MAX_NOTES
from bundler.discover.folder import DiskFolder, Unreadable
from bundler.discover.found import Found
from manifests.appmanifest.sources import ComposeSource
from tests.support.endless import not_endless
from tests.support.memory import growing_at_most

MIB = 1024 * 1024
LIMIT = 64 * MIB
"""Far above what is needed, for slow machines; without bounds these would take hours."""
GOOD = "services: {a: {image: x}}"

Maker = Callable[[], dict[str, bytes]]


def compose(text: str, env: str = "") -> dict[str, bytes]:
    return {"compose.yaml": text.encode(), ".env": env.encode()}


def yaml_bomb() -> dict[str, bytes]:
    lines = ["x-a: &a [1,2,3,4,5,6,7,8,9]"]
    lines += [
        f"x-{new}: &{new} [{','.join([f'*{old}'] * 9)}]"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    return compose("\n".join([*lines, GOOD]))


def variable_bomb() -> dict[str, bytes]:
    env = ["A0=xxxxxxxxxx", *(f"A{one + 1}=$A{one}$A{one}$A{one}" for one in range(60))]
    return compose("services: {a: {image: 'x:$A60'}}", "\n".join(env))


def many_large_variables() -> dict[str, bytes]:
    env = ["B=" + "x" * 60_000, *(f"A{one}=$B" for one in range(50_000))]
    return compose(GOOD, "\n".join(env))


def many_large_texts() -> dict[str, bytes]:
    text = f"services: {{a: {{image: x, environment: [{'$B,' * 49_000}]}}}}"
    return compose(text, "B=" + "x" * 60_000)


def wide_bases() -> dict[str, bytes]:
    environment = ",".join(f"K{one}: v" for one in range(5_000))
    services = [f" s{one}: {{extends: b, environment: [A=1]}}" for one in range(1_000)]
    return compose(
        "\n".join([f"services:\n b: {{image: x, environment: {{{environment}}}}}", *services])
    )


def wide_profiles() -> dict[str, bytes]:
    profiles = ",".join(f"p{one}" for one in range(20_000))
    services = ",".join(f"b{one}: {{extends: a}}" for one in range(2_000))
    return compose(f"services: {{a: {{image: x, profiles: [{profiles}]}}, {services}}}")


def long_chain() -> dict[str, bytes]:
    services = [f" s{one + 1}: {{extends: s{one}}}" for one in reversed(range(3_000))]
    return compose("\n".join(["services:", *services, " s0: {image: x}"]))


def many_includes() -> dict[str, bytes]:
    files = {
        f"f{one}.yaml": f"include: [f{one + 1}.yaml, f{one + 1}.yaml, f{one + 1}.yaml]".encode()
        for one in range(19)
    }
    return {"compose.yaml": b"include: [f0.yaml]", **files, "f19.yaml": GOOD.encode()}


def large_includes() -> dict[str, bytes]:
    large = f"services: {{a: {{image: {'a' * 1_000_000}}}}}"
    files = {f"f{one}.yaml": large.encode() for one in range(8)}
    return {"compose.yaml": f"include: [{','.join(files)}]".encode(), **files}


TEN = 10 * MIB
REFUSED: dict[str, Maker] = {
    "10 MB": lambda: compose(GOOD + "\n" + "# x\n" * (TEN // 4)),
    "10 MB of variables": lambda: compose(GOOD, "A=$B$B\n" * (TEN // 7)),
    "YAML bomb": yaml_bomb,
    "deep": lambda: compose("[" * 500_000),
    "NUL": lambda: {"compose.yaml": b"services: {a: {image: 'x\0'}}"},
    "UTF-16": lambda: {"compose.yaml": GOOD.encode("utf-16")},
    "Latin-1": lambda: {"compose.yaml": "services: {a: {image: é}}".encode("latin-1")},
    "mixed": lambda: {"compose.yaml": GOOD.encode(), ".env": "A=1\nB=é\n".encode("latin-1")},
    "nested variables": lambda: compose(
        "services: {a: {image: '" + "${A:-" * 150_000 + "}" * 150_000 + "'}}"
    ),
    "open variables": lambda: compose("services: {a: {image: '" + "${A:-{}" * 9_000 + "'}}"),
    "variable bomb": variable_bomb,
    "many large variables": many_large_variables,
    "many large texts": many_large_texts,
    "wide bases": wide_bases,
    "wide profiles": wide_profiles,
    "long chain": long_chain,
    "many includes": many_includes,
    "large includes": large_includes,
    "many problems": lambda: compose("services:\n" + "".join(f" s{n}: \n" for n in range(3_000))),
    "open quotes": lambda: compose(GOOD, "A='\n" + 'A="\n' * 30_000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_too_much_is_refused_soon_and_in_little_memory(tmp_path: Path, name: str) -> None:
    for file, data in REFUSED[name]().items():
        (tmp_path / file).write_bytes(data)
    source = ComposeSource(compose=("compose.yaml",), bases=True)
    with not_endless(), growing_at_most(LIMIT):
        found = discover(source, DiskFolder(tmp_path), {})
    assert found.problems
    assert len(found.problems) <= MAX_NOTES + 1
    assert all(one.message and one.place.line >= 1 for one in found.problems)


class MemoryFolder:
    """Files that were never on a disk."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def read(self, path: str, limit: int = TEN) -> bytes:
        if path not in self._files or len(self._files[path]) > limit:
            raise Unreadable("not there")
        return self._files[path]

    def is_file(self, path: str) -> bool:
        return path in self._files

    def is_folder(self, path: str) -> bool:
        return path == "."

    def files(self, path: str) -> tuple[str, ...]:
        return tuple(sorted(self._files)) if path == "." else ()


def check(files: dict[str, bytes]) -> Found:
    source = ComposeSource(compose=("compose.yaml", "over.yaml"), bases=True, profiles=("p",))
    found = discover(source, MemoryFolder(files), {"V": "v"})
    assert all(one.place.line >= 1 and one.place.column >= 1 for one in found.mentions)
    assert all(one.message.isprintable() for one in found.problems)
    return found


scalars = st.sampled_from(
    ["x", "${V}", "${A:-b}", "${A:?c}", "${", "$A", "", "all", "b.yaml", "a", "nvidia", "gpu", "2"]
) | st.none() | st.booleans() | st.integers(-1, 3)  # fmt: skip
KEYS = """
    a b services include extends file service image build context args dockerfile target deploy
    resources reservations devices count capabilities gpus profiles depends_on platform volumes
    type source path env_file project_directory environment runtime models provider name
    additional_contexts dockerfile_inline <<
"""
keys = st.sampled_from(KEYS.split())
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=25,
)


def flow(tree: object) -> str:
    """Return a value as YAML in one line, every second list and mapping with a tag of Compose."""
    if isinstance(tree, dict):
        text = "{" + ", ".join(f'"{key}": {flow(value)}' for key, value in tree.items()) + "}"
    elif isinstance(tree, list):
        text = "[" + ", ".join(map(flow, tree)) + "]"
    else:
        return "null" if tree is None else f'"{tree}"' if isinstance(tree, str) else str(tree)
    return f"!{['reset', 'override'][len(text) % 2]} {text}" if len(text) % 5 == 0 else text


services = st.dictionaries(keys, st.dictionaries(keys, trees, max_size=5), max_size=4)
documents = st.fixed_dictionaries({}, optional={"services": services, "include": trees, "a": trees})


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(documents, documents, documents)
def test_no_tree_crashes(first: object, second: object, third: object) -> None:
    check(
        {
            "compose.yaml": flow(first).encode(),
            "over.yaml": flow(second).encode(),
            "b.yaml": flow(third).encode(),
            "a": b"FROM x\n",
        }
    )


@settings(deadline=None)
@given(st.binary(max_size=200), st.text("services: {}[]&*!<>a\n-|$\"'#", max_size=200), st.binary())
def test_no_bytes_crash(first: bytes, second: str, env: bytes) -> None:
    check({"compose.yaml": first, "over.yaml": second.encode(), ".env": env})
