"""docs/checks.md says what the code does."""

from __future__ import annotations

from tests.installer.checks.document import DOCUMENT, MARK, written


def test_every_check_stands_in_the_document_as_it_is() -> None:
    found = DOCUMENT.read_text().partition(MARK)[2]
    assert found == written(), "python -m tests.installer.checks.document"
