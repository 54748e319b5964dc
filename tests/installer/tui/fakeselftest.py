"""Stands for `python -m selftest`: a report as the real one writes it, and a small picture.

    python fakeselftest.py VERDICT --report=FILE

VERDICT is pass, fail, broken (ends without a report) or hang (until it is told to end).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

TIMING = {
    "case": "dense-r7-rgba-1024x1024",
    "kernel_ms_min": 36.37,
    "end_to_end_ms": 160.66,
    "fraction_of_copy": 0.07,
    "fraction_of_peak": 0.42,
}


def device(backend: str, verdict: str) -> dict[str, object]:
    named = {"backend": backend, "index": 0, "kind": "cpu", "name": "AMD \x1b[31mEPYC"}
    case = {"case": "dense-r1", "verdict": verdict, "code": "wrong-bits", "text": "3 bits differ"}
    return {
        "device": {**named, "uuid": None},
        "verdict": verdict,
        "cases": [case],
        "timings": [TIMING, {**TIMING, "case": "unknown", "fraction_of_peak": None}],
        "findings": [],
    }


def report(verdict: str) -> dict[str, object]:
    devices = [device("numpy", "pass"), device("opencl", verdict)]
    return {"schema": 1, "verdict": verdict, "wall_s": 4.2, "devices": devices, "findings": []}


def main(verdict: str, option: str) -> int:
    sys.stderr.write("\r\x1b[Ktesting numpy:0, AMD EPYC")
    sys.stderr.flush()
    if verdict == "hang":
        time.sleep(60)
    if verdict == "broken":
        sys.stdout.write("Segmentation fault\n")
        return 1
    block = "#" if sys.stdout.encoding.lower().startswith("ascii") else "\u2580"
    width = os.get_terminal_size(sys.stdout.fileno()).columns
    for _ in range(4):
        sys.stdout.write(f"\x1b[38;5;130;48;5;94m{block * min(20, width)}\x1b[0m\n")
    sys.stdout.write("original, blur and edges, computed by opencl:0\n\nmoonlift self-test\n")
    Path(option.removeprefix("--report=")).write_text(json.dumps(report(verdict)))
    return 13 if verdict == "fail" else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
