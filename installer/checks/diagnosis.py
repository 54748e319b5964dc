"""What an engine's or a driver's error means, and what to do about it.

Pure: the text of an error comes in, from an engine's answer or from the output of a container that
failed; what it means goes out. Nothing here looks at the host: the checks named do.

Source: texts as seen on Docker 20.10 and 26, and in the issue threads of nvidia-docker,
libnvidia-container and nvidia-container-toolkit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from installer.checks import (
    cdi,
    dockerruntime,
    gpumodule,
    gpunodes,
    gpustate,
    kernel,
    limits,
    toolkit,
)

TEXT_LIMIT: Final = 64 * 1024
"""Characters that are looked at, from the end: the last error is the one that counts."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is behind an error.

    Attributes:
        code: kebab-case, stable.
        meaning: in one sentence.
        remedy: what to do.
        checks: IDs of the checks that tell more.
    """

    code: str
    meaning: str
    remedy: str
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Symptom:
    """Words that an error has, each group in lower case: any text of a group, all of the groups."""

    words: tuple[tuple[str, ...], ...]
    diagnosis: Diagnosis

    def fits(self, text: str) -> bool:
        return all(any(word in text for word in group) for group in self.words)


def _symptom(*words: tuple[str, ...], code: str, meaning: str, remedy: str, at: str) -> _Symptom:
    return _Symptom(words, Diagnosis(code, meaning, remedy, tuple(at.split())))


_MISSING: Final = ("cannot open shared object file", "no such file", "not found")
SYMPTOMS: Final = (
    _symptom(
        ('could not select device driver "cdi"',),
        code="cdi-off",
        meaning="The engine has no CDI: it is older than Docker 25, or CDI is turned off.",
        remedy=cdi.OFF.remedy.format(),
        at="docker.cdi docker.version",
    ),
    _symptom(
        ("could not select device driver",),
        code="gpu-driver-unknown",
        meaning="When the engine was started it found no NVIDIA container toolkit: it is not"
        " installed, the engine was not restarted since, or it is a snap that can't see it.",
        remedy=toolkit.MISSING.remedy,
        at="ctk.present docker.snap",
    ),
    _symptom(
        ("unknown or invalid runtime name", "unknown runtime specified"),
        code="runtime-unknown",
        meaning="The engine knows no runtime of that name.",
        remedy=dockerruntime.NO_RUNTIME.remedy,
        at="docker.runtime ctk.present",
    ),
    _symptom(
        ("nvidia-container-runtime",),
        ("executable file not found", "no such file or directory"),
        code="runtime-missing",
        meaning="The engine knows the runtime nvidia, and its program is not installed.",
        remedy=toolkit.MISSING.remedy,
        at="ctk.present docker.runtime",
    ),
    _symptom(
        ("unresolvable cdi devices",),
        code="cdi-unresolvable",
        meaning="No CDI specification names that device: there is none, or it lies elsewhere.",
        remedy=cdi.NO_SPEC.remedy,
        at="docker.cdi cdi.stale",
    ),
    _symptom(
        ("driver/library version mismatch", "nvrm: api mismatch"),
        code="version-mismatch",
        meaning="The driver was updated, and the kernel still has the old module.",
        remedy=gpumodule.DIFFER.remedy,
        at="gpu.version_match",
    ),
    _symptom(
        ("unsatisfied condition",),
        code="driver-too-old",
        meaning="The image asks for a newer driver, or another card, than this host has.",
        remedy="Install the driver that installer check --cuda VERSION names, with the CUDA version"
        " of the message; or take an image that was built for an older CUDA.",
        at="gpu.driver_min gpu.cc",
    ),
    _symptom(
        ("driver rpc error: timed out",),
        code="driver-slow",
        meaning="Loading the driver took longer than the toolkit waits.",
        remedy=gpustate.PERSISTENCE_OFF.remedy,
        at="gpu.persistence gpu.nvml",
    ),
    _symptom(
        ("nvml error: driver not loaded", "driver not loaded", "nvml: driver not loaded"),
        code="driver-not-loaded",
        meaning="The kernel module nvidia is not loaded.",
        remedy="modprobe nvidia; if that fails, dmesg and gpu.kver_module say why.",
        at="gpu.module gpu.kver_module secureboot",
    ),
    _symptom(
        ("bpf_prog_query",),
        code="cgroups-forbidden",
        meaning="A rootless engine may not set device rules of control groups.",
        remedy=toolkit.NO_CGROUPS_UNSET.remedy,
        at="ctk.no_cgroups docker.rootless",
    ),
    _symptom(
        ("error gathering device information",),
        code="device-missing",
        meaning="A device that the container is to have is not there on the host.",
        remedy=f"{gpunodes.MISSING.remedy} {gpunodes.NO_UVM.remedy}.",
        at="gpu.dev_nodes gpu.uvm",
    ),
    _symptom(
        ("libnvidia-ml.so",),
        _MISSING,
        code="libnvidia-ml-missing",
        meaning="libnvidia-ml is not there: in a container it was started without a GPU or without"
        " the capability `utility`; on the host the driver's libraries are not installed.",
        remedy="Give the container a GPU (--gpus all), and"
        " NVIDIA_DRIVER_CAPABILITIES=compute,utility; on the host install the"
        " driver's libraries, then ldconfig.",
        at="gpu.nvml docker.runtime",
    ),
    _symptom(
        ("libcuda.so",),
        _MISSING,
        code="libcuda-missing",
        meaning="libcuda is not there: the container was started without a GPU, or without the"
        " capability `compute`.",
        remedy="Give the container a GPU (--gpus all), and"
        " NVIDIA_DRIVER_CAPABILITIES=compute,utility; on the host install the"
        " driver's CUDA library (libcuda1, or cuda-driver-libs).",
        at="ctk.present docker.runtime",
    ),
    _symptom(
        ("platform_not_found_khr", "number of platforms 0"),
        code="opencl-no-platform",
        meaning="The OpenCL loader found no driver: no .icd file, or none that can be loaded.",
        remedy="In the image: echo libnvidia-opencl.so.1 > /etc/OpenCL/vendors/nvidia.icd (toolkits"
        " bring none), and NVIDIA_DRIVER_CAPABILITIES=compute,utility; OCL_ICD_DEBUG=7 says more.",
        at="ocl.icd",
    ),
    _symptom(
        ("failed to initialize nvml: insufficient permissions",),
        code="nvml-permissions",
        meaning="SELinux, a rootless engine or the nodes' permissions keep it from the driver.",
        remedy="See lsm.selinux, gpu.dev_perm and ctk.no_cgroups: one of them is the cause.",
        at="lsm.selinux gpu.dev_perm ctk.no_cgroups",
    ),
    _symptom(
        ("failed to initialize nvml: unknown error",),
        code="gpu-lost-in-container",
        meaning="The container had the GPU and lost it, as at systemctl daemon-reload.",
        remedy=f"Start the container again. So that it stays: {gpunodes.NO_LINKS.remedy}",
        at="gpu.dev_char docker.cgroup",
    ),
    _symptom(
        ("unsupported toolchain", "cuda_error_unsupported_ptx_version"),
        code="ptx-too-new",
        meaning="The program's PTX is newer than the driver can compile (222).",
        remedy="Install the driver that installer check --cuda VERSION names for PTX, or take a"
        " program with kernels compiled for this card.",
        at="gpu.driver_min",
    ),
    _symptom(
        ("no kernel image is available",),
        code="no-kernel-image",
        meaning="The program has no kernel for this card's compute capability (209).",
        remedy="Take a build of the program for this card; gpu.cc tells its compute capability.",
        at="gpu.cc",
    ),
    _symptom(
        ("cuda_error_system_not_ready", "system not yet initialized"),
        code="fabric-not-ready",
        meaning="An NVSwitch machine whose fabric is not up (802).",
        remedy="systemctl enable --now nvidia-fabricmanager, of exactly the driver's version.",
        at="gpu.fabric",
    ),
    _symptom(
        ("unsupported display driver / cuda driver combination",),
        code="compat-library",
        meaning="The image brings a libcuda of its own that this driver does not take (803).",
        remedy="Remove the image's cuda-compat folder from LD_LIBRARY_PATH, or update the driver.",
        at="gpu.driver_min gpu.version_match",
    ),
    _symptom(
        ("could not find bridge docker0", "network bridge not found"),
        code="bridge-missing",
        meaning="The engine's bridge is gone, so no container starts on the default network.",
        remedy=kernel.NO_BRIDGE.remedy,
        at="sys.network",
    ),
    _symptom(
        ("no space left on device",),
        code="no-space",
        meaning="A file system is full, or has no inodes left.",
        remedy="docker system df shows what takes room; df -i shows inodes; installer check --only"
        " docker.space tells where.",
        at="docker.space",
    ),
    _symptom(
        ("too many open files",),
        code="too-many-files",
        meaning="Containers used up the kernel's inotify instances or open files.",
        remedy=limits.INOTIFY.remedy.format(name="fs.inotify.max_user_instances", value=8192),
        at="sys.inotify sys.fd",
    ),
)
"""The first that fits counts: what is special comes before what is general."""


def diagnose(text: str) -> Diagnosis | None:
    """Return what an error means, None when it is none of those known.

    Args:
        text: of the error, as the engine or a program in a container wrote it.
    """
    low = text[-TEXT_LIMIT:].lower()
    return next((one.diagnosis for one in SYMPTOMS if one.fits(low)), None)
