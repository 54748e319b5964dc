"""Every check on hosts where all is well, and every cause on a host that has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.checks.catalogue import CHECKS, Result, chosen_checks, run_checks
from installer.checks.enginefacts import Contact, EngineFacts
from installer.checks.finding import Cause, Check, Severity
from installer.checks.kernellog import KernelLog
from installer.checks.libraries import Loading
from installer.checks.nvml import Nvml, Trouble
from installer.checks.sources import Wanted
from manifests.errors import UsageError
from tests.installer.checks.hosts import PLAIN, WITH_GPU, FakeHost
from tests.installer.checks.scenarios import SCENARIOS

CAUSES = [(f"{one.id}/{cause.name}", one, cause) for one in CHECKS for cause in one.causes]


def results(host: FakeHost, root: Path, *only: str) -> dict[str, Result]:
    found = run_checks(host.sources(root), chosen_checks(only))
    return {one.check.id: one for one in found}


@pytest.mark.parametrize(("name", "check", "cause"), CAUSES, ids=[one[0] for one in CAUSES])
def test_every_cause_is_found_with_its_evidence_and_what_to_do(
    name: str, check: Check, cause: Cause, tmp_path: Path
) -> None:
    scenario = SCENARIOS[name]
    found = results(scenario.host, tmp_path, check.id)[check.id]
    finding = next(one for one in found.findings if one.cause == cause.name)
    assert finding.severity is cause.severity
    assert scenario.evidence in finding.evidence
    assert scenario.remedy in finding.remedy
    assert not found.left_out
    assert "{" not in finding.remedy.replace('{"cdi": true}', "")


def test_no_scenario_is_left_of_a_cause_that_is_gone() -> None:
    assert set(SCENARIOS) == {name for name, _, _ in CAUSES}


def test_ids_and_causes_are_unique() -> None:
    names = [name for name, _, _ in CAUSES]
    assert len(names) == len(set(names))
    assert len(CHECKS) == len({check.id for check in CHECKS})


@pytest.mark.parametrize("host", [PLAIN, WITH_GPU], ids=["plain", "gpu"])
def test_nothing_is_found_where_all_is_well(host: FakeHost, tmp_path: Path) -> None:
    for found in results(host, tmp_path).values():
        assert found.severity in (Severity.OK, Severity.NOTE), found
        assert not [one for one in found.findings if one.remedy], found


def test_without_a_gpu_the_checks_about_gpus_are_left_out_but_for_one(tmp_path: Path) -> None:
    found = results(PLAIN, tmp_path)
    assert found["gpu.pci"].severity is Severity.NOTE
    assert not found["gpu.pci"].left_out
    for one in found.values():
        if one.check.topic.needs_gpu and one.check.id != "gpu.pci":
            assert one.left_out
            assert one.severity is Severity.NOTE
            assert one.findings[0].evidence == "there is no NVIDIA GPU here"


def test_a_gpu_that_is_asked_for_and_not_there_fails(tmp_path: Path) -> None:
    found = results(PLAIN.having(wanted=Wanted(gpu=True), nvml=Nvml(12, "cannot open")), tmp_path)
    failed = {name for name, one in found.items() if one.severity is Severity.FAIL}
    assert {"gpu.pci", "gpu.module", "gpu.nvml", "ctk.present"} <= failed


def test_a_gpu_that_is_of_no_interest_is_not_looked_at(tmp_path: Path) -> None:
    found = results(WITH_GPU.having(wanted=Wanted(gpu=False)), tmp_path)
    assert all(one.left_out for one in found.values() if one.check.topic.needs_gpu)


def test_without_an_engine_what_it_would_have_said_is_unknown(tmp_path: Path) -> None:
    found = results(WITH_GPU.having(engine=EngineFacts(Contact.ABSENT)), tmp_path)
    assert found["docker.answer"].severity is Severity.FAIL
    for one in found.values():
        if one.check.topic.needs_engine:
            assert (one.left_out, one.severity) == (True, Severity.UNKNOWN)


def test_where_no_engine_is_wanted_none_is_missed(tmp_path: Path) -> None:
    found = results(PLAIN.having(engine=EngineFacts(Contact.NOT_WANTED)), tmp_path)
    assert {one.severity for one in found.values()} <= {Severity.OK, Severity.NOTE}


@pytest.mark.parametrize("check", CHECKS, ids=[check.id for check in CHECKS])
def test_every_check_says_something_on_an_empty_host(check: Check, tmp_path: Path) -> None:
    bare = FakeHost(files={}, wanted=Wanted(gpu=True), log=KernelLog(trouble="not permitted"))
    found = results(bare, tmp_path, check.id)[check.id]
    assert all(one.evidence for one in found.findings)


def test_what_an_ordinary_user_may_not_read_is_said_with_the_way_out(tmp_path: Path) -> None:
    host = WITH_GPU.having(
        unreadable=frozenset({"/proc/modules", "/dev/char"}),
        log=KernelLog(trouble="Operation not permitted"),
    )
    found = results(host, tmp_path)
    for name in ("gpu.module", "gpu.dev_char", "gpu.xid", "gpu.arch_driver"):
        (finding,) = found[name].findings
        assert finding.severity is Severity.UNKNOWN
        assert "can't be read" in finding.evidence
        assert "root" in finding.remedy
    assert all(one.severity is not Severity.FAIL for one in found.values())


def test_what_was_found_before_something_unreadable_is_kept(tmp_path: Path) -> None:
    host = WITH_GPU.having(wanted=Wanted(), log=KernelLog(trouble="no")).with_answers({})
    found = results(host.without("/proc/driver").having(nvml=WITH_GPU.nvml), tmp_path, "gpu")
    assert found["gpu.arch_driver"].severity is Severity.UNKNOWN


def test_only_some_checks(tmp_path: Path) -> None:
    assert list(results(PLAIN, tmp_path, "sys.time")) == ["sys.time"]
    kinds = results(PLAIN, tmp_path / "again", "docker", "gpu.xid")
    assert {name.partition(".")[0] for name in kinds} == {"docker", "gpu"}
    assert "gpu.pci" not in kinds


def test_an_unknown_check_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        chosen_checks(["gpu.warp"])
    assert caught.value.code == "check-unknown"


def test_no_source_is_asked_that_no_check_looks_at(tmp_path: Path) -> None:
    sources = PLAIN.sources(tmp_path)
    assert [one.check.id for one in run_checks(sources, chosen_checks(["sys.mem"]))] == ["sys.mem"]
    assert not {"nvml", "engine", "log"} & set(vars(sources))


def test_evidence_is_safe_to_show(tmp_path: Path) -> None:
    host = PLAIN.with_engine(warnings=("\x1b[2Jgone" + "x" * 10_000,))
    (finding,) = results(host, tmp_path, "docker.warn")["docker.warn"].findings
    assert "\x1b" not in finding.evidence
    assert len(finding.evidence) < 600


def test_images_in_containerd_s_store_need_room_there(tmp_path: Path) -> None:
    status = (("driver-type", "io.containerd.snapshotter.v1"),)
    host = PLAIN.with_engine(driver_status=status).with_files({"/var/lib/containerd/x": ""})
    found = results(host, tmp_path, "docker.space")["docker.space"]
    evidence = [one.evidence.partition(":")[0] for one in found.findings]
    assert evidence == ["/var/lib/containerd", "/var/lib/docker"]


def test_what_could_not_be_tried_is_unknown_and_not_a_failure(tmp_path: Path) -> None:
    library = "libnvidia-opencl.so.1"
    host = WITH_GPU.having(
        nvml=Nvml(Trouble.NOT_ASKED, "out of processes"),
        libraries={library: Loading("out of processes", tried=False)},
    )
    found = results(host, tmp_path)
    for name in ("gpu.nvml", "ocl.icd"):
        (finding,) = found[name].findings
        assert finding.severity is Severity.UNKNOWN
        assert "out of processes" in finding.evidence
    assert found["gpu.ecc"].left_out


def test_a_gpu_without_a_pci_bus_counts(tmp_path: Path) -> None:
    host = WITH_GPU.without("/sys/bus/pci")
    found = results(host, tmp_path)
    assert found["gpu.pci"].severity is Severity.NOTE
    assert not found["gpu.nvml"].left_out


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "[]",
        "kind: 7",
        "kind: nvidia.com/gpu\ndevices: {a: b}",
        "kind: nvidia.com/gpu\ndevices: [1, {name: [], containerEdits: []}]",
        "kind: nvidia.com/gpu\ncontainerEdits: {deviceNodes: [1, {path: 2}], mounts: {}}",
        "a: &a [*a]",
        "\x00",
        "- " * 100_000,
        "x" * 2_000_000,
    ],
)
@pytest.mark.parametrize("name", ["nvidia.yaml", "nvidia.json"])
def test_a_hostile_cdi_specification_breaks_nothing(name: str, spec: str, tmp_path: Path) -> None:
    host = WITH_GPU.without("/etc/cdi").with_files({f"/etc/cdi/{name}": spec})
    for found in results(host, tmp_path, "cdi", "docker.cdi").values():
        assert found.findings


@pytest.mark.parametrize(
    "text", ["", "\n", "\x00" * 100, "9" * 5000, "9" * 5000 + " 0 1", "a b c d e f g h i\n" * 1000]
)
def test_files_that_are_not_what_the_kernel_writes_break_nothing(text: str, tmp_path: Path) -> None:
    host = WITH_GPU.having(files=dict.fromkeys(WITH_GPU.files, text), links={})
    assert len(results(host, tmp_path)) == len(CHECKS)


@pytest.mark.parametrize("time", ["", "now", "0001-01-01T00:00:00+14:00", "9" * 5000, "2026-07-01"])
def test_an_engine_s_time_that_is_none_is_not_compared(time: str, tmp_path: Path) -> None:
    found = results(PLAIN.with_engine(system_time=time), tmp_path, "sys.time")["sys.time"]
    assert found.severity is Severity.OK
