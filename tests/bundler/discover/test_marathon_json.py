"""JSON with places: what is read, what is refused and where."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.discover.jsontext import MalformedJsonText, load


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("", "1:1", "expected a value, found the end"),
        ("{", "1:2", "expected a key in double quotes, found the end"),
        ('{\n\t"a": 1,\n}', "3:1", "expected a key in double quotes, found '}'"),
        ("[1,]", "1:4", "expected a value, found ']'"),
        ("[1 2]", "1:4", "expected ',' or ']', found '2]'"),
        ('{"a" 1}', "1:6", "expected ':' after the key, found '1}'"),
        ('{"a": 1,\n "a": 2}', "2:2", "duplicate key 'a', first at line 1"),
        ("// apps\n[]", "1:1", "expected a value, found '// apps'"),
        ("[1e999]", "1:2", "number 1e999 is out of range"),
        (f"[{'1' * 50}]", "1:2", "a number of 50 characters"),
        ('["\\ud800"]', "1:3", "unknown escape '\\\\ud800'"),
        ('["\\x41"]', "1:3", "unknown escape '\\\\x'"),
        ("[NaN]", "1:2", "expected a value, found 'NaN]'"),
        ("[] []", "1:4", "expected the end after the document, found '[]'"),
        ('["a', "1:2", "expected text up to a closing '\"' on the same line, found '\"a'"),
        ("[" * 65, "1:65", "nested deeper than 64, found '['"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(text: str, place: str, reason: str) -> None:
    with pytest.raises(MalformedJsonText) as caught:
        load(text.encode())
    assert (str(caught.value.position), str(caught.value)) == (place, reason)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=20,
)


@pytest.mark.property
@settings(max_examples=200, deadline=None)
@given(JSON, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_json_is_read_as_every_program_reads_it(
    value: object, escaped: bool, indent: int | str | None
) -> None:
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    try:
        assert load(text.encode()).plain() == value
    except MalformedJsonText as error:
        assert "control character" in str(error)  # noqa: PT017 - DEL and the like, unescaped
