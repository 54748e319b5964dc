"""Foreign text can't command a terminal, whatever it holds."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import AppManifestError
from manifests.safetext import LIMIT, safe_line, safe_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ascii", "plain ascii"),
        ("\u00e4 \u6f22 \U0001f600", "\u00e4 \u6f22 \U0001f600"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb\bc\x00d\x7fe", "a\\x0db\\x08c\\x00d\\x7fe"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202eevil\u202c", "\\u202eevil\\u202c"),
        ("\u2066\u2069\u200f\u061c", "\\u2066\\u2069\\u200f\\u061c"),
        ("\u200b\u2060\ufeff\u00ad", "\\u200b\\u2060\\ufeff\\xad"),
        ("\u2028\u2029\x85", "\\u2028\\u2029\\x85"),
        ("\ud800", "\\ud800"),
        ("\ue000\U000f0000", "\\ue000\\uf0000"),
        ("\U000e0041", "\\ue0041"),
        ("tab\there\nline", "tab\there\nline"),
    ],
)
def test_shown_as(text: str, expected: str) -> None:
    assert safe_text(text) == expected


def test_line_stays_one() -> None:
    assert safe_line("a\nb\tc\r\n") == "a b c\\x0d "


def test_limit() -> None:
    assert safe_text("x" * LIMIT) == "x" * LIMIT
    assert safe_text("x" * (LIMIT + 1)) == "x" * (LIMIT - 1) + "\u2026"
    assert safe_text("\x1b" * 10, limit=3) == "\\x1b\\x1b\u2026"


@pytest.mark.property
@given(st.text())
def test_nothing_hidden_is_left(text: str) -> None:
    for shown in (safe_text(text), safe_line(text)):
        hidden = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
        assert not [c for c in shown if unicodedata.category(c) in hidden and c not in "\n\t"]
        shown.encode()
    assert safe_text(safe_text(text)) == safe_text(text)
    assert "\n" not in safe_line(text)


@pytest.mark.property
@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_what_can_be_read_stays(text: str) -> None:
    assert safe_text(text) == text


@pytest.mark.property
@given(st.text(), st.text(), st.text())
def test_errors_are_safe_in_every_part(message: str, hint: str, fact: str) -> None:
    error = AppManifestError("x", message, hint=hint, fact=fact)
    for text in (str(error), error.hint, error.context["fact"]):
        assert isinstance(text, str)
        assert safe_text(text) == text
