"""The report of a run, as it stands in JSON; units are in the names.

Pure data: what was made of `measured`, and where. A number that is not known is null, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from selftest.measured import (
    UNMEASURED,
    CaseResult,
    Compiled,
    Device,
    Neighbours,
    Timing,
    Verdict,
    Yardsticks,
)

SCHEMA: Final = 1
"""Version of the report's format; additions keep it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should know.

    Attributes:
        verdict: how bad it is; `pass` for a mere note.
        code: stable and documented.
        text: what was expected and what was found.
        evidence: lines quoted from drivers and loaders.
        remedy: what to do.
    """

    verdict: Verdict
    code: str
    text: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """What came of one device; what its child process could not tell is missing.

    Attributes:
        device: which.
        verdict: the worst of its cases and findings.
        findings: beside wrong results.
        compiled: null when it did not come so far.
        cases: in the order in which they ran.
        timings: likewise.
        yardsticks: likewise.
        wall_s: seconds that its child process took, without waiting for its turn.
        neighbours: who else used it; null where nobody tells, and for processors.
    """

    device: Device
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    compiled: Compiled | None = None
    cases: tuple[CaseResult, ...] = ()
    timings: tuple[Timing, ...] = ()
    yardsticks: Yardsticks = UNMEASURED
    wall_s: float = 0.0
    neighbours: Neighbours | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times faster one device did the same case than another.

    Attributes:
        case: its name.
        device: address of the faster kind.
        reference: address of the CPU that it is compared with.
        reference_cores: cores that this process may use: a ratio says nothing without them.
        kernel: by the kernels alone.
        end_to_end: with transfers.
    """

    case: str
    device: str
    reference: str
    reference_cores: int
    kernel: float
    end_to_end: float


@dataclass(frozen=True, slots=True)
class Host:
    """Where it ran.

    Attributes:
        name: host name.
        machine: SHA-256 of the machine's identity, so that it can be told from others.
        kernel: the system's.
        system: name and version of the distribution.
        python: version.
        numpy: version.
        cpu: model.
        cores: that this process may use.
        cpu_quota: cores' worth of time that the control group grants; null without limit.
        memory_bytes: of the host.
        container: whether it looks like a container.
        slurm_job: job and step, inside one.
    """

    name: str
    machine: str
    kernel: str
    system: str
    python: str
    numpy: str
    cpu: str
    cores: int
    cpu_quota: float | None
    memory_bytes: int | None
    container: bool
    slurm_job: str | None


@dataclass(frozen=True, slots=True)
class Noise:
    """Whether the machine was quiet enough for its timings to be judged.

    Attributes:
        load_before: load average of the last minute when the run began.
        steal_pct: time that the hypervisor gave to others during the run.
        others_pct: processor time that other processes took during the run, of all cores.
        reasons: why timings are not judged; none when they are.
    """

    load_before: float | None
    steal_pct: float | None
    others_pct: float | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drift:
    """One figure against the baseline.

    Attributes:
        device: address and name.
        figure: which.
        baseline: then.
        now: now.
        change_pct: positive when it got slower.
    """

    device: str
    figure: str
    baseline: float
    now: float
    change_pct: float


@dataclass(frozen=True, slots=True)
class Report:
    """One run.

    Attributes:
        schema: version of this format.
        tool_version: moonlift's, or `unknown` when it is not installed as a package.
        run_id: random, to tell runs apart.
        started_utc: RFC 3339.
        wall_s: how long it took.
        mode: `quick` or `full`.
        verdict: the worst of all; `skip` does not count.
        host: where.
        noise: how quiet it was.
        devices: in the order in which they ran.
        findings: what belongs to no device.
        ratios: each device against the best CPU.
        drifts: against the baseline, when one was given.
        pictures: files that were written.
    """

    schema: int
    tool_version: str
    run_id: str
    started_utc: str
    wall_s: float
    mode: str
    verdict: Verdict
    host: Host
    noise: Noise
    devices: tuple[DeviceReport, ...]
    findings: tuple[Finding, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    drifts: tuple[Drift, ...] = ()
    pictures: tuple[str, ...] = ()


_ORDER: Final = (Verdict.PASS, Verdict.SKIP, Verdict.WARN, Verdict.FAIL)


def worst(verdicts: list[Verdict]) -> Verdict:
    """Return the worst of some verdicts; `pass` of none."""
    return max(verdicts, key=_ORDER.index, default=Verdict.PASS)
