"""Strict JSON: a table of what is taken and what is not, in the manner of the known suites."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.strictjson import (
    MAX_DEPTH,
    MAX_INTEGER_DIGITS,
    MAX_TOKENS,
    JsonValue,
    MalformedJson,
    canonical,
    load_object,
    loads,
    readable,
)
from tests.support.endless import not_endless

LIMIT = 2**23


def parse(data: bytes) -> JsonValue:
    return loads(data, limit=LIMIT, subject="document")


GOOD: list[tuple[bytes, JsonValue]] = [
    # scalars alone
    (b"null", None),
    (b"true", True),
    (b"false", False),
    (b"0", 0),
    (b"-0", 0),
    (b"42", 42),
    (b"-1", -1),
    (b'""', ""),
    (b'"a"', "a"),
    (b" \t\r\n1 \t\r\n", 1),
    # numbers
    (b"[1.5]", [1.5]),
    (b"[-0.0]", [-0.0]),
    (b"[1e3]", [1000.0]),
    (b"[1E3]", [1000.0]),
    (b"[1e+3]", [1000.0]),
    (b"[1e-3]", [0.001]),
    (b"[1.5e1]", [15.0]),
    (b"[0e1]", [0.0]),
    (b"[0e+1]", [0.0]),
    (b"[1e-400]", [0.0]),
    (b"[1.7976931348623157e308]", [1.7976931348623157e308]),
    (b"[9223372036854775807]", [2**63 - 1]),
    (b"[-9223372036854775808]", [-(2**63)]),
    (b"[9999999999999999999]", [10**19 - 1]),
    # strings
    (b'["\\"\\\\\\/\\b\\f\\n\\r\\t"]', ['"\\/\b\f\n\r\t']),
    (b'["\\u0041"]', ["A"]),
    (b'["\\u00e4\\u6F22"]', ["\u00e4\u6f22"]),
    (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
    (b'["\\u0000"]', ["\0"]),
    (b'["\\uffff"]', ["\uffff"]),
    (b'["\\u2028\\u202e"]', ["\u2028\u202e"]),
    ('["\u00e4\u6f22\U0001f600"]'.encode(), ["\u00e4\u6f22\U0001f600"]),
    ('["\u2028\x7f\x80"]'.encode(), ["\u2028\x7f\x80"]),
    (b'["[{,:}]"]', ["[{,:}]"]),
    (b'["\\\\"]', ["\\"]),
    (b'["\\\\","\\\\"]', ["\\", "\\"]),
    (b'["a\\"b"]', ['a"b']),
    ('"\ufeff"'.encode(), "\ufeff"),
    # arrays
    (b"[]", []),
    (b"[ ]", []),
    (b"[[]]", [[]]),
    (b"[[],[[]]]", [[], [[]]]),
    (b"[1,2,3]", [1, 2, 3]),
    (b'[null,1,"1",{}]', [None, 1, "1", {}]),
    (b"[1\n,\n2]", [1, 2]),
    # objects
    (b"{}", {}),
    (b"{ }", {}),
    (b'{"a":1}', {"a": 1}),
    (b'{"":0}', {"": 0}),
    (b'{"a":{"a":{"a":1}}}', {"a": {"a": {"a": 1}}}),
    (b'{"a":1,"b":2}', {"a": 1, "b": 2}),
    (b'{"a b":[],"\\u0063":{}}', {"a b": [], "c": {}}),
    (b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
    (b'[{"a":1},{"A":2}]', [{"a": 1}, {"A": 2}]),
    (b'{"\\u0000":1}', {"\0": 1}),
    # keys that people choose may differ only in case
    (b'{"Labels":{"Name":"a","name":"b"}}', {"Labels": {"Name": "a", "name": "b"}}),
    (b'{"annotations":{"A":"1","a":"2"}}', {"annotations": {"A": "1", "a": "2"}}),
    (b'[{"c":{"Labels":{"X":1,"x":2}}},{}]', [{"c": {"Labels": {"X": 1, "x": 2}}}, {}]),
]
BAD: list[tuple[bytes, str]] = [
    # nothing, or not one value
    (b"", "Expecting value"),
    (b" ", "Expecting value"),
    (b"1 2", "Extra data"),
    (b"{}{}", "Extra data"),
    (b"[]]", "Extra data"),
    (b"{}}", "Extra data"),
    (b"{}#", "Extra data"),
    (b"[]a", "Extra data"),
    (b"{} // comment", "Extra data"),
    (b"/* comment */ {}", "Expecting value"),
    # words
    (b"nul", "Expecting value"),
    (b"True", "Expecting value"),
    (b"TRUE", "Expecting value"),
    (b"undefined", "Expecting value"),
    (b"[nan]", "Expecting value"),
    (b"NaN", "NaN is not JSON"),
    (b"[Infinity]", "Infinity is not JSON"),
    (b"[-Infinity]", "-Infinity is not JSON"),
    (b"[-NaN]", "not strict JSON"),
    # numbers
    (b"[+1]", "Expecting value"),
    (b"[01]", "Expecting ',' delimiter"),
    (b"[-01]", "Expecting ',' delimiter"),
    (b"[00]", "Expecting ',' delimiter"),
    (b"[1.]", "Expecting ',' delimiter"),
    (b"[.5]", "Expecting value"),
    (b"[-]", "Expecting value"),
    (b"[--1]", "Expecting value"),
    (b"[1e]", "Expecting ',' delimiter"),
    (b"[1e+]", "Expecting ',' delimiter"),
    (b"[1.e1]", "Expecting ',' delimiter"),
    (b"[0x1]", "Expecting ',' delimiter"),
    (b"[1_000]", "Expecting ',' delimiter"),
    (b"[1 000]", "Expecting ',' delimiter"),
    ("[\uff11]".encode(), "Expecting value"),
    (b"[1e309]", "out of range"),
    (b"[-1e309]", "out of range"),
    (b"[1e999999999]", "out of range"),
    (b"[10000000000000000000]", "integer of more than 19 digits"),
    (b"[-10000000000000000000]", "integer of more than 19 digits"),
    (b"[" + b"9" * 5000 + b"]", "integer of more than 19 digits"),
    # strings
    (b'"', "Unterminated string"),
    (b'["a]', "Unterminated string"),
    (b'["\\"]', "Unterminated string"),
    (b'["\\', "Unterminated string"),
    (b"['a']", "Expecting value"),
    (b'["\t"]', "Invalid control character"),
    (b'["\n"]', "Invalid control character"),
    (b'["\x1f"]', "Invalid control character"),
    (b'["\\x41"]', "Invalid \\escape"),
    (b'["\\a"]', "Invalid \\escape"),
    (b'["\\v"]', "Invalid \\escape"),
    (b"[\"\\'\"]", "Invalid \\escape"),
    (b'["\\U0041"]', "Invalid \\escape"),
    (b'["\\u00"]', "Invalid \\uXXXX escape"),
    (b'["\\u00G0"]', "Invalid \\uXXXX escape"),
    (b'["\\u 041"]', "Invalid \\uXXXX escape"),
    (b'["\\u+041"]', "Invalid \\uXXXX escape"),
    (b'["\\ud800"]', "lone surrogate"),
    (b'["\\udc00"]', "lone surrogate"),
    (b'["\\ud800\\u0041"]', "lone surrogate"),
    (b'["\\udc00\\ud800"]', "lone surrogate"),
    (b'{"\\ud800":1}', "lone surrogate"),
    (b'{"a":{"b":["\\udfff"]}}', "lone surrogate"),
    # bytes
    (b"\xef\xbb\xbf{}", "byte order mark"),
    (b"\xff\xfe{\0}\0", "NUL byte"),
    (b"\xfe\xff\0{\0}", "NUL byte"),
    (b"[1]\0", "NUL byte"),
    (b'["\0"]', "NUL byte"),
    (b'["\xff"]', "can't decode byte 0xff"),
    (b'["\xe4"]', "can't decode byte 0xe4"),
    (b'["\xc0\x80"]', "can't decode byte 0xc0"),
    (b'["\xed\xa0\x80"]', "can't decode byte 0xed"),
    (b'["\xf4\x90\x80\x80"]', "can't decode byte 0xf4"),
    (b'["\xe2\x82"]', "can't decode bytes"),
    ("[1,\u00a02]".encode(), "Expecting value"),
    (b"[1,\x0c2]", "Expecting value"),
    # arrays
    (b"[", "Expecting value"),
    (b"]", "Expecting value"),
    (b"[1", "Expecting ',' delimiter"),
    (b"[1,", "Expecting value"),
    (b"[1,]", "not strict JSON"),
    (b"[,1]", "Expecting value"),
    (b"[1,,2]", "Expecting value"),
    (b"[1 2]", "Expecting ',' delimiter"),
    (b"[1:2]", "Expecting ',' delimiter"),
    (b"[1}", "Expecting ',' delimiter"),
    # objects
    (b"{", "Expecting property name"),
    (b"}", "Expecting value"),
    (b'{"a"', "Expecting ':' delimiter"),
    (b'{"a":', "Expecting value"),
    (b'{"a":1', "Expecting ',' delimiter"),
    (b'{"a":1,', "Expecting property name"),
    (b'{"a":1,}', "not strict JSON"),
    (b'{,"a":1}', "Expecting property name"),
    (b'{"a" 1}', "Expecting ':' delimiter"),
    (b'{"a"::1}', "Expecting value"),
    (b"{a:1}", "Expecting property name"),
    (b"{'a':1}", "Expecting property name"),
    (b"{1:1}", "Expecting property name"),
    (b"{null:1}", "Expecting property name"),
    (b'{"a":1]', "Expecting ',' delimiter"),
    (b'["a":1]', "Expecting ',' delimiter"),
    # keys
    (b'{"a":1,"a":2}', "duplicate key"),
    (b'{"a":1,"a":1}', "duplicate key"),
    (b'{"a":1,"\\u0061":2}', "duplicate key"),
    (b'{"b":{"a":1,"a":2}}', "duplicate key"),
    (b'{"Labels":{"a":1,"a":2}}', "duplicate key"),
    (b'{"RepoTags":[],"repotags":[]}', "differ only in case"),
    (b'[{"Config":1,"config":2}]', "differ only in case"),
    ('{"layers":1,"layer\u017f":2}'.encode(), "differ only in case"),
    ('{"k":1,"\u212a":2}'.encode(), "differ only in case"),
    (b'{"Labels":{"x":{"A":1,"a":2}}}', "differ only in case"),
    (b'{"labels":{"A":1,"a":2}}', "differ only in case"),
    (b'{"Labels":[{"A":1,"a":2}]}', "differ only in case"),
    (b'{"Labels":{"A":1,"a":2},"B":1,"b":2}', "differ only in case"),
]  # fmt: skip


def test_the_table_is_large() -> None:
    assert len(GOOD) + len(BAD) >= 160
    assert len({data for data, _ in GOOD} | {data for data, _ in BAD}) == len(GOOD) + len(BAD)


@pytest.mark.parametrize(("data", "expected"), GOOD, ids=lambda value: repr(value)[:40])
def test_taken(data: bytes, expected: JsonValue) -> None:
    found = parse(data)
    assert found == expected
    assert type(found) is type(expected)
    assert json.dumps(found) == json.dumps(expected)


@pytest.mark.parametrize(("data", "reason"), BAD, ids=lambda value: repr(value)[:40])
def test_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedJson) as caught:
        parse(data)
    assert reason in str(caught.value)
    assert str(caught.value).startswith("document: ")
    assert caught.value.code == "json-malformed"
    assert caught.value.context == {"subject": "document"}


@pytest.mark.parametrize("kind", [b"[]", b"1", b'"x"', b"null", b"true", b"1.5"])
def test_object_or_nothing(kind: bytes) -> None:
    assert load_object(b'{"a":1}', limit=10, subject="x") == {"a": 1}
    with pytest.raises(MalformedJson, match="expected an object, found"):
        load_object(kind, limit=10, subject="x")


def test_limits_are_exact() -> None:
    loads(b"[1]", limit=3, subject="x")
    with pytest.raises(MalformedJson, match="larger than 2 bytes"):
        loads(b"[1]", limit=2, subject="x")
    parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    parse(b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH)
    for deep in (b"[" * (MAX_DEPTH + 1), b'{"a":[' * (MAX_DEPTH // 2) + b"["):
        with pytest.raises(MalformedJson, match="nested deeper than 64"):
            parse(deep)
    parse(b"[" + b"1," * (MAX_TOKENS - 3) + b"1]")
    with pytest.raises(MalformedJson, match="more than 400000 tokens"):
        parse(b"[" + b"1," * (MAX_TOKENS - 1) + b"1]")
    parse(b"9" * MAX_INTEGER_DIGITS)


def test_brackets_within_strings_are_no_depth() -> None:
    assert parse(json.dumps(["[" * 1000 + '"\\' + "{" * 1000]).encode())
    with pytest.raises(MalformedJson):
        parse(b"]" * 1000 + b"[" * 100_000)


@pytest.mark.parametrize(
    "made",
    [
        lambda: b"[" * LIMIT,
        lambda: b'{"a":' * (LIMIT // 5),
        lambda: b'"' + b'\\"' * (LIMIT // 2 - 1),
        lambda: b'"\\' * (LIMIT // 2),
        lambda: b"[" + b'"' * (LIMIT - 1),
        lambda: b'["' + b"\\\\" * (LIMIT // 2 - 1),
        lambda: b"[" + b'"",' * (LIMIT // 4),
        lambda: b" " * LIMIT,
        lambda: b"1." + b"1" * (LIMIT - 2),
        lambda: b"1" * LIMIT,
        lambda: b"-" * LIMIT,
        lambda: b"[" + b"1," * (LIMIT // 2 - 1),
        lambda: b'"' + b"\\u0041" * (LIMIT // 6 - 1) + b'"',
        lambda: b'"' + b"\xf0\x9f\x98\x80" * (LIMIT // 4 - 1) + b'"',
        lambda: b"[" + b'{"A":1,"a":1},' * 60_000 + b"{}]",
        lambda: (
            b'{"Labels":{' + b",".join(b'"%x":1,"%X":1' % (n, n) for n in range(10, 40_000)) + b"}}"
        ),
    ],
    ids=lambda made: repr(made()[:8]),
)
def test_a_full_sized_input_takes_no_time(made: Callable[[], bytes]) -> None:
    data = made()
    with not_endless():
        try:
            parse(data)
        except MalformedJson as error:
            assert len(str(error)) < 500  # noqa: PT017


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcdef\u00e4", max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.property
@given(VALUES)
def test_what_is_written_is_read_back(value: JsonValue) -> None:
    for data in (canonical(value), readable(value)):
        assert parse(data) == value
        assert data == (canonical if data == canonical(value) else readable)(parse(data))


@pytest.mark.property
@given(st.dictionaries(st.text("abc", max_size=3), st.integers(0, 9)))
def test_equal_values_are_equal_bytes(value: dict[str, JsonValue]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert canonical(value) == canonical(backwards)
    assert readable(value) == readable(backwards)


PIECES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a"', b'"A"', b"\\", b"\\u", b"d800", b"1", b"-",
     b".5", b"e9", b"null", b"true", b" ", b"\n", b"\0", b"\xff", b"\xc3\xa4", b"NaN", b"//"]
)  # fmt: skip


@pytest.mark.property
@given(st.binary() | st.lists(PIECES, max_size=30).map(b"".join))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = parse(data)
    except MalformedJson:
        return
    assert json.loads(data) == value


@pytest.mark.property
@given(VALUES, st.randoms())
def test_damaged_documents_never_crash(value: JsonValue, random: object) -> None:
    data = bytearray(canonical(value))
    chosen = random.randrange(len(data))  # type: ignore[attr-defined]
    data[chosen] ^= 1 << random.randrange(8)  # type: ignore[attr-defined]
    try:
        parse(bytes(data))
    except MalformedJson:
        return


def test_not_a_number_is_never_written() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical(value)


def test_readable_form() -> None:
    assert readable({"b": [1], "a": "\u00e4"}).decode() == (
        '{\n  "a": "\u00e4",\n  "b": [\n    1\n  ]\n}\n'
    )
    assert canonical({"b": [1], "a": "\u00e4"}).decode() == '{"a":"\u00e4","b":[1]}'
