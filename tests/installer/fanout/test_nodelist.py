"""Hostlist expressions: what they stand for, what is wrong with them, and how large they may be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installer.fanout.nodelist import MAX_NODES, expand, read_nodes
from manifests.errors import UsageError
from tests.support.endless import not_endless


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", "n1"),
        ("node[01-03,7],gpu[1-2]-a", "node01 node02 node03 node7 gpu1-a gpu2-a"),
        ("r[1-2]n[08-10]", "r1n08 r1n09 r1n10 r2n08 r2n09 r2n10"),
        ("n[3]", "n3"),
        ("n[9-11]", "n9 n10 n11"),
        ("n[098-101]", "n098 n099 n100 n101"),
        ("[1-2]", "1 2"),
        (" a , b,a ", "a b"),
        ("n[1, 3-4]x", "n1x n3x n4x"),
        ("root@10.0.0.[1-2],ship.example.org", "root@10.0.0.1 root@10.0.0.2 ship.example.org"),
        ("fe80::1", "fe80::1"),
    ],
)
def test_expression_stands_for_names(text: str, names: str) -> None:
    assert expand(text) == tuple(names.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1: expected a name, found 'the end'"),
        ("a,", "column 3: expected a name, found 'the end'"),
        ("a,,b", "column 3: expected a name, found ',b'"),
        ("n[1-3", "column 2: expected a comma, found '[1-3'"),
        ("n1]", "column 3: expected a comma, found ']'"),
        ("n[]", "column 3: expected numbers such as 01-16,20, found ''"),
        ("n[a-c]", "column 3: expected numbers such as 01-16,20, found 'a-c'"),
        ("n[3-1]", "column 3: expected a range that rises, found '3-1'"),
        ("n[1-9999999999]", "column 3: expected numbers such as 01-16,20"),
        ("n1;reboot", "column 3: expected a comma, found ';reboot'"),
        ("n1 n2", "column 3: expected a comma, found ' n2'"),
        ("n\x1b[31m", "column 2: expected a comma, found '\\\\x1b[31m'"),
    ],
)
def test_what_is_wrong_is_told_with_its_column(text: str, message: str) -> None:
    with pytest.raises(UsageError, match="list of nodes, column") as refused:
        expand(text)
    assert refused.value.code == "nodelist-malformed"
    assert message in str(refused.value)
    assert "node[01-16]" in refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "n[1-999999999]",
        "n[1-999][1-999][1-999]",
        "n[1-4096],m",
        ",".join(f"n{number}" for number in range(MAX_NODES + 1)),
        "a" * 2_000_000,
        ",".join("[1-4000]" + "x" * at for at in range(100)),
    ],
)
def test_too_many_names_are_refused_before_they_are_made(text: str) -> None:
    with not_endless():
        with pytest.raises(UsageError) as refused:
            expand(text)
        assert refused.value.code == "nodelist-too-long"


@pytest.mark.property
@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z][a-z.-]{0,5}", fullmatch=True),
            st.integers(0, 500),
            st.integers(0, 20),
            st.integers(1, 5),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_number_of_a_range_comes_once_and_padded(
    parts: list[tuple[str, int, int, int]],
) -> None:
    text = ",".join(f"{name}[{low:0{w}d}-{low + more}]" for name, low, more, w in parts)
    wanted = [
        f"{name}{number:0{max(w, len(str(low)))}d}"
        for name, low, more, w in parts
        for number in range(low, low + more + 1)
    ]
    assert expand(text) == tuple(dict.fromkeys(wanted))


@pytest.mark.property
@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="n1-[],@:. \t\x1b\n9", max_size=40))
def test_any_text_is_names_or_refused(text: str) -> None:
    try:
        names = expand(text)
    except UsageError:
        return
    assert names
    assert all(name and not set(name) & set("[], \t\x1b\n") for name in names)


def test_file_has_an_expression_a_line(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("# the racks\nr1n[1-2]\n\nr2n1, r1n2 # again\n")
    assert read_nodes(f"@{path}") == ("r1n1", "r1n2", "r2n1")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a\n[b\n", "nodelist-malformed"),
        (b"# nobody\n", "nodelist-malformed"),
        (b"\xff\xfe\n", "nodelist-malformed"),
        (b"n[1-4000]\nm[1-4000]\n", "nodelist-too-long"),
        (b"a," * 1_000_000, "nodelist-too-long"),
    ],
)
def test_file_that_is_no_list_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        read_nodes(f"@{path}")
    assert refused.value.code == code
    assert str(path) in str(refused.value)


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file") as refused:
        read_nodes(f"@{tmp_path}/none")
    assert refused.value.code == "nodelist-unreadable"
