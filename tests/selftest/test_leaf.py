"""The self-test is a leaf: it runs alone inside a container."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import selftest

ROOM = Path(selftest.__file__).parent
ALLOWED = {*sys.stdlib_module_names, "selftest", "numpy", "PIL", "pyopencl", "pycuda"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: path.stem)
def test_it_needs_nothing_but_numpy_pillow_and_bindings(path: Path) -> None:
    assert set(imported(path)) <= ALLOWED
