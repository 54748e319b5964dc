"""Hosts that are not there: files in a folder, device nodes and answers in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from installer.checks.enginefacts import EngineFacts
from installer.checks.hostfiles import HostFiles, Node, Space, Unreadable
from installer.checks.kernellog import KernelLog
from installer.checks.libraries import Loading
from installer.checks.nvml import Nvml, NvmlGpu, Question
from installer.checks.sources import Sources, Wanted

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
KERNEL = "6.1.0-18-amd64"
DRIVER = "550.54.14"
GPU = "0000:41:00.0"
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
MEMORY = "MemTotal: 65536000 kB\nMemAvailable: 60000000 kB\nHugetlb: 0 kB\n"
STAT = "cpu  100 0 100 10000 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\ncpu1 1 1 1 1 1 1 1 1 1 1\n"

PLAIN_FILES: Mapping[str, str] = {
    "/proc/sys/kernel/osrelease": f"{KERNEL}\n",
    "/proc/filesystems": "nodev\tsysfs\nnodev\toverlay\n\text4\n",
    "/proc/sys/fs/inotify/max_user_instances": "8192\n",
    "/proc/sys/fs/inotify/max_user_watches": "524288\n",
    "/proc/sys/fs/file-nr": "1000\t0\t1000000\n",
    "/proc/sys/kernel/pid_max": "4194304\n",
    "/proc/meminfo": MEMORY,
    "/proc/self/limits": "Max locked memory         unlimited            unlimited   bytes\n",
    "/proc/stat": STAT,
    "/proc/loadavg": "0.10 0.20 0.30 1/200 1234\n",
    "/proc/modules": "overlay 1 0 - Live 0x0\n",
    "/sys/class/net/docker0/address": "02:42\n",
    "/sys/class/rtc/rtc0/since_epoch": f"{int(NOW.timestamp())}\n",
    "/var/lib/docker/overlay2/l": "",
}
GPU_FILES: Mapping[str, str] = {
    f"/sys/bus/pci/devices/{GPU}/vendor": "0x10de\n",
    f"/sys/bus/pci/devices/{GPU}/class": "0x030200\n",
    f"/sys/bus/pci/devices/{GPU}/device": "0x2330\n",
    f"/sys/bus/pci/devices/{GPU}/current_link_width": "16\n",
    f"/sys/bus/pci/devices/{GPU}/max_link_width": "16\n",
    "/proc/modules": "nvidia_uvm 1 0 - Live 0x0\nnvidia 1 1 nvidia_uvm, Live 0x0\n",
    "/proc/devices": "Character devices:\n195 nvidia-frontend\n505 nvidia-uvm\n",
    "/proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX x86_64 Kernel Module"
    f"  {DRIVER}  Thu Feb 22 01:44:30 UTC 2024\nGCC version:  gcc 12\n",
    f"/proc/driver/nvidia/gpus/{GPU}/information": "Model: NVIDIA H100\nDevice Minor: \t 0\n",
    "/proc/driver/nvidia/params": "DeviceFileMode: 438\n",
    "/dev/char/195:0": "",
    "/etc/OpenCL/vendors/nvidia.icd": "libnvidia-opencl.so.1\n",
    "/usr/bin/nvidia-container-runtime": "",
    "/usr/bin/nvidia-container-runtime-hook": "",
    "/usr/bin/nvidia-container-cli": "",
    "/usr/bin/nvidia-ctk": "",
    "/etc/nvidia-container-runtime/config.toml": "[nvidia-container-cli]\nno-cgroups = false\n",
    "/etc/cdi/nvidia.yaml": "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\n"
    "devices:\n- name: all\n  containerEdits:\n    deviceNodes:\n    - path: /dev/nvidia0\n",
    "/run/nvidia-persistenced/socket": "",
}
GPU_LINKS: Mapping[str, str] = {
    f"/sys/bus/pci/devices/{GPU}/driver": "../../../bus/pci/drivers/nvidia",
    "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1": f"libnvidia-ml.so.{DRIVER}",
}
GPU_NODES: Mapping[str, Node] = {
    "/dev/nvidiactl": Node(True, 195, 255, 0o666, 0),
    "/dev/nvidia0": Node(True, 195, 0, 0o666, 0),
    "/dev/nvidia-uvm": Node(True, 505, 0, 0o666, 0),
}
ANSWERS: Mapping[Question, tuple[int, ...]] = {
    Question.CAPABILITY: (9, 0),
    Question.PERSISTENCE: (1,),
    Question.COMPUTE_MODE: (0,),
    Question.MIG_MODE: (0, 0),
    Question.MEMORY: (1, 100),
    Question.PROCESSES: (0,),
}
ENGINE = EngineFacts(
    url="unix:///var/run/docker.sock",
    version="26.1.5",
    api=(1, 45),
    root="/var/lib/docker",
    driver="overlay2",
    driver_status=(("Backing Filesystem", "extfs"), ("Supports d_type", "true")),
    runtimes=("nvidia", "runc"),
    default_runtime="runc",
    security=("name=seccomp,profile=builtin",),
    cgroup_driver="systemd",
    cgroup_version="2",
    cdi_dirs=("/etc/cdi", "/var/run/cdi"),
    forwarding=True,
    system_time="2026-07-01T12:00:00.123456789Z",
)


ROOMY = Space(500 * 1024**3, 1000 * 1024**3, 10**7)
SILENT = Nvml()
QUIET = KernelLog(("Linux version 6.1",), "/dev/kmsg")
ANYTHING = Wanted()


class FakeFiles(HostFiles):
    """Files in a real folder; nodes, rooms and refusals as told."""

    def __init__(self, root: Path, host: FakeHost) -> None:
        super().__init__(root)
        self._host = host

    def data(self, path: str, limit: int = 1024 * 1024) -> bytes | None:
        self._refuse(path)
        return super().data(path, limit)

    def names(self, path: str) -> tuple[str, ...]:
        self._refuse(path)
        return super().names(path)

    def node(self, path: str) -> Node | None:
        self._refuse(path)
        return self._host.nodes.get(path)

    def exists(self, path: str) -> bool:
        return path in self._host.nodes or super().exists(path)

    def may_use(self, path: str) -> bool:
        return path not in self._host.unusable

    def space(self, path: str) -> Space | None:
        return self._host.space if super().space(path) else None

    def _refuse(self, path: str) -> None:
        if path in self._host.unreadable:
            raise Unreadable(path, "Permission denied", forbidden=True)


@dataclass(frozen=True)
class FakeHost:
    """A host on which all is well, to be made worse.

    Attributes:
        files: by path.
        links: by path.
        nodes: devices, by path.
        unreadable: paths that this user may not read.
        unusable: nodes that this user may not open.
        libraries: what comes of loading those that can't be.
    """

    files: Mapping[str, str] = field(default_factory=lambda: PLAIN_FILES)
    links: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    unusable: frozenset[str] = frozenset()
    space: Space = ROOMY
    nvml: Nvml = SILENT
    engine: EngineFacts = ENGINE
    log: KernelLog = QUIET
    libraries: Mapping[str, Loading] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    wanted: Wanted = ANYTHING
    now: datetime = NOW

    def having(self, **changes: Any) -> FakeHost:
        return replace(self, **changes)

    def with_files(self, files: Mapping[str, str]) -> FakeHost:
        return replace(self, files={**self.files, **files})

    def without(self, *starts: str) -> FakeHost:
        """Remove what begins with these."""
        return replace(
            self,
            files={p: t for p, t in self.files.items() if not p.startswith(starts)},
            links={p: t for p, t in self.links.items() if not p.startswith(starts)},
            nodes={p: n for p, n in self.nodes.items() if not p.startswith(starts)},
        )

    def with_engine(self, **changes: Any) -> FakeHost:
        return replace(self, engine=replace(self.engine, **changes))

    def with_answers(self, answers: Mapping[Question, tuple[int, ...]]) -> FakeHost:
        """Let the GPU answer so."""
        (gpu,) = self.nvml.gpus
        changed = replace(gpu, answers={**gpu.answers, **answers})
        return replace(self, nvml=replace(self.nvml, gpus=(changed,)))

    def with_log(self, *lines: str) -> FakeHost:
        return replace(self, log=KernelLog(("Linux version 6.1", *lines), "/dev/kmsg"))

    def sources(self, root: Path) -> Sources:
        """Write the files, and return what checks read."""
        for path, text in self.files.items():
            place = root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode("latin-1"))
        for path, target in self.links.items():
            place = root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
        return Sources(
            files=FakeFiles(root, self),
            ask_nvml=lambda: self.nvml,
            ask_engine=lambda: self.engine,
            read_log=lambda: self.log,
            load_library=lambda name: self.libraries.get(name, Loading()),
            now=lambda: self.now,
            environment=self.environment,
            wanted=self.wanted,
        )


PLAIN = FakeHost()
"""No GPU, Docker, nothing wrong."""
WITH_GPU = FakeHost(
    files={**PLAIN_FILES, **GPU_FILES},
    links=GPU_LINKS,
    nodes=GPU_NODES,
    nvml=Nvml(driver=DRIVER, gpus=(NvmlGpu(0, GPU, "NVIDIA H100", ANSWERS),)),
)
"""One GPU, its driver and toolkit, Docker, nothing wrong."""
