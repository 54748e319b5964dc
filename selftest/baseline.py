"""A machine's figures on a good day, kept in a signed file, and what has drifted from them since.

The file is sealed with HMAC-SHA256 under a key that the host gives, or, without a key, with a plain
SHA-256 that shows damage but proves nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selftest.examine import add_findings
from selftest.jsonform import MalformedRecord, from_json, to_json
from selftest.judge import GPU_BUSY
from selftest.measured import Verdict
from selftest.model import DeviceReport, Drift, Finding, Report
from selftest.plaintext import printable
from selftest.remedies import remedy

SCHEMA: Final = 1
DRIFT_LIMIT_PCT: Final = 10.0
COMPILE_LIMIT_PCT: Final = 50.0
"""Compiling leans on disks and caches and varies more than kernels do."""

KEY_LEAST: Final = 16
KEY_MOST: Final = 4096

_LIMIT: Final = 1 << 20


class BaselineError(Exception):
    """A baseline that can't be used.

    Attributes:
        code: stable and documented.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Figure:
    """One number.

    Attributes:
        device: address and name.
        name: what was measured, with its unit.
        value: then; never 0.
        higher_is_better: speeds are, times are not.
        limit_pct: by how much it may get worse.
    """

    device: str
    name: str
    value: float
    higher_is_better: bool
    limit_pct: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a file holds beside its seal.

    Attributes:
        schema: version of the format.
        machine: as in `Host`.
        host: its name, for people.
        mode: `quick` or `full`.
        saved_utc: when.
        figures: what was measured.
    """

    schema: int
    machine: str
    host: str
    mode: str
    saved_utc: str
    figures: tuple[Figure, ...]


def load_key(path: Path) -> bytes:
    """Return a key.

    Raises:
        BaselineError: `baseline-key-unusable`: it can't be read, is too short or too long.
    """
    try:
        with path.open("rb") as file:
            key = file.read(KEY_MOST + 1)
    except OSError as error:
        raise BaselineError("baseline-key-unusable", f"{path}: {error.strerror}") from error
    if not KEY_LEAST <= len(key) <= KEY_MOST:
        raise BaselineError(
            "baseline-key-unusable",
            f"{path}: expected a key of {KEY_LEAST} to {KEY_MOST} bytes, found {len(key)}",
        )
    return key


def save_baseline(path: Path, report: Report, key: bytes | None) -> None:
    """Write the run's figures, sealed, by rename.

    Raises:
        BaselineError: `baseline-noisy`, or `baseline-unwritable`.
    """
    busy = [one.device.address for one in report.devices if _is_busy(one)]
    reasons = (*report.noise.reasons, *(f"others use {address}" for address in busy))
    if reasons:
        raise BaselineError("baseline-noisy", f"not saved: {'; '.join(reasons)}")
    host = report.host
    figures = tuple(_figures(report.devices))
    body = to_json(
        Baseline(SCHEMA, host.machine, host.name, report.mode, report.started_utc, figures)
    )
    algorithm = "sha256" if key is None else "hmac-sha256"
    seal = {"algorithm": algorithm, "value": _seal(body, key)}
    text = json.dumps({"baseline": body, "seal": seal}, indent=1) + "\n"
    try:
        _replace(path, text.encode())
    except OSError as error:
        raise BaselineError("baseline-unwritable", f"{path}: {error.strerror}") from error


def load_baseline(path: Path, key: bytes | None) -> Baseline:
    """Return a baseline whose seal holds.

    Raises:
        BaselineError: why it can't be believed.
    """
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_LIMIT + 1))
        body, seal = document["baseline"], document["seal"]
        algorithm, value = str(seal["algorithm"]), str(seal["value"])
    except FileNotFoundError as error:
        raise BaselineError("baseline-missing", f"{path}: no such file") from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BaselineError("baseline-unreadable", f"{path}: expected a baseline") from error
    _check_seal(path, body, (algorithm, value), key)
    try:
        return from_json(Baseline, body)
    except MalformedRecord as error:
        raise BaselineError("baseline-unreadable", f"{path}: {error}") from error


def find_drift(baseline: Baseline, report: Report) -> tuple[Drift, ...]:
    """Return the figures that are worse than the baseline's by more than their limit.

    Raises:
        BaselineError: `baseline-other-host`: it is of another machine.
    """
    if baseline.machine != report.host.machine:
        raise BaselineError(
            "baseline-other-host", f"the baseline is of {baseline.host}, not of this machine"
        )
    known = {(one.device, one.name): one for one in baseline.figures}
    pairs = ((known.get((one.device, one.name)), one) for one in _figures(report.devices))
    return tuple(drift for old, new in pairs if old and (drift := _drift(old, new)))


def compare_and_save(
    report: Report, baseline: Path | None, target: Path | None, key_path: Path | None
) -> Report:
    """Return the report with what has drifted; save its figures. Failures there fail the run."""
    try:
        key = load_key(key_path) if key_path else None
        if baseline:
            drifts = find_drift(load_baseline(baseline, key), report)
            report = dataclasses.replace(report, drifts=drifts)
            report = add_findings(report, list(judge_drift(drifts, report)))
        if target:
            save_baseline(target, report, key)
    except BaselineError as error:
        text = printable(str(error))
        return add_findings(
            report, [Finding(Verdict.FAIL, error.code, text, (), remedy(error.code))]
        )
    return report


def judge_drift(drifts: Sequence[Drift], report: Report) -> Iterator[Finding]:
    """Yield a warning for each drift; nothing on a busy machine."""
    if report.noise.reasons:
        return
    for one in drifts:
        text = (
            f"{one.device}: {one.figure} is {one.change_pct:.0f}% worse than its baseline:"
            f" {one.now:.4g}, was {one.baseline:.4g}"
        )
        yield Finding(Verdict.WARN, "drift", text, (), remedy("drift"))


def _drift(old: Figure, new: Figure) -> Drift | None:
    if old.value <= 0 or new.value <= 0:
        return None
    slower = old.value / new.value if old.higher_is_better else new.value / old.value
    change = 100 * (slower - 1)
    if change <= old.limit_pct:
        return None
    return Drift(new.device, new.name, old.value, new.value, change)


def _figures(reports: Sequence[DeviceReport]) -> Iterator[Figure]:
    for report in reports:
        if _is_busy(report):
            continue
        device = f"{report.device.address} {report.device.name}"
        limits = report.yardsticks
        for name, value in (
            ("copy, GB/s", limits.copy_gbps_before),
            ("peak, GFLOP/s", limits.peak_gflops),
        ):
            if value:
                yield Figure(device, name, value, True, DRIFT_LIMIT_PCT)  # noqa: FBT003
        if report.compiled and report.compiled.compile_ms:
            compile_ms = report.compiled.compile_ms
            yield Figure(device, "compile, ms", compile_ms, False, COMPILE_LIMIT_PCT)  # noqa: FBT003
        for timing in report.timings:
            kernel = timing.kernel_ms_min
            yield Figure(device, f"{timing.case}, ms", kernel, False, DRIFT_LIMIT_PCT)  # noqa: FBT003


def _is_busy(report: DeviceReport) -> bool:
    return any(one.code == GPU_BUSY for one in report.findings)


def _check_seal(path: Path, body: object, seal: tuple[str, str], key: bytes | None) -> None:
    algorithm, value = seal
    if algorithm not in ("sha256", "hmac-sha256"):
        raise BaselineError("baseline-unreadable", f"{path}: unknown seal")
    if key is not None and algorithm == "sha256":
        raise BaselineError("baseline-unsigned", f"{path}: it is not signed")
    if key is None and algorithm == "hmac-sha256":
        raise BaselineError("baseline-key-missing", f"{path}: it is signed, and no key was given")
    if not hmac.compare_digest(value.encode(), _seal(body, key).encode()):
        raise BaselineError("baseline-damaged", f"{path}: its seal does not match")


def _seal(body: object, key: bytes | None) -> str:
    data = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    if key is None:
        return hashlib.sha256(data).hexdigest()
    return hmac.new(key, data, hashlib.sha256).hexdigest()


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
