"""Variables in compose texts and env files, form by form."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.discover.compose.env import Known, parse_env
from bundler.discover.compose.notes import Notes, Refused
from manifests.interpolation import MAX_VALUE, MalformedInterpolation, Missing, interpolate

VARIABLES = {"V": "v", "E": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$V-${V}", "v-v"),
        ("$A${A}", ""),
        ("$v.b", ".b"),
        ("$$V $${V} $$$V", "$V ${V} $v"),
        ("$5 $- $ {V} a$ $é", "$5 $- $ {V} a$ $é"),
        ("${A:-d}${E:-d}${V:-d}", "ddv"),
        ("${A-d}${E-d}${V-d}", "dv"),
        ("${A:+r}${E:+r}${V:+r}", "r"),
        ("${A+r}${E+r}${V+r}", "rr"),
        ("${V:?m}${E?m}", "v"),
        ("${A:-}x", "x"),
        ("${A:-x:-y?z}", "x:-y?z"),
        ("${A:-${B:-${C:-deep}}}", "deep"),
        ("p${A:-x}m${B:-y}s", "pxmys"),
        ("${V+x${V}y${A:-u}}", "xvyu"),
        ("${A:-b$$c}", "b$c"),
        ('${A-{"j":1}}', '{"j":1}'),
        ('${V-{"j":1}}', "v"),
        ("${V:-x}}", "v}"),
        ("${A:-{}", "{"),
        ("${V:-${B:?not needed}}", "v"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert interpolate(text, VARIABLES).text == expected


def test_what_is_unset_and_what_is_missing() -> None:
    filled = interpolate("$A ${B} ${V} ${E} ${C:-$D} ${F:+$G}", VARIABLES)
    assert filled.unset == ("A", "B", "D")
    filled = interpolate("${A:?need $V} ${E:?} ${B?}", VARIABLES)
    assert filled.missing == (
        Missing("A", "need v", empty=False),
        Missing("E", "", empty=True),
        Missing("B", "", empty=False),
    )


@pytest.mark.parametrize(
    "text",
    [
        "${",
        "${}",
        "${V:-${}}",
        "${V:-${A}",
        "${A",
        "${A/b/c}",
        "q${1}",
        "${A B}",
        "${A!x}",
        "${A:}",
        "${A:-x",
        "$V${V:-x$",
    ],
)
def test_forms_that_compose_refuses(text: str) -> None:
    with pytest.raises(MalformedInterpolation, match="expected"):
        interpolate(text, VARIABLES)


def test_variables_are_bounded() -> None:
    with pytest.raises(MalformedInterpolation, match="nested deeper"):
        interpolate("${A:-" * 40 + "}" * 40, {})
    with pytest.raises(MalformedInterpolation, match="longer than"):
        interpolate("$A" * 100, {"A": "x" * MAX_VALUE})


@given(st.text("${}:-?+AV_ \n", max_size=80))
def test_any_text_is_filled_or_refused(text: str) -> None:
    with suppress(MalformedInterpolation):
        assert len(interpolate(text, VARIABLES).text) <= len(text)


def read(text: str | bytes, outside: dict[str, str] | None = None) -> tuple[dict[str, str], Notes]:
    notes = Notes()
    data = text.encode() if isinstance(text, str) else text
    return parse_env(data, ".env", Known(outside or {}), notes), notes


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=1", "1"),
        ("  A = spaced  ", "spaced"),
        ("export A=1", "1"),
        ("A: yaml", "yaml"),
        ("A=", ""),
        ("A=b=c", "b=c"),
        ("A=un # comment", "un"),
        ("A=un#no comment", "un#no comment"),
        ("A=#x", "#x"),
        ("A='s ${V} \\n' # c", "s ${V} \\n"),
        ("A='it\\'s'", "it's"),
        ('A="q ${V} \\n \\"y\\" \\t"', 'q v \n "y" \t'),
        ('A="\\$V $$V"', "$V $V"),
        ('A="multi\nline"', "multi\nline"),
        ("A=${V}${B:-z}${Z:+no}", "vz"),
        ('A="x"y', "x"),
        ("A=`x`", "`x`"),
        ('A=a"b"', 'a"b"'),
        ("# c\n\nA=1\r\nB=2\r", "1"),
        ("\ufeffA=bom", "bom"),
        ("V=inner\nA=$V", "v"),
        ("A=1\nA=2", "2"),
    ],
)
def test_env_files(line: str, expected: str) -> None:
    values, notes = read(line, VARIABLES)
    assert values["A"] == expected
    assert not notes.problems


def test_a_name_alone_takes_the_value_from_outside() -> None:
    values, notes = read("V\nexport E\nZ\nA=1\n", VARIABLES)
    assert values == {"V": "v", "E": "", "A": "1"}
    assert not notes.problems


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("A=1\nA B=1\n", "2", "expected NAME=value, found 'A B=1'"),
        ("\n\nA+B=1", "3", "expected NAME=value, found 'A+B=1'"),
        ('A="never\nends', "1", "expected a closing \", found none after '\"never'"),
        ("A=${", "1", "expected a '}' after '${'"),
        ("A=${B:?name it}", "1", "expected a value of B: name it"),
    ],
)
def test_lines_of_env_files_that_compose_refuses(text: str, place: str, message: str) -> None:
    _, notes = read(text)
    (problem,) = notes.problems
    assert str(problem.place) == f".env:{place}"
    assert (problem.code, problem.message) == ("compose-env-file", message)


def test_all_bad_lines_of_an_env_file_are_told_and_the_good_ones_taken() -> None:
    values, notes = read("A=1\nbad line\nB=2\nworse/line=1\nC=3\n")
    assert values == {"A": "1", "B": "2", "C": "3"}
    assert [one.place.line for one in notes.problems] == [2, 4]


def test_an_env_file_in_another_encoding() -> None:
    notes = Notes()
    with pytest.raises(Refused):
        parse_env(b"A=1\nB=\xe9\n", ".env", Known({}), notes)
    (problem,) = notes.problems
    assert (problem.place.line, problem.message) == (2, "expected UTF-8, found byte 0xe9")


def test_a_variable_that_needs_one_that_is_not_set_is_remarked() -> None:
    values, notes = read("A=x${GONE}\n")
    assert values == {"A": "x"}
    assert [one.message for one in notes.remarks] == ["GONE is not set: A goes without it"]


@given(st.text("AB=:'\"\\ \n\r#${}x\ufeff\0", max_size=60))
def test_any_env_file_is_read_or_told(text: str) -> None:
    values, notes = read(text)
    assert all("\n" not in name for name in values)
    assert len(notes.problems) <= text.count("\n") + 1
