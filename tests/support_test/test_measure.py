"""The benchmarks' stopwatch measures what it says."""

from __future__ import annotations

import shlex
import sys

import pytest

from tests.bench.measure import BenchError, Case, best_of, measure, print_table, shell

MIB = 2**20
HOLD = "x = b'1' * {} * 2**20; import time; time.sleep(0.3)"


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_wall_time_and_processor_time() -> None:
    idle = measure(["sleep", "0.2"])
    assert 0.2 <= idle.wall_s < 2
    assert idle.cpu_s < 0.1
    busy = measure(python("from time import process_time\nwhile process_time() < 0.2: pass"))
    assert busy.cpu_s >= 0.2


def test_memory_of_a_process() -> None:
    assert 64 * MIB < measure(python(HOLD.format(64))).peak_bytes < 128 * MIB


def test_memory_of_a_pipeline_is_summed() -> None:
    hold = shlex.join(python(HOLD.format(48)))
    assert measure(shell(f"{hold} & {hold} & wait")).peak_bytes > 96 * MIB


def test_failure_anywhere_in_a_pipeline_is_reported() -> None:
    with pytest.raises(BenchError, match="no luck"):
        measure(shell("(echo no luck >&2; exit 3) | cat"))


def test_rounds_are_interleaved_and_the_best_counts(capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []
    cases = [
        Case("fast", ["true"], before=lambda: order.append("fast")),
        Case("slow", ["sleep", "0.1"], before=lambda: order.append("slow")),
    ]
    results = best_of(cases, rounds=2)
    assert order == ["fast", "slow", "fast", "slow"]
    assert results["slow"].wall_s > results["fast"].wall_s
    print_table("race", results, baseline="slow", sizes={"slow": 10, "fast": 5})
    assert "0.500" in capsys.readouterr().out
