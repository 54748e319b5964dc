"""How nodes compare, and how a fleet is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installer.fanout.fleet import Fleet
from installer.fanout.fleetjson import fleet_json
from installer.fanout.nodereport import Verdict
from installer.fanout.outcome import NodeOutcome, trouble
from installer.fanout.table import WIDTH, fleet_lines
from manifests.strictjson import readable
from tests.installer.fanout.reports import make_report, reported


def fleet_of(*copies: float) -> Fleet:
    """A fleet of n1, n2, ..., each with that speed of copying."""
    nodes = [reported(f"n{at}", make_report(value)) for at, value in enumerate(copies, 1)]
    return Fleet.of("ssh", nodes)


def far(fleet: Fleet) -> list[str]:
    return [f"{one.node} {one.figure.name} {one.change_pct:+.0f}%" for one in fleet.outliers]


def text_of(fleet: Fleet) -> str:
    return "\n".join(fleet_lines(fleet))


@pytest.mark.parametrize(
    ("copies", "wanted"),
    [
        ((20, 20, 20), []),
        ((20, 20, 10), ["n3 copy -50%"]),
        ((20, 20, 18.5), []),  # twins: less than a tenth off
        ((18, 20, 22, 19, 21, 14), []),  # a wide spread
        ((20, 20.5, 19.5, 20.1, 19.9, 14), ["n6 copy -30%"]),
        ((20, 20, 20, 40), ["n4 copy +100%"]),
        ((20, 10), []),  # two can't tell which is right
    ],
)
def test_figures_far_from_the_median_are_found(copies: Sequence[float], wanted: list[str]) -> None:
    assert far(fleet_of(*copies)) == wanted


def test_slow_node_is_warned_of_and_a_fast_one_only_told() -> None:
    slow, fast = fleet_of(20, 20, 10), fleet_of(20, 20, 40)
    assert (slow.verdict, slow.verdicts[2]) == (Verdict.WARN, Verdict.WARN)
    assert fast.verdict is Verdict.PASS
    assert "WARN n3 numpy:0: slow: copy 10 GB/s, 50% below the median 20 GB/s of 3" in text_of(slow)
    assert "note n3 numpy:0: fast: copy 40 GB/s, 100% above the median" in text_of(fast)


def test_times_are_the_other_way_round() -> None:
    nodes = [reported(f"n{at}", make_report(kernel_ms=ms)) for at, ms in enumerate((9, 9, 30, 9))]
    (one,) = Fleet.of("ssh", nodes).outliers
    assert (one.node, one.worse, round(one.change_pct)) == ("n2", True, 233)


def test_compiling_varies_more_before_it_is_told() -> None:
    times = (100, 100, 140, 100, 190)
    nodes = [reported(f"n{at}", make_report(compile_ms=ms)) for at, ms in enumerate(times)]
    assert far(Fleet.of("ssh", nodes)) == ["n4 compile +90%"]


def test_busy_nodes_are_not_compared() -> None:
    nodes = [reported(f"n{at}", make_report()) for at in range(3)]
    nodes.append(reported("busy", make_report(5, noisy=True)))
    fleet = Fleet.of("ssh", nodes)
    assert fleet.outliers == ()
    assert fleet.verdict is Verdict.PASS
    assert "not compared, too busy for timings: busy" in text_of(fleet)


def test_a_device_that_others_use_is_not_compared() -> None:
    nodes = [reported(f"n{at}", make_report()) for at in range(3)]
    report = make_report(5)
    report["devices"][0]["findings"] = [{"verdict": "pass", "code": "gpu-busy", "text": "others"}]
    fleet = Fleet.of("ssh", [*nodes, reported("busy", report)])
    assert (fleet.outliers, fleet.verdict) == ((), Verdict.PASS)
    assert "gpu-busy" in text_of(fleet)


def test_other_devices_are_not_compared() -> None:
    nodes = [reported(f"n{at}", make_report()) for at in range(3)]
    report = make_report(5)
    report["devices"][0]["device"]["name"] = "an older one"
    assert Fleet.of("ssh", [*nodes, reported("old", report)]).outliers == ()


def test_node_with_fewer_devices_or_another_driver_is_told() -> None:
    nodes = [reported(f"n{at}", make_report(devices=2)) for at in range(3)]
    nodes += [reported("n3", make_report(devices=1)), reported("n4", make_report(driver="old"))]
    nodes[4] = reported("n4", make_report(devices=2, driver="old"))
    fleet = Fleet.of("ssh", nodes)
    text = text_of(fleet)
    assert fleet.verdict is Verdict.WARN
    assert "WARN n3: devices numpy AMD EPYC: 1, where 4 of 5 have 2" in text
    assert "WARN n4: driver of numpy AMD EPYC: old, where 4 of 5 have openblas 1" in text


def test_worst_comes_first_and_numbers_in_their_order() -> None:
    nodes = [reported(f"n{at}", make_report(8 if at == 9 else 20)) for at in (10, 9, 2, 1)]
    nodes.append(NodeOutcome("n5", None, (trouble("command-missing", "no /x there", "not found"),)))
    lines = text_of(Fleet.of("slurm", nodes)).splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["n5", "n9", "n1", "n2", "n10"]
    assert "command-missing" in lines[1]
    assert "WARN" in lines[2]
    assert "copy -60%" in lines[2]


def test_same_trouble_of_many_is_told_once() -> None:
    nodes = [
        NodeOutcome(f"n{at}", None, (trouble("command-missing", "no /x", "not found"),))
        for at in range(100)
    ]
    text = text_of(Fleet.of("slurm", nodes))
    assert text.count("FAIL command-missing") == 1
    assert "n0, n1, n2, n3, n4, n5, n6, n7 and 92 more" in text
    assert "    | not found" in text
    assert "--python PATH" in text
    assert text.splitlines()[-1].startswith("FAIL: 100 of 100 nodes, 100 of them without a report")


def test_what_srun_said_is_told_where_nothing_else_explains() -> None:
    node = NodeOutcome("n1", None, (trouble("not-started", "Slurm started none"),))
    text = text_of(Fleet.of("slurm", [node], ["srun: error: nodes are busy"]))
    assert "srun said:\n    | srun: error: nodes are busy" in text


def test_wrong_case_is_told_with_its_node() -> None:
    report = make_report()
    for case in report["devices"][0]["cases"]:
        case |= {"verdict": "fail", "code": "flipped-bit", "text": "1 of 11468 values wrong"}
    report["devices"][0]["verdict"] = report["verdict"] = "fail"
    text = text_of(Fleet.of("ssh", [reported("n1", report), reported("n2", make_report())]))
    assert "FAIL flipped-bit: n1: numpy:0: separable-r1" in text
    assert "FAIL: 1 of 2 nodes: n1" in text


def test_lines_fit_and_nothing_in_them_moves_the_terminal() -> None:
    report = make_report()
    report["devices"][0]["device"]["name"] = "evil \x1b[2J\u202e" * 20
    nodes = [reported(f"n{at}\x1b[2J", report) for at in range(3)]
    nodes.append(NodeOutcome("x" * 300, None, (trouble("no-report", "a" * 5000, "\x1b[2Jbye"),)))
    for line in fleet_lines(Fleet.of("ssh", nodes)):
        assert line == "" or line.isprintable()
        assert len(line) <= WIDTH + 420


def test_document_has_everything_and_is_strict_json() -> None:
    nodes = [reported(f"n{at}", make_report(value)) for at, value in enumerate((20, 20, 10))]
    nodes.append(NodeOutcome("n9", None, (trouble("timeout", "nothing came", "hm"),)))
    document = json.loads(readable(fleet_json(Fleet.of("slurm", nodes, ["srun: hello"]))))
    assert document["verdict"] == "fail"
    assert [one["verdict"] for one in document["nodes"]] == ["pass", "pass", "warn", "fail"]
    assert [one["reported"] for one in document["nodes"]] == [True, True, True, False]
    assert document["nodes"][0]["report"]["devices"][0]["copy_gbps"] == 20
    assert document["nodes"][3]["troubles"][0]["code"] == "timeout"
    assert document["outliers"][0]["change_pct"] == -50
    assert document["srun_said"] == ["srun: hello"]


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.001, 1e6), max_size=12))
def test_any_figures_make_a_table(copies: list[float]) -> None:
    fleet = fleet_of(*copies)
    assert len(text_of(fleet).splitlines()) > len(copies)
    outlying = {one.node for one in fleet.outliers if one.figure.name == "copy"}
    assert 2 * len(outlying) <= len(copies)
