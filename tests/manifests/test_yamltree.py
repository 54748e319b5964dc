"""YAML of strangers: values, places, and no input that crashes, hangs or fills memory."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from manifests.yaml import tree as yamltree
from manifests.yaml.node import MAX_ALIASES, MAX_DEPTH, MAX_NODES, SIZE_LIMIT
from manifests.yaml.scalar import MAX_DIGITS
from manifests.yaml.text import MalformedYaml, Position
from manifests.yaml.tree import load
from tests.support.endless import not_endless


def value(text: str) -> object:
    return load(text.encode(), "f").plain()


def refusal(data: bytes | str) -> str:
    with pytest.raises(MalformedYaml) as caught:
        load(data.encode() if isinstance(data, str) else data, "f")
    assert str(caught.value) == f"f:{caught.value.position}: {caught.value.reason}"
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("---\n", None),
        ("a", "a"),
        ("a: 1", {"a": 1}),
        ("- 1\n- [2, {b: c}]", [1, [2, {"b": "c"}]]),
        ("a:\n  b: |\n    x\n    y\n", {"a": {"b": "x\ny\n"}}),
        ("1: a\non: b\nnull: c\n1.10: d", {"1": "a", "on": "b", "null": "c", "1.10": "d"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("d: &d {x: 1, y: 2}\ne: {<<: *d, y: 3}", {"d": {"x": 1, "y": 2}, "e": {"x": 1, "y": 3}}),
        ("'<<': 1", {"<<": 1}),
        ("<<: [{a: 1}, {a: 2, b: 3}]\nc: 4", {"a": 1, "b": 3, "c": 4}),
        ("a: !!str 1.10\nb: !!int '5'\nc: ! 7", {"a": "1.10", "b": 5, "c": "7"}),
        ("!!map {a: !!seq [!!float 1, !!bool yes, !!null '']}", {"a": [1.0, True, None]}),
        ("\ufeffa: b", {"a": "b"}),
        ("a: \u00e4\u6f22\U0001f600", {"a": "\u00e4\u6f22\U0001f600"}),
        ("a: b\r\nc: d\r\n", {"a": "b", "c": "d"}),
    ],
)
def test_plain_values(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.10", 1.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("12", 12),
        ("+12", 12),
        ("-0", 0),
        ("1_000", 1000),
        ("0777", 0o777),
        ("0o17", 15),
        ("0x_1F", 31),
        ("0b101", 5),
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("Null", None),
        ("'1.10'", "1.10"),
        ('"on"', "on"),
        ("1.4.0", "1.4.0"),
        ("22:22", "22:22"),
        ("2027-11-22", "2027-11-22"),
        ("y", "y"),
        ("08", 8.0),
        ("0x", "0x"),
        ("0b_", "0b_"),
        ("-", "-"),
        (".", "."),
        ("1.2.", "1.2."),
        ("=", "="),
        ("nULL", "nULL"),
    ],
)
def test_what_unquoted_text_means(text: str, expected: object) -> None:
    if text == "-":
        text = "'-'"
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_not_a_number() -> None:
    found = value(".NaN")
    assert isinstance(found, float)
    assert math.isnan(found)


def test_source_is_kept_as_written() -> None:
    root = load(b"a: 1.10\nb: on\nc: 'x'\nd: [1]", "f")
    assert [root.nearest((key,)).source for key in "abcd"] == ["1.10", "on", "x", ""]


def test_every_key_and_value_has_its_place() -> None:
    root = load("a: 1\nb:\n  - x\n  - \u00e4: {c: d}\n".encode(), "f")
    assert root.position == Position(1, 1)
    assert root.place(("a",)) == Position(1, 1)
    assert root.nearest(("a",)).position == Position(1, 4)
    assert root.place(("b", 1)) == Position(4, 5)
    assert root.place(("b", 1, "\u00e4", "c")) == Position(4, 9)
    assert root.nearest(("b", 1, "\u00e4", "c")).position == Position(4, 12)


def test_place_of_what_is_not_there_is_its_parents() -> None:
    root = load(b"a:\n  b: [x]\n", "f")
    for path in (("a", "z"), ("a", 0), ("a", "z", "y")):
        assert root.place(path) == Position(2, 3)
    assert root.place(("a", "b", 7)) == Position(2, 6)
    assert root.place(("a", "b", 0, "k")) == Position(2, 7)
    assert root.place(()) == Position(1, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", "f:3:1: duplicate key 'a', first at line 1"),
        ("{a: 1, 'a': 2}", "f:1:8: duplicate key 'a', first at line 1"),
        ("a\n---\nb", "f:3:1: a second document: only one is read"),
        ("a:\n\t- b", "f:2:1: a tab can't indent: use spaces"),
        ("a: b: c", "f:1:5: a second ':' in one line: quote the text, or begin a new line"),
        ("a: !!python/object/apply:os.system [x]", "f:1:4: unknown tag "),
        ("a: !!python/name:os.system", "f:1:4: unknown tag !!python/name:os.system"),
        ("a: !!binary aGk=", "f:1:4: unknown tag !!binary"),
        ("a: !local x", "f:1:4: unknown tag !local"),
        ("a: !!set {x}", "f:1:4: unknown tag"),
        ("a: !!int x", "f:1:4: expected a whole number after !!int, found 'x'"),
        ("a: !!float x", "f:1:4: expected a number after !!float"),
        ("a: !!bool 1", "f:1:4: expected true or false after !!bool"),
        ("a: !!null x", "f:1:4: expected nothing after !!null"),
        ("a: *x", "f:1:4: no anchor"),
        ("&a [*a]", "f:1:5: no anchor"),
        ("&a {b: *a}", "f:1:8: no anchor"),
        ("? [a]\n: b", "f:1:3: expected a key, found a list or mapping"),
        ("<<: 1", "f:1:5: expected a mapping to merge"),
        ("<<: [[]]", "f:1:6: expected a mapping to merge"),
        ("{a: b", "f:2:1: did not find expected ',' or '}'"),
        ("a: @b", "f:1:4: found character that cannot start any token"),
        ("a: \0", "f:1:4: control character U+0000 is not allowed"),
        ("a: b\n\x1b[2J", "f:2:1: control character U+001B"),
        ("a: \ufffe", "f:1:4: control character U+FFFE"),
        ("a: 'x\ufeffy'", "f:1:6: control character U+FEFF"),
        (b"a: \xe9t\xe9", "f:1:4: expected UTF-8, found byte 0xe9"),
        (b"\xc3\xa4: \xed\xa0\x80", "f:1:4: expected UTF-8, found byte 0xed"),
        (b"\xff\xfea\0", "f:1:1: expected UTF-8, found UTF-16"),
        (b"a" * (SIZE_LIMIT + 1), "f:1:1: larger than 1048576 bytes"),
        ("a: " + "1" * (MAX_DIGITS + 1), "f:1:4: a number of 401 characters: quote it"),
        ("%YAML 3.0\n--- a", "f:1:1: found incompatible YAML document"),
    ],
)
def test_refused_with_the_place(text: str | bytes, expected: str) -> None:
    assert refusal(text).startswith(expected)


def test_limits_are_exact() -> None:
    value("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert "nested deeper" in refusal("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))
    value("- a\n" * (MAX_NODES - 1))
    assert "more than 50000 keys" in refusal("- a\n" * MAX_NODES)
    value("- &a x\n" + "- *a\n" * MAX_ALIASES)
    assert "aliases" in refusal("- &a x\n" + "- *a\n" * (MAX_ALIASES + 1))
    value("a" * SIZE_LIMIT)
    value("1" * MAX_DIGITS)


def test_depth_counts_through_aliases() -> None:
    half = MAX_DEPTH // 2
    deep = "- &a " + "[" * half + "]" * half + "\n- "
    value(deep + "[" * (half - 1) + "*a" + "]" * (half - 1))
    assert "nested deeper" in refusal(deep + "[" * half + "*a" + "]" * half)


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_alias_bomb_is_refused_at_once() -> None:
    with not_endless():
        assert "more than 50000 keys and values" in refusal(bomb(20))


def test_merge_bomb_is_refused() -> None:
    merges = [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 20)]
    assert "more than 50000" in refusal("a0: &a0 {x: 1}\n" + "\n".join(merges))


HOSTILE = [
    b"[" * SIZE_LIMIT,
    b"{a: " * (SIZE_LIMIT // 4),
    b"a: " * (SIZE_LIMIT // 3),
    b"- " * (SIZE_LIMIT // 2),
    b"? " * (SIZE_LIMIT // 2),
    b"&a " * (SIZE_LIMIT // 3),
    b"*a " * (SIZE_LIMIT // 3),
    b"[a," * (SIZE_LIMIT // 3),
    b"{a,b" * (SIZE_LIMIT // 4),
    b"!" * SIZE_LIMIT,
    b"%" * SIZE_LIMIT,
    b"#" * SIZE_LIMIT,
    b"\n" * SIZE_LIMIT,
    b"'" + b"x" * (SIZE_LIMIT - 1),
    b"1" * SIZE_LIMIT,
    b"1." + b"_" * (SIZE_LIMIT - 2),
    b'"' + b"\\n" * (SIZE_LIMIT // 2 - 1) + b'"',
    b"a:\n" * (SIZE_LIMIT // 3),
    b"| \n" * (SIZE_LIMIT // 3),
    b"- - - -\n" * (SIZE_LIMIT // 8),
    b"<<: [" + b"{a: 1}," * 16_000 + b"]",
    b"\xf0\x9f\x98\x80" * (SIZE_LIMIT // 4),
    b"--- " * (SIZE_LIMIT // 4),
    b"\t" * SIZE_LIMIT,
]


@pytest.mark.parametrize("data", HOSTILE, ids=lambda data: repr(data[:6]))
def test_a_full_sized_input_takes_no_time(data: bytes) -> None:
    with not_endless():
        try:
            load(data, "f").plain()
        except MalformedYaml as error:
            assert len(str(error)) < 5000  # noqa: PT017


PIECES = st.sampled_from(
    ["a", "b: ", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", ":", "? ", "&x ", "*x", "|\n",
     ">\n", "'", '"', "#", "!!str ", "!", "%YAML 1.1\n", "---\n", "...\n", "<<: ", "\0", "\ufeff",
     "\u2028", "\x85", "\r", "1.10", "on", "~", "0x", "\\", "@", "`", "="]
)  # fmt: skip


@pytest.mark.property
@given(st.lists(PIECES, max_size=40).map(lambda parts: "".join(parts).encode()) | st.binary())
@example(b"a: b\n c: d")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        root = load(data, "f")
    except MalformedYaml as error:
        assert error.position.line >= 1  # noqa: PT017
        assert error.position.column >= 1  # noqa: PT017
        return
    root.plain()
    assert root.weight <= MAX_NODES


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cn", "Co")))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.property
@given(VALUES)
def test_what_a_writer_wrote_is_read_back(written: object) -> None:
    """All in quotes, numbers with tags: PyYAML's writer takes `0E0` for text, YAML 1.2 does not."""
    text = yaml.safe_dump(written, allow_unicode=True, width=10_000, default_style='"')
    assert load(text.encode(), "f").plain() == written


@pytest.mark.property
@given(st.dictionaries(st.text("abc<", min_size=1), TEXT, min_size=1))
def test_places_point_at_the_keys(written: dict[str, str]) -> None:
    text = yaml.safe_dump(written, default_style='"', sort_keys=False, width=10_000_000)
    root = load(text.encode(), "f")
    lines = text.split("\n")
    for key in written:
        place = root.place((key,))
        assert lines[place.line - 1][place.column - 1 :].startswith(f'"{key}"')


def test_works_without_the_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamltree, "_Loader", yaml.SafeLoader)
    root = load(b"a: [1, 'x']\nb: {c: on}\n", "f")
    assert root.plain() == {"a": [1, "x"], "b": {"c": True}}
    assert root.place(("b", "c")) == Position(2, 5)
    assert refusal("a: b: c").startswith("f:1:5: a second ':'")
    assert refusal("a:\n\t- b").startswith("f:2:1: a tab")
