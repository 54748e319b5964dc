"""How variables are filled in, compared with what a shell and regular expressions do."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.discover.dockerfile.pattern import BadPattern, Pattern
from bundler.discover.dockerfile.words import BadSubstitution, Value, fill_in

VARIABLES = {
    "tag": Value("1.27.3-alpine"),
    "empty": Value(""),
    "name": Value("nginx"),
    "assumed": Value("amd64", assumed=frozenset({"TARGETARCH"})),
    "path": Value("a/b/c"),
}


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("$name:$tag", "nginx:1.27.3-alpine"),
        ("${name}s", "nginxs"),
        ("$names", ""),
        ("${none:-x}", "x"),
        ("${empty:-x}", "x"),
        ("${empty-x}", ""),
        ("${none-$name}", "nginx"),
        ("${none:-${none:-${name}}}", "nginx"),
        ("${name:+x}", "x"),
        ("${empty:+x}", ""),
        ("${empty+x}", "x"),
        ("${none+x}", ""),
        ("${name:?must be given}", "nginx"),
        ("${tag%-*}", "1.27.3"),
        ("${tag%%.*}", "1"),
        ("${tag#*.}", "27.3-alpine"),
        ("${tag##*.}", "3-alpine"),
        ("${tag#?.}", "27.3-alpine"),
        ("${path/b/x}", "a/x/c"),
        (r"${path/\//-}", "a-b/c"),
        (r"${path//\//-}", "a-b-c"),
        ("${tag//[.]/x}", "1.27.3-alpine"),
        ("'$name'", "$name"),
        ('"$name 1"', "nginx 1"),
        (r"\$name", "$name"),
        (r'"\$name\x"', r"$name\x"),
        ("a$", "a$"),
        ("a$/b", "a$/b"),
        ("", ""),
    ],
)
def test_each_form_means_what_builders_take_it_for(word: str, text: str) -> None:
    assert fill_in(word, VARIABLES).text == text


def test_a_backtick_can_be_the_escape() -> None:
    assert fill_in("`$name", VARIABLES, "`").text == "$name"
    assert fill_in(r"C:\x", VARIABLES, "`").text == r"C:\x"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("${name", "expected '}', found the end"),
        ("${name:-x", "expected '}', found the end"),
        ("${}", "expected a name after '${'"),
        ("${name^^}", "unknown form ${name^"),
        ("${none:?give it}", "none: give it"),
        ("${empty:?}", "empty: is required and has no value"),
        ("'x", "a single quote without its end"),
        ('"x', "a double quote without its end"),
        (r"${name#\a}", "a backslash before a in a pattern"),
        ("${name/x}", "expected '/', found the end"),
        ("x" * 4097, "expected at most 4096 characters, found 4097"),
        ("${a:-" * 40 + "}" * 40, "nested deeper than 32"),
        ("${name#" + "*a" * 40 + "}", "expected a pattern of at most 64 characters"),
    ],
)
def test_what_can_not_be_filled_in_is_told(word: str, reason: str) -> None:
    with pytest.raises(BadSubstitution, match=f"^{re.escape(reason)}$"):
        fill_in(word, VARIABLES)


def test_only_variables_that_count_are_missed() -> None:
    assert fill_in("$a${b}${c:-x}${name:-$d}${e:+$f}${g#x}", VARIABLES).unset == ("a", "b", "g")
    assert fill_in("${none:-$a}", VARIABLES).unset == ("a",)
    assert fill_in("x-$assumed", VARIABLES).assumed == {"TARGETARCH"}


def test_text_can_not_grow_without_end() -> None:
    value = Value("x" * 4096)
    with pytest.raises(BadSubstitution):
        fill_in("$a$a", {"a": value})
    with pytest.raises(BadSubstitution):
        fill_in("${b//x/$a}", {"a": value, "b": Value("xx")})


def test_a_pattern_of_an_escape_at_its_end_is_refused() -> None:
    with pytest.raises(BadPattern):
        Pattern.parse("a\\")


PATTERNS = st.text("ab*?", min_size=1, max_size=6)
VALUES = st.text("abc", max_size=10)


def regular(pattern: str, run: str) -> re.Pattern[str]:
    """The same pattern as a regular expression."""
    return re.compile("".join({"*": run, "?": "."}.get(letter, letter) for letter in pattern))


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(PATTERNS, VALUES)
def test_a_pattern_matches_what_its_regular_expression_does(pattern: str, value: str) -> None:
    parsed = Pattern.parse(pattern)
    greedy, lazy = regular(pattern, ".*"), regular(pattern, ".*?")
    for longest, expression in ((True, greedy), (False, lazy)):
        match = expression.match(value)
        assert parsed.without_prefix(value, longest=longest) == value[match.end() if match else 0 :]
    every = greedy.sub(lambda match: "X" if match[0] else "", value)
    assert parsed.replaced(value, "X", every=True) == every
    first = greedy.search(value)
    once = greedy.sub("X", value, count=1) if first and first[0] else value
    assert parsed.replaced(value, "X", every=False) == once


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(st.text("${}:-+?#%/'\"\\ab1 ", max_size=40))
def test_no_word_can_crash_it(word: str) -> None:
    with contextlib.suppress(BadSubstitution):
        assert len(fill_in(word, VARIABLES).text) <= 4096
