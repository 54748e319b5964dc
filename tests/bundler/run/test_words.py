"""Commands in one text become the words that a shell without expansion would see."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.run.words import MalformedCommand, cut, cut_template


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("  a  b\tc\n", ("a", "b", "c")),
        ("a 'b c' \"d e\"", ("a", "b c", "d e")),
        ("a'b'\"c\"d", ("abcd",)),
        ('a\\ b \'\\\' "\\""', ("a b", "\\", '"')),
        ("a '' \"\"", ("a", "", "")),
        ("a $(b c) `d e`", ("a", "$(b c)", "`d e`")),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert cut(text).words == words


def test_a_sign_of_the_shell_ends_a_command() -> None:
    command = cut("a b && c")
    assert (command.words, command.rest) == (("a", "b"), "&& c")
    assert cut("a 'b && c' \\;").words == ("a", "b && c", ";")


def test_variables_are_whole_in_templates() -> None:
    command = cut_template("run ${A:-x y} '$B' \"${C:-'}\" $$D")
    assert command.words == ("run", "${A:-x y}", "$B", "${C:-'}", "$$D")


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a \\", "a (b", "a )", "a $(b", "a `b"])
def test_what_has_no_end_is_refused(text: str) -> None:
    with pytest.raises(MalformedCommand):
        cut(text)


@pytest.mark.property
@given(st.lists(st.text("ab $'\"\\;&()` \t", max_size=6), max_size=5))
def test_quoted_words_come_back(words: list[str]) -> None:
    assert list(cut(shlex.join(words)).words) == words
