"""What platform an engine runs, from what it and the kernel say."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.planning import host
from manifests.platform import Platform

V2 = "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3"
V3 = f"{V2} avx avx2 bmi1 bmi2 f16c fma movbe"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.mark.parametrize(
    ("machine", "platform"),
    [
        ("aarch64", "linux/arm64"),
        ("armv7l", "linux/arm"),
        ("armv6l", "linux/arm/v6"),
        ("i686", "linux/386"),
        ("riscv64", "linux/riscv64"),
        ("ppc64le", "linux/ppc64le"),
    ],
)
def test_machines_have_the_names_that_images_use(machine: str, platform: str) -> None:
    assert str(host.engine_platform("linux", machine)) == platform


@pytest.mark.parametrize(
    ("flags", "variant"),
    [("fpu", ""), (V2, "v2"), (V3, "v3"), (V4, "v4"), (V4.replace("avx2", ""), "v2")],
)
def test_amd64_has_the_level_that_its_flags_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, variant: str
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr(host, "_CPUINFO", cpuinfo)
    found = host.engine_platform("linux", "x86_64")
    assert found == Platform("linux", "amd64", variant)
    assert Platform.parse("linux/amd64").runs_on(found)


def test_without_a_kernels_word_the_lowest_level_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_CPUINFO", tmp_path / "none")
    assert host.engine_platform("linux", "x86_64") == Platform("linux", "amd64")
