"""For every cause of every check, a host on which it is found; and what its remedy must name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from installer.checks.cudaversion import CudaVersion
from installer.checks.enginefacts import Contact, EngineFacts
from installer.checks.gpuasks import GpuAsk
from installer.checks.hostfiles import Node, Space
from installer.checks.libraries import Loading
from installer.checks.nvml import Nvml, NvmlGpu, Question, Trouble
from installer.checks.sources import Wanted
from tests.installer.checks.hosts import (
    ANSWERS,
    DRIVER,
    GPU,
    KERNEL,
    MEMORY,
    PLAIN,
    SECURE_BOOT,
    WITH_GPU,
    FakeHost,
)


@dataclass(frozen=True)
class Scenario:
    """A host, and a word that the evidence and one that the remedy must have."""

    host: FakeHost
    evidence: str
    remedy: str


PCI: Final = f"/sys/bus/pci/devices/{GPU}"
UNLOADED = WITH_GPU.without("/proc/driver/nvidia", "/sys/module/nvidia").with_files(
    {"/proc/modules": "overlay 1 0 - Live 0x0\n"}
)
CONFIG: Final = "/etc/nvidia-container-runtime/config.toml"
SPEC: Final = "/etc/cdi/nvidia.yaml"
SELINUX = WITH_GPU.with_files(
    {
        "/sys/fs/selinux/enforce": "1",
        "/sys/fs/selinux/booleans/container_use_devices": "0 0",
    }
).with_engine(security=("name=selinux",))
APPARMOR = WITH_GPU.with_files({"/sys/module/apparmor/parameters/enabled": "Y\n"})
DENIED_LINE: Final = (
    'audit: type=1400 apparmor="DENIED" operation="open" profile="docker-app"'
    ' name="/dev/nvidiactl" requested_mask="wr"'
)
AVC_LINE: Final = (
    'audit: type=1400 avc:  denied  { read write } for comm="app" name="nvidiactl" dev="devtmpfs"'
)
NEAR_SNAP = {"root": "/var/snap/docker/common/var-lib-docker"}


def trouble(code: int, text: str) -> FakeHost:
    return WITH_GPU.having(nvml=Nvml(code, text))


def gone(contact: Contact) -> FakeHost:
    return PLAIN.having(engine=EngineFacts(contact, "unix:///run/docker.sock", "trouble"))


def icd(text: str, loading: Loading | None = None) -> FakeHost:
    host = PLAIN.with_files({"/etc/OpenCL/vendors/some.icd": text})
    return host.having(libraries={text.strip(): loading or Loading()})


def asking(ask: GpuAsk) -> FakeHost:
    return WITH_GPU.having(wanted=Wanted(gpu=True, gpu_asks=(ask,)))


def capability(major: int, minor: int, driver: str) -> FakeHost:
    gpu = NvmlGpu(0, GPU, "Some", {**ANSWERS, Question.CAPABILITY: (major, minor)})
    return WITH_GPU.without("/proc/driver/nvidia").having(nvml=Nvml(driver=driver, gpus=(gpu,)))


def cuda(major: int, minor: int) -> FakeHost:
    return WITH_GPU.having(wanted=Wanted(cuda=CudaVersion(major, minor)))


def answering(question: Question, *numbers: int) -> FakeHost:
    return WITH_GPU.with_answers({question: numbers})


def xid(number: int) -> FakeHost:
    return WITH_GPU.with_log(f"NVRM: Xid (PCI:{GPU[:-2]}): {number}, pid=1, name=app")


SCENARIOS: Mapping[str, Scenario] = {
    "sys.kernel/too-old": Scenario(
        PLAIN.with_files({"/proc/sys/kernel/osrelease": "2.6.32-754.el6\n"}), "2.6.32", "3.10"
    ),
    "sys.kernel/no-overlay": Scenario(
        PLAIN.with_files({"/proc/filesystems": "ext4\n"}), KERNEL, "modprobe overlay"
    ),
    "sys.network/no-bridge": Scenario(
        PLAIN.without("/sys/class/net"), "docker0", "systemctl restart docker"
    ),
    "sys.network/no-forwarding": Scenario(
        PLAIN.with_engine(forwarding=False), "IPv4Forwarding", "ip_forward=1"
    ),
    "sys.time/behind": Scenario(
        PLAIN.having(now=datetime(1970, 1, 1, 0, 5, tzinfo=UTC)), "1970-01-01", "date -s"
    ),
    "sys.time/engine-differs": Scenario(
        PLAIN.with_engine(system_time="2026-07-01T12:05:00.5Z"), "12:05", "virtual machine"
    ),
    "sys.time/rtc-differs": Scenario(
        PLAIN.with_files({"/sys/class/rtc/rtc0/since_epoch": "1000\n"}), "rtc0", "hwclock -w"
    ),
    "sys.steal/stolen": Scenario(
        PLAIN.with_files({"/proc/stat": "cpu  50 0 0 40 0 0 0 10 0 0\ncpu0 1\n"}),
        "10.0 % stolen",
        "host machine",
    ),
    "sys.steal/loaded": Scenario(
        PLAIN.with_files({"/proc/loadavg": "9.50 1.00 1.00 1/1 1\n"}), "9.50 on 2", "quiet"
    ),
    "sys.inotify/low": Scenario(
        PLAIN.with_files({"/proc/sys/fs/inotify/max_user_instances": "128\n"}),
        "max_user_instances is 128",
        "sysctl -w fs.inotify.max_user_instances=8192",
    ),
    "sys.fd/low": Scenario(
        PLAIN.with_files({"/proc/sys/fs/file-nr": "10\t0\t1024\n"}), "1024", "fs.file-max"
    ),
    "sys.fd/taken": Scenario(
        PLAIN.with_files({"/proc/sys/fs/file-nr": "999000\t0\t1000000\n"}), "999000", "/proc/*/fd"
    ),
    "sys.pids/low": Scenario(
        PLAIN.with_files({"/proc/sys/kernel/pid_max": "1000\n"}), "1000", "kernel.pid_max"
    ),
    "sys.mem/low": Scenario(
        PLAIN.with_files({"/proc/meminfo": "MemTotal: 4000000 kB\nMemAvailable: 1000 kB\n"}),
        "1000 KiB",
        "Stop what is not needed",
    ),
    "sys.hugepages/reserved": Scenario(
        PLAIN.with_files({"/proc/meminfo": MEMORY.replace("Hugetlb: 0", "Hugetlb: 60000000")}),
        "huge pages",
        "vm.nr_hugepages",
    ),
    "sys.memlock/low": Scenario(
        PLAIN.with_files({"/proc/self/limits": "Max locked memory  65536  65536  bytes\n"}),
        "64.0 KiB",
        "memlock",
    ),
    "docker.answer/denied": Scenario(gone(Contact.DENIED), "trouble", "group"),
    "docker.answer/absent": Scenario(gone(Contact.ABSENT), "trouble", "systemctl start docker"),
    "docker.answer/hung": Scenario(gone(Contact.HUNG), "trouble", "journalctl -u docker"),
    "docker.answer/failed": Scenario(gone(Contact.FAILED), "trouble", "docker info"),
    "docker.version/too-old": Scenario(
        PLAIN.with_engine(version="18.09.1", api=(1, 39)), "API 1.39", "19.03"
    ),
    "docker.snap/snap": Scenario(PLAIN.with_engine(**NEAR_SNAP), "/var/snap", "packages"),
    "docker.snap/snap-gpu": Scenario(WITH_GPU.with_engine(**NEAR_SNAP), "/var/snap", "snap remove"),
    "docker.rootless/no-cgroups": Scenario(
        PLAIN.with_engine(security=("name=rootless",), cgroup_driver="none"), "none", "Delegate="
    ),
    "docker.warn/open-api": Scenario(
        PLAIN.with_engine(
            warnings=("WARNING: API is accessible on http://0.0.0.0:2375 without encryption.",)
        ),
        "2375",
        "tcp://",
    ),
    "docker.warn/warned": Scenario(
        PLAIN.with_engine(warnings=("WARNING: No swap limit support",)), "swap", "kernel feature"
    ),
    "docker.storage/slow": Scenario(PLAIN.with_engine(driver="vfs"), "vfs on extfs", "overlay2"),
    "docker.storage/no-d-type": Scenario(
        PLAIN.with_engine(
            driver_status=(("Backing Filesystem", "xfs"), ("Supports d_type", "false"))
        ),
        "d_type: false",
        "ftype=1",
    ),
    "docker.space/short": Scenario(
        PLAIN.having(wanted=Wanted(room=600 * 1024**3)), "600 GiB asked for", "Free 100 GiB"
    ),
    "docker.space/short-for-bundle": Scenario(
        PLAIN.having(wanted=Wanted(bundle_room=600 * 1024**3)), "up to 600 GiB", "--dry-run"
    ),
    "docker.space/nearly-full": Scenario(
        PLAIN.having(space=Space(1024**3, 10 * 1024**3, None)), "1.00 GiB of", "docker system df"
    ),
    "docker.space/no-inodes": Scenario(
        PLAIN.having(space=Space(10**11, 10**12, 7)), "7 inodes", "inodes"
    ),
    "lsm.selinux/no-devices": Scenario(SELINUX, "is off", "setsebool -P container_use_devices on"),
    "lsm.selinux/denied": Scenario(SELINUX.with_log(AVC_LINE), "nvidiactl", "restorecon"),
    "lsm.apparmor/denied": Scenario(
        APPARMOR.with_log(DENIED_LINE), "/dev/nvidiactl", "profile docker-app"
    ),
    "ocl.icd/no-nvidia": Scenario(
        WITH_GPU.without("/etc/OpenCL"), "libnvidia-opencl", "> /etc/OpenCL/vendors/nvidia.icd"
    ),
    "ocl.icd/empty": Scenario(icd("\n"), "some.icd is empty", "some.icd"),
    "ocl.icd/unloadable": Scenario(
        icd("libgone.so\n", Loading("libgone.so: cannot open shared object file")),
        "cannot open shared object file",
        "ldconfig",
    ),
    "ocl.icd/crashes": Scenario(
        icd("libbad.so\n", Loading("ended by SIGSEGV", crashed=True)), "SIGSEGV", "some.icd"
    ),
    "gpu.pci/no-device": Scenario(PLAIN.having(wanted=Wanted(gpu=True)), "no NVIDIA", "Reseat"),
    "gpu.pci/cuda-without-device": Scenario(
        PLAIN.having(wanted=Wanted(cuda=CudaVersion(12, 4), cuda_of="acme/app:1")),
        "acme/app:1 is for CUDA 12.4",
        "--no-gpu",
    ),
    "gpu.driver_bound/other-driver": Scenario(
        WITH_GPU.having(links={f"{PCI}/driver": "../../drivers/nouveau"}),
        "bound to nouveau",
        "blacklist nouveau",
    ),
    "gpu.driver_bound/passed-through": Scenario(
        WITH_GPU.having(links={f"{PCI}/driver": "../../drivers/vfio-pci"}), "vfio-pci", GPU
    ),
    "gpu.driver_bound/no-driver": Scenario(
        WITH_GPU.having(links={}), "no driver", "modprobe nvidia"
    ),
    "gpu.pcie_width/narrow": Scenario(
        WITH_GPU.with_files({f"{PCI}/current_link_width": "4\n"}), "x4 of x16", "bifurcation"
    ),
    "gpu.iommu_p2p/iommu": Scenario(
        WITH_GPU.with_files(
            {
                "/sys/bus/pci/devices/0000:42:00.0/vendor": "0x10de\n",
                "/sys/bus/pci/devices/0000:42:00.0/class": "0x030000\n",
                "/sys/class/iommu/dmar0/name": "",
            }
        ),
        "2 GPUs",
        "ACS",
    ),
    "gpu.module/not-loaded": Scenario(UNLOADED, "/proc/modules", f"kernel {KERNEL}"),
    "gpu.kver_module/other-kernel": Scenario(
        UNLOADED.with_files(
            {
                "/lib/modules/6.1.0-17-amd64/modules.dep": "updates/dkms/nvidia.ko.xz: a.ko\n",
                f"/lib/modules/{KERNEL}/modules.dep": "kernel/fs/overlayfs/overlay.ko:\n",
            }
        ),
        "6.1.0-17-amd64 has",
        f"-k {KERNEL}",
    ),
    "gpu.kver_module/no-module": Scenario(UNLOADED, "no module nvidia", "Install the NVIDIA"),
    "gpu.version_match/differ": Scenario(
        WITH_GPU.having(
            links={"/usr/lib64/libnvidia-ml.so.1": "libnvidia-ml.so.550.90.07"},
        ),
        "550.90.07",
        "rmmod nvidia_uvm",
    ),
    "secureboot/unsigned": Scenario(
        UNLOADED.with_files({SECURE_BOOT: "\x06\x00\x00\x00\x01"}).with_log(
            "Loading of module with unavailable key is rejected: Key was rejected by service"
        ),
        "Key was rejected",
        "mokutil --import",
    ),
    "gpu.dev_nodes/missing": Scenario(
        WITH_GPU.without("/dev/nvidia0"), "/dev/nvidia0 is not there", "nvidia-modprobe -c=0"
    ),
    "gpu.dev_nodes/wrong": Scenario(
        WITH_GPU.having(nodes={**WITH_GPU.nodes, "/dev/nvidia0": Node(True, 10, 1, 0o666, 0)}),
        "found 10:1",
        "rm /dev/nvidia0",
    ),
    "gpu.uvm/no-uvm": Scenario(
        WITH_GPU.without("/dev/nvidia-uvm"), "/dev/nvidia-uvm", "modprobe nvidia_uvm"
    ),
    "gpu.dev_perm/forbidden": Scenario(
        WITH_GPU.having(
            unusable=frozenset({"/dev/nvidia0"}),
            nodes={**WITH_GPU.nodes, "/dev/nvidia0": Node(True, 195, 0, 0o660, 44)},
        ),
        "mode 0660, group 44; the driver's DeviceFileMode is 0666",
        "group 44",
    ),
    "gpu.dev_char/no-links": Scenario(
        WITH_GPU.without("/dev/char"), "/dev/char", "create-dev-char-symlinks"
    ),
    "gpu.count/too-few": Scenario(
        asking(GpuAsk("train", 4)), "train asks for 4 GPUs, this host has 1", "--no-gpu"
    ),
    "gpu.count/not-here": Scenario(
        asking(GpuAsk("train", devices=("0", "1"))), "asks for 1, this host", "nvidia-smi -L"
    ),
    "gpu.count/not-in-cdi": Scenario(
        asking(GpuAsk("train", 1)).with_engine(cdi_devices=("nvidia.com/gpu=all",)),
        "asks for nvidia.com/gpu=0, Docker lists nvidia.com/gpu=all",
        "nvidia-ctk cdi generate",
    ),
    "gpu.nvml/no-library": Scenario(
        trouble(12, "libnvidia-ml.so.1: cannot open shared object file"),
        "shared object",
        "ldconfig",
    ),
    "gpu.nvml/driver-not-loaded": Scenario(
        trouble(9, "Driver Not Loaded"), "Not Loaded", "modprobe nvidia"
    ),
    "gpu.nvml/version-mismatch": Scenario(
        trouble(18, "Driver/library version mismatch"), "mismatch", "reboot"
    ),
    "gpu.nvml/no-permission": Scenario(trouble(4, "Insufficient"), "Insufficient", "gpu.dev_perm"),
    "gpu.nvml/gpu-lost": Scenario(
        WITH_GPU.having(nvml=Nvml(driver=DRIVER, gpus=(NvmlGpu(0, code=15),))), "says 15", "reseat"
    ),
    "gpu.nvml/unknown-error": Scenario(trouble(999, "Unknown"), "Unknown", "gpu.dev_char"),
    "gpu.nvml/hung": Scenario(trouble(Trouble.HUNG, "no answer"), "no answer", "persistenced"),
    "gpu.nvml/crashed": Scenario(trouble(Trouble.CRASHED, "SIGSEGV"), "SIGSEGV", "install"),
    "gpu.nvml/other": Scenario(trouble(17, ""), "17", "NVRM"),
    "gpu.nvml/fewer": Scenario(
        WITH_GPU.having(nvml=Nvml(driver=DRIVER)), "seen by the driver: none", "gpu.arch_driver"
    ),
    "gpu.cc/capability": Scenario(capability(3, 0, "390.157"), "capability 3.0", "newer card"),
    "gpu.driver_min/below-floor": Scenario(cuda(13, 0), "CUDA 13.0", "580"),
    "gpu.driver_min/compatible": Scenario(
        WITH_GPU.having(
            wanted=Wanted(
                cuda=CudaVersion(13, 0), cuda_of="acme/app:1", older_branches=frozenset({550})
            )
        ),
        "CUDA 13.0 of acme/app:1",
        "driver 580 or later",
    ),
    "gpu.driver_min/no-ptx": Scenario(cuda(12, 6), "CUDA 12.6", "560.28.03"),
    "gpu.arch_driver/dropped": Scenario(capability(6, 1, "590.44.01"), "590.44.01", "branch 580"),
    "gpu.persistence/off": Scenario(
        answering(Question.PERSISTENCE, 0).without("/run/nvidia-persistenced"),
        "persistence is off",
        "enable --now nvidia-persistenced",
    ),
    "gpu.mig/pending": Scenario(answering(Question.MIG_MODE, 0, 1), "after a reset on", "-i 0"),
    "gpu.mig/empty": Scenario(
        WITH_GPU.with_answers({Question.MIG_MODE: (1, 1), Question.MIG_DEVICES: (0,)}),
        "no instance",
        "-cgi",
    ),
    "gpu.compute_mode/prohibited": Scenario(
        answering(Question.COMPUTE_MODE, 2), "prohibited", "nvidia-smi -i 0 -c 0"
    ),
    "gpu.compute_mode/exclusive": Scenario(
        answering(Question.COMPUTE_MODE, 3), "exclusive", "several processes"
    ),
    "gpu.busy/busy": Scenario(answering(Question.UTILIZATION, 40), "busy 40%", "nvidia-smi"),
    "gpu.fabric/fabric": Scenario(answering(Question.FABRIC, 2, 0), "state 2", DRIVER),
    "gpu.ecc/uncorrected": Scenario(answering(Question.ECC_VOLATILE, 3), "3 uncorrected", "-i 0"),
    "gpu.ecc/uncorrected-before": Scenario(
        answering(Question.ECC_AGGREGATE, 3), "in its life", "grows"
    ),
    "gpu.remap/failed": Scenario(
        answering(Question.REMAPPED_ROWS, 1, 2, 0, 1), "3 rows replaced", "replaced"
    ),
    "gpu.remap/pending": Scenario(
        answering(Question.REMAPPED_ROWS, 0, 1, 1, 0), "pending", "reset"
    ),
    "gpu.retired/pending": Scenario(answering(Question.RETIRED_PENDING, 1), "pending", "Reboot"),
    "gpu.pcie_gen/slow-slot": Scenario(
        WITH_GPU.with_answers(
            {Question.LINK_GENERATION_MAX: (3,), Question.GPU_GENERATION_MAX: (5,)}
        ),
        "generation 3 of 5",
        "faster slot",
    ),
    "gpu.pcie_replay/replays": Scenario(answering(Question.LINK_REPLAYS, 9), "9 replays", "riser"),
    "gpu.throttle/throttled": Scenario(
        answering(Question.CLOCK_REASONS, 0x60), "held down by heat (0x60)", "fans"
    ),
    "gpu.temp/hot": Scenario(
        WITH_GPU.with_answers({Question.TEMPERATURE: (88,), Question.SLOWDOWN_AT: (92,)}),
        "88 \u00b0C",
        "air flow",
    ),
    **{
        f"gpu.xid/xid-{number}": Scenario(xid(number), f"Xid {number}", word)
        for number, word in {
            48: "replaced",
            62: "update the driver",
            63: "gpu.remap",
            64: "replaced",
            74: "bridge",
            79: "power supply",
            94: "Start the app",
            95: "trusted",
            119: "NVreg_EnableGpuFirmware=0",
            120: "NVreg_EnableGpuFirmware=0",
            140: "replaced",
        }.items()
    },
    "gpu.xid/xid-app": Scenario(xid(31), "Xid 31", "self-test"),
    "gpu.xid/xid-other": Scenario(xid(999), "Xid 999", "Xid 999"),
    "ctk.present/missing": Scenario(
        WITH_GPU.without("/usr/bin/nvidia"), "none of", "nvidia-ctk runtime configure"
    ),
    "ctk.present/partial": Scenario(
        WITH_GPU.without("/usr/bin/nvidia-ctk"), "nvidia-container-cli", "nvidia-ctk missing"
    ),
    "ctk.no_cgroups/malformed": Scenario(
        WITH_GPU.with_files({CONFIG: "= nothing\n"}), "config.toml", "nvidia-ctk config"
    ),
    "ctk.no_cgroups/set-on-rootful": Scenario(
        WITH_GPU.with_files({CONFIG: "[nvidia-container-cli]\nno-cgroups = true\n"}),
        "runs as root",
        "no-cgroups=false",
    ),
    "ctk.no_cgroups/unset-on-rootless": Scenario(
        WITH_GPU.with_engine(security=("name=rootless",)), "is rootless", "no-cgroups=true"
    ),
    "docker.runtime/no-runtime": Scenario(
        WITH_GPU.with_engine(runtimes=("runc",)), "runtimes: runc", "nvidia-ctk runtime configure"
    ),
    "docker.cgroup/loses-gpu": Scenario(
        WITH_GPU.without("/dev/char"), "v2 by systemd", "native.cgroupdriver=cgroupfs"
    ),
    "docker.cdi/off": Scenario(
        WITH_GPU.with_engine(cdi_dirs=()), "turned off", '{"cdi": true} in /etc/docker'
    ),
    "docker.cdi/no-spec": Scenario(
        WITH_GPU.without("/etc/cdi"), "nothing of kind", "nvidia-ctk cdi generate"
    ),
    "docker.cdi/not-seen": Scenario(
        WITH_GPU.with_engine(cdi_devices=()), "lists no", "systemctl restart docker"
    ),
    "cdi.stale/malformed": Scenario(
        WITH_GPU.with_files({SPEC: "kind: [\n"}), "nvidia.yaml", "or remove the file"
    ),
    "cdi.stale/missing-path": Scenario(
        WITH_GPU.without("/dev/nvidia0"), "such as /dev/nvidia0", "after each update"
    ),
    "cdi.stale/other-driver": Scenario(
        WITH_GPU.with_files(
            {
                SPEC: "kind: nvidia.com/gpu\ncontainerEdits:\n  mounts:\n"
                "  - {hostPath: /usr/lib64/libcuda.so.535.54.03, containerPath: /x}\n",
                "/usr/lib64/libcuda.so.535.54.03": "",
            }
        ),
        "libcuda.so.535.54.03",
        "after each update",
    ),
}
