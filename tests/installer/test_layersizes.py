"""How many bytes each layer takes: never more than is known."""

from __future__ import annotations

from typing import Any

from installer.engines.layersizes import Stack, layers_of, to_ask
from tests.support.hosts import identity

DIFFS = [str(identity(f"layer {n}")) for n in range(3)]


def step(size: int, made_by: str = "") -> dict[str, Any]:
    return {"Size": size, "CreatedBy": made_by}


def sizes(history: list[dict[str, Any]], size: int, count: int = 3) -> list[int]:
    return [one.size for one in layers_of(DIFFS[:count], list(reversed(history)), size)]


def test_steps_with_bytes_are_the_layers() -> None:
    assert sizes([step(5), step(0, "ENV A=1"), step(7), step(1)], 13) == [5, 7, 1]


def test_a_layer_without_bytes_is_known_by_what_made_it() -> None:
    history = [step(5), step(0, "/bin/sh -c #(nop)  CMD [x]"), step(0, "/bin/sh -c rm -rf /x")]
    assert sizes([*history, step(1, "COPY a b"), step(0, "CMD x")], 6) == [5, 0, 1]
    assert sizes([step(5), step(0, "RUN rm /x # buildkit"), step(0, "WORKDIR /x")], 5) == [5, 0, 0]


def test_where_steps_and_layers_can_not_be_matched_all_is_in_the_lowest() -> None:
    assert sizes([step(5), step(6)], 11) == [11, 0, 0]
    assert sizes([], 11) == [11, 0, 0]


def test_what_the_store_keeps_besides_is_shared_out() -> None:
    assert sizes([step(50), step(30), step(20)], 150) == [75, 45, 30]


def test_what_follows_is_not_asked_for() -> None:
    stacks = [
        Stack("base", ("a",), 10),
        Stack("one", ("a", "b"), 17),
        Stack("two", ("a", "b", "c"), 20),
        Stack("three", ("a", "x", "y"), 30),
        Stack("four", ("a", "x", "z"), 31),
    ]
    known: dict[str, int] = {}
    assert [one.identity for one in to_ask(stacks, known)] == ["three"]
    assert known == {"a": 10, "b": 7, "c": 3}
    known |= {"x": 15, "y": 5}
    assert to_ask(stacks, known) == []
    assert known["z"] == 6


def test_layers_that_can_not_be_read_are_none() -> None:
    assert layers_of(["sha512:x"], [], 5) == ()
    assert layers_of([], [], 5) == ()
