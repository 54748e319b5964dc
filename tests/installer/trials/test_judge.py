"""What is made of a container's report, of its silence, and of the engine's refusal."""

from __future__ import annotations

import json

import pytest

from installer.engines.containers import ContainerRefused, Said
from installer.trials.hostgpus import HostGpus
from installer.trials.judge import (
    Granted,
    Standing,
    Trial,
    judge_all,
    judge_refusal,
    judge_report,
    judge_said,
)
from installer.trials.layers import Layer
from installer.trials.reports import REPORT_LIMIT, read_report
from installer.trials.rounds import RoundsRequest
from installer.trials.texts import Setting, summary_lines, trial_lines, trials_json
from installer.trials.ways import Grant, Way
from manifests.digest import Digest
from manifests.errors import SelftestFailed
from tests.installer.trials.making import CPUS, device, finding, raw_report, report

NO_GPU = Granted(0, host_has_driver=False)
TWO = Granted(2, host_has_driver=True)
ANY = Granted(None, host_has_driver=True)
GPUS = [device(f"opencl:{n}", "gpu", uuid=f"u{n}") for n in (1, 2)]
CPU_DEVICES = [device(one) for one in CPUS]
UNPRIVILEGED = "expected 0 GPUs, found 1"


def test_a_container_without_gpus_passes_on_processors() -> None:
    trial = judge_report(Way.NONE, NO_GPU, report())
    assert (trial.standing, trial.layer) == (Standing.PASSED, None)
    assert trial.report is not None
    assert trial.report.gpus == 0


def test_a_gpu_that_was_not_granted_is_a_failure() -> None:
    trial = judge_report(Way.NONE, NO_GPU, report([*CPU_DEVICES, GPUS[0]]))
    assert (trial.standing, trial.code) == (Standing.FAILED, "gpus-extra")
    assert (trial.layer, trial.text) == (Layer.RUNTIME, UNPRIVILEGED)
    assert "NVIDIA_VISIBLE_DEVICES" in trial.remedy


def test_one_gpu_seen_by_two_backends_is_one() -> None:
    cuda = device("cuda:0", "gpu", uuid="u1")
    found = report([*CPU_DEVICES, GPUS[0], cuda])
    assert found.gpus == 1
    trial = judge_report(Way.GPUS, Granted(1, host_has_driver=True), found)
    assert trial.standing is Standing.PASSED


def test_exactly_what_was_granted_passes() -> None:
    assert judge_report(Way.CDI, TWO, report([*CPU_DEVICES, *GPUS])).standing is Standing.PASSED
    fewer = judge_report(Way.CDI, TWO, report([*CPU_DEVICES, GPUS[0]]))
    assert (fewer.code, fewer.layer) == ("gpus-missing", Layer.ICD)


def test_all_gpus_are_at_least_one() -> None:
    assert judge_report(Way.GPUS, ANY, report([*CPU_DEVICES, *GPUS])).standing is Standing.PASSED
    none = judge_report(Way.GPUS, ANY, report())
    assert (none.standing, none.text) == (Standing.FAILED, "expected 1 GPU or more, found 0")


@pytest.mark.parametrize(
    ("code", "layer"),
    [
        ("opencl-no-binding", Layer.BINDING),
        ("opencl-binding", Layer.BINDING),
        ("opencl-no-platform", Layer.ICD),
        ("opencl-icd-unloadable", Layer.ICD),
        ("opencl-no-device", Layer.DRIVER),
        ("cuda-no-driver", Layer.DRIVER),
        ("cuda-not-ready", Layer.DRIVER),
        ("cuda-driver-unloadable", Layer.DRIVER),
        ("cuda-stub", Layer.RUNTIME),
        ("cuda-symbols", Layer.BINDING),
        ("cuda-ptx-version", Layer.KERNEL),
        ("opencl-build", Layer.KERNEL),
        ("wrong-result", Layer.KERNEL),
        ("crashed", Layer.KERNEL),
        ("gpus-extra", Layer.RUNTIME),
        ("gpus-missing", Layer.DRIVER),
    ],
)
def test_each_finding_has_its_layer(code: str, layer: Layer) -> None:
    trial = judge_report(Way.NONE, NO_GPU, report(findings=[finding(code)]))
    assert (trial.standing, trial.layer, trial.code) == (Standing.FAILED, layer, code)
    assert (trial.text, trial.remedy, trial.evidence) == ("words", "do", ("quoted",))


def test_a_driver_that_the_host_has_and_the_container_not_was_not_brought() -> None:
    trial = judge_report(Way.GPUS, TWO, report(GPUS, [finding("cuda-no-driver")]))
    assert (trial.layer, trial.code) == (Layer.RUNTIME, "cuda-no-driver")


def test_the_first_layer_is_named_whatever_comes_first_in_the_report() -> None:
    several = [finding("wrong-result"), finding("opencl-binding"), finding("opencl-open")]
    trial = judge_report(Way.GPUS, TWO, report([*CPU_DEVICES, *GPUS], several))
    assert (trial.layer, trial.code) == (Layer.DRIVER, "opencl-open")


def test_an_image_without_opencl_fails_though_the_self_test_only_skips_it() -> None:
    skipped = finding("opencl-no-binding", "skip", "pyopencl is not installed")
    trial = judge_report(Way.NONE, NO_GPU, report([device("numpy:0")], [skipped]))
    assert (trial.standing, trial.layer) == (Standing.FAILED, Layer.BINDING)
    assert trial.text == "pyopencl is not installed"


def test_a_wrong_case_is_told_with_its_device() -> None:
    broken = device("opencl:0")
    broken["cases"][0] |= {"verdict": "fail", "code": "flipped-bit", "text": "one bit"}
    broken["verdict"] = "fail"
    trial = judge_report(Way.NONE, NO_GPU, report([device("numpy:0"), broken]))
    assert (trial.layer, trial.code) == (Layer.KERNEL, "flipped-bit")
    assert trial.text == "opencl:0: dense-r1: one bit"


@pytest.mark.parametrize(
    ("words", "code", "layer"),
    [
        ('could not select device driver "nvidia" with capabilities: [[gpu compute utility]]',
         "gpu-driver-unknown", Layer.RUNTIME),
        ("Unknown runtime specified nvidia", "runtime-unknown", Layer.RUNTIME),
        ("unknown or invalid runtime name: nvidia", "runtime-unknown", Layer.RUNTIME),
        ('could not select device driver "cdi" with capabilities: []', "cdi-off", Layer.RUNTIME),
        ("CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all",
         "cdi-unresolvable", Layer.RUNTIME),
        ("nvidia-container-cli: initialization error: nvml error: driver not loaded",
         "driver-not-loaded", Layer.DRIVER),
        ("nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8",
         "driver-too-old", Layer.DRIVER),
        ('failed to stat CDI host device "/dev/nvidia9": no such file', "cdi-stale", Layer.RUNTIME),
        ("nvidia-container-cli: device error: 7: unknown device", "gpu-unknown", Layer.DRIVER),
        ("something else", "engine-refused", Layer.RUNTIME),
    ],
)  # fmt: skip
def test_the_engines_words_are_kept_and_understood(words: str, code: str, layer: Layer) -> None:
    trial = judge_refusal(Way.GPUS, TWO, ContainerRefused("unix:///x", words))
    assert (trial.standing, trial.code, trial.layer) == (Standing.UNAVAILABLE, code, layer)
    assert trial.text == words
    assert trial.remedy


def test_a_refusal_without_gpus_is_a_failure() -> None:
    trial = judge_refusal(
        Way.NONE, NO_GPU, ContainerRefused("unix:///x", "no space left on device")
    )
    assert (trial.standing, trial.code) == (Standing.FAILED, "no-space")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Said(None, b"", b"", timed_out=True), "container-timeout"),
        (Said(None, b"", b"", too_much=True), "container-output"),
        (Said(137, b"", b"", out_of_memory=True), "container-memory"),
        (Said(127, b"", b"python3: not found\n"), "container-ended"),
        (Said(0, b"Hello from Docker!\n", b""), "selftest-report"),
        (Said(13, b"", b""), "selftest-report"),
    ],
)
def test_a_container_without_a_report_is_told_with_its_last_words(said: Said, code: str) -> None:
    trial = judge_said(Way.NONE, NO_GPU, said)
    assert (trial.standing, trial.code, trial.layer) == (Standing.FAILED, code, None)
    assert trial.remedy
    assert trial.evidence == (("python3: not found",) if said.err else ())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b'{"schema": 2}',
        b'{"schema": NaN}',
        b"\xff\xfe",
        b" " * (REPORT_LIMIT + 1),
    ],
)
def test_what_is_no_report_is_refused(raw: bytes) -> None:
    with pytest.raises(SelftestFailed) as caught:
        read_report(raw)
    assert caught.value.code == "selftest-report"


@pytest.mark.parametrize(
    "fields",
    [
        {"devices": "x"},
        {"devices": [1, None, {"device": 1}]},
        {"findings": [{"evidence": 5}]},
        {"wall_s": "long"},
        {"verdict": ["pass"]},
    ],
)
def test_a_report_of_odd_types_does_not_pass(fields: dict[str, object]) -> None:
    found = read_report(json.dumps({**json.loads(raw_report()), **fields}).encode())
    trial = judge_report(Way.GPUS, TWO, found)
    assert trial.standing is Standing.FAILED


def test_terminal_escapes_of_a_report_are_not_shown() -> None:
    nasty = finding("opencl-build", text="\x1b[2Jgone\n\u202ereversed")
    shown = "\n".join(trial_lines(judge_report(Way.NONE, NO_GPU, report(findings=[nasty]))))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "gone" in shown


def trial(way: Way, standing: Standing) -> Trial:
    return Trial(way, standing, 1)


def test_a_host_without_gpus_passes_when_none_is_expected() -> None:
    ways = [trial(Way.NONE, Standing.PASSED), trial(Way.GPUS, Standing.UNAVAILABLE)]
    assert judge_all(ways, 0) is Standing.PASSED
    assert judge_all(ways, 1) is Standing.FAILED


def test_one_way_to_a_gpu_is_enough_and_one_that_breaks_is_too_much() -> None:
    ways = [trial(Way.NONE, Standing.PASSED), trial(Way.CDI, Standing.PASSED)]
    ways.append(trial(Way.GPUS, Standing.UNAVAILABLE))
    assert judge_all(ways, 1) is Standing.PASSED
    ways.append(trial(Way.RUNTIME, Standing.FAILED))
    assert judge_all(ways, 0) is Standing.FAILED


def rounds(gpu: str, expected: int | None, host: HostGpus) -> RoundsRequest:
    return RoundsRequest(
        Digest.of(b"x"), Grant.parse(gpu), expected, host, full=False, deadline_s=1
    )


def test_what_is_granted_is_known_from_the_command_line_or_from_the_host() -> None:
    none, two, divided = (
        HostGpus(0, divided=False),
        HostGpus(2, divided=False),
        HostGpus(2, divided=True),
    )
    assert rounds("", None, none).granted(Way.GPUS).gpus is None
    assert rounds("", None, two).granted(Way.GPUS).gpus == 2
    assert rounds("1", None, two).granted(Way.CDI).gpus == 1
    assert rounds("", None, divided).granted(Way.GPUS).gpus is None
    assert rounds("", 3, divided).granted(Way.GPUS).gpus == 3
    assert rounds("0", 1, two).granted(Way.NONE).gpus == 0


def test_gpus_are_wanted_where_the_host_has_them_unless_told_otherwise() -> None:
    none, two = HostGpus(0, divided=False), HostGpus(2, divided=False)
    assert rounds("", None, none).wanted_gpus == 0
    assert rounds("", None, two).wanted_gpus == 2
    assert rounds("0", None, none).wanted_gpus == 1
    assert rounds("", 0, two).ways == (Way.NONE,)
    assert rounds("", None, none).ways == tuple(Way)


def test_json_holds_the_reports_and_the_numbers() -> None:
    setting = Setting("acme/selftest:1", Digest.of(b"x"), "26.1", 2)
    passed = judge_report(Way.GPUS, TWO, report([*CPU_DEVICES, *GPUS]))
    document = json.loads(json.dumps(trials_json([passed], setting, Standing.PASSED)))
    way = document["ways"][0]
    assert way["gpus_granted"] == way["gpus_seen"] == 2
    assert way["report"]["schema"] == 1


def test_the_last_line_says_what_to_do() -> None:
    setting = Setting("acme/selftest:1", Digest.of(b"x"), "26.1", 1)
    ways = [trial(Way.NONE, Standing.PASSED), trial(Way.GPUS, Standing.UNAVAILABLE)]
    told = "\n".join(summary_lines(ways, setting, Standing.FAILED))
    assert "--expect-gpu 0" in told
    told = "\n".join(summary_lines(ways, setting, Standing.PASSED))
    assert told.strip().startswith("PASS")
