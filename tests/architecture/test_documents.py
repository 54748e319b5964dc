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
MAKERS = re.compile(
    "__init__|BundleRefused|NotInstallableHere|EngineFailed|UsageError|SourceFailed"
    "|AppManifestError"
)


def error_codes() -> Iterator[tuple[str, str]]:
    """Every literal first argument of a call that makes one of our errors."""
    for room in ("bundler", "installer", "manifests"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text()
            for call in ast.walk(ast.parse(text)) if MAKERS.search(text) else ():
                if isinstance(call, ast.Call) and call.args and _makes_error(call.func):
                    first = call.args[0]
                    if isinstance(first, ast.Constant) and isinstance(first.value, str):
                        yield first.value, str(path.relative_to(ROOT))


def _makes_error(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr == "__init__"
    return isinstance(function, ast.Name) and MAKERS.fullmatch(function.id) is not None


def test_every_error_code_is_documented() -> None:
    documented = (ROOT / "docs/errors.md").read_text()
    raised = {one for one in error_codes() if CODE.fullmatch(one[0])}
    assert len(raised) > 200
    assert [one for one in sorted(raised) if f"`{one[0]}`" not in documented] == []


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
