"""What the documents say is what the code does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests.errors import ExitCode

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")


def error_codes() -> Iterator[tuple[str, str]]:
    """Every literal first argument of a call that makes one of our errors."""
    for room in ("bundler", "installer", "manifests"):
        for path in (ROOT / room).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call) and call.args and _makes_error(call.func):
                    first = call.args[0]
                    if isinstance(first, ast.Constant) and isinstance(first.value, str):
                        yield first.value, str(path.relative_to(ROOT))


def _makes_error(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr == "__init__"
    names = {
        "BundleRefused",
        "NotInstallableHere",
        "EngineFailed",
        "UsageError",
        "SourceFailed",
        "AppManifestError",
    }
    return isinstance(function, ast.Name) and function.id in names


@pytest.mark.parametrize(("code", "path"), sorted(set(error_codes())))
def test_every_error_code_is_documented(code: str, path: str) -> None:
    if CODE.fullmatch(code):
        assert f"`{code}`" in (ROOT / "docs/errors.md").read_text(), f"{path} raises {code}"


@pytest.mark.parametrize("document", ["README.md", "docs/errors.md"])
def test_every_exit_code_is_documented(document: str) -> None:
    text = (ROOT / document).read_text()
    for code in ExitCode:
        assert re.search(rf"^\| {int(code)} \|", text, re.MULTILINE), f"{document}: {code!r}"


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        prose = re.sub(r"```.*?```|`[^`]*`", "", document.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", prose):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
