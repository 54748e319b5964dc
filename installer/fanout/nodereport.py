"""The part of a node's report that a fleet is judged by, read strictly and made safe to show.

Foreign input: a node may be broken or hostile. Fields that are not known are let pass, so that a
newer self-test can say more; the format's version is not (docs/selftest.md, report.schema.json).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from installer.fanout.framing import REPORT_LIMIT
from manifests.errors import MalformedInput
from manifests.safetext import safe_line
from manifests.strictjson import load_object

SCHEMA: Final = 1


class Verdict(StrEnum):
    """What was found, from best to worst."""

    PASS = "pass"  # noqa: S105 - not a password
    SKIP = "skip"
    WARN = "warn"
    FAIL = "fail"


def worst(*verdicts: Verdict) -> Verdict:
    """Return the worst of some verdicts."""
    return max(verdicts, key=list(Verdict).index, default=Verdict.PASS)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


Line = Annotated[str, AfterValidator(lambda text: safe_line(text, limit=300))]
Word = Annotated[str, AfterValidator(lambda text: safe_line(text, limit=80))]
Figure = Annotated[float, Field(ge=0, le=1e15, strict=True)]
Found = Annotated[Verdict, Field(strict=False)]


class NodeFinding(_Part):
    """Something that the node's own self-test found."""

    verdict: Found
    code: Word
    text: Line
    evidence: Annotated[tuple[Line, ...], Field(max_length=1000)] = ()
    remedy: Annotated[str, AfterValidator(lambda text: safe_line(text, limit=1000))] = ""


class NodeCase(_Part):
    """One case."""

    case: Word
    verdict: Found
    code: Word | None = None
    text: Line = ""


class NodeTiming(_Part):
    """How long one case took, in milliseconds."""

    case: Word
    kernel_ms_min: Figure


class NodeCompiled(_Part):
    """How long the kernels took to compile, in milliseconds."""

    compile_ms: Figure


class NodeYardsticks(_Part):
    """The device's own limits: GB/s and GFLOP/s."""

    copy_gbps_before: Figure | None = None
    peak_gflops: Figure | None = None


class NodeDevice(_Part):
    """Something that computes."""

    backend: Word
    index: Annotated[int, Field(ge=0, le=4096, strict=True)]
    kind: Literal["cpu", "gpu", "accelerator"]
    name: Word
    driver: Word
    uuid: Word | None = None

    @property
    def address(self) -> str:
        """How a person names it: `opencl:0`."""
        return f"{self.backend}:{self.index}"


class NodeDeviceReport(_Part):
    """What came of one device of a node."""

    device: NodeDevice
    verdict: Found
    findings: Annotated[tuple[NodeFinding, ...], Field(max_length=1000)]
    compiled: NodeCompiled | None = None
    cases: Annotated[tuple[NodeCase, ...], Field(max_length=10_000)]
    timings: Annotated[tuple[NodeTiming, ...], Field(max_length=1000)]
    yardsticks: NodeYardsticks


class NodeHost(_Part):
    """Which machine it was, by its own words."""

    name: Word
    machine: Word
    cores: Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
    slurm_job: Word | None = None


class NodeNoise(_Part):
    """Why timings are not judged; nothing when they are."""

    reasons: Annotated[tuple[Line, ...], Field(max_length=100)] = ()


class NodeReport(_Part):
    """A node's report."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    tool_version: Word
    started_utc: Word
    wall_s: Figure
    verdict: Found
    host: NodeHost
    noise: NodeNoise
    devices: Annotated[tuple[NodeDeviceReport, ...], Field(max_length=512)]
    findings: Annotated[tuple[NodeFinding, ...], Field(max_length=1000)]

    @property
    def worst_verdict(self) -> Verdict:
        """The worst of all, whatever the report itself says it comes to."""
        found = [one.verdict for one in self.findings]
        for report in self.devices:
            found += [report.verdict, *(one.verdict for one in report.findings)]
            found += [one.verdict for one in report.cases]
        return worst(self.verdict, *(one for one in found if one is not Verdict.SKIP))

    @property
    def gpus(self) -> int:
        """How many graphics processors the backend that sees most of them sees."""
        seen: dict[str, set[str]] = {}
        for one in self.devices:
            if one.device.kind == "gpu":
                name = one.device.uuid or one.device.address
                seen.setdefault(one.device.backend, set()).add(name)
        return max(map(len, seen.values()), default=0)


def read_report(data: bytes) -> NodeReport:
    """Return a node's report.

    Raises:
        MalformedInput: `json-malformed`, or `report-malformed` with the first thing that is wrong.
    """
    document = load_object(data, limit=REPORT_LIMIT, subject="report")
    if document.get("schema") != SCHEMA or isinstance(document.get("schema"), bool):
        found = safe_line(repr(document.get("schema")), limit=60)
        raise MalformedInput(
            "report-malformed", f"expected a report of schema {SCHEMA}, found {found}"
        )
    try:
        return NodeReport.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise MalformedInput("report-malformed", f"{place}: {first['msg']}") from error
