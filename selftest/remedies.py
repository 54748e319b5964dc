"""What to do about each finding, in words that help without internet; by code.

Every code that a run can report stands here and in docs/selftest.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REMEDIES: Final[Mapping[str, str]] = {
    "wrong-result": "Don't use this device for results that matter. Run again; if it returns,"
    " update the driver, then replace the device.",
    "wrong-border": "The driver's compiler handles borders or clamping wrong: update the driver.",
    "wrong-digest": "The shipped digests and this copy of the self-test differ: install it again.",
    "flipped-bit": "Memory or transfer lost a bit. Run again with --full; look for ECC errors; test"
    " the memory; replace the device if it returns.",
    "not-a-number": "Pixels were not written, or the device's arithmetic is broken: update the"
    " driver.",
    "not-deterministic": "A device that differs from itself has failing memory, power or cooling:"
    " take it out of service.",
    "out-of-tolerance": "The device's arithmetic is less exact than float32: look for a fast-math"
    " or half-precision setting of the driver.",
    "crashed": "The driver, not the self-test, crashed: its last words are quoted. Update it, or"
    " leave it out with --device.",
    "aborted": "The driver gave up by itself: its last words are quoted. Update it, or leave it"
    " out with --device.",
    "killed": "Something killed the process, often the kernel for lack of memory: dmesg | tail.",
    "timeout": "The device hangs. Look at dmesg; reset the device or reboot; allow more time with"
    " --deadline if it is only slow.",
    "garbled": "Memory of the process was damaged, or two versions of the self-test are mixed:"
    " install it again.",
    "ended": "The process ended before it was done: its last words are quoted.",
    "out-of-memory": "Free memory, or raise the limit of the container or job.",
    "launch-failed": "The device took the work and gave nothing back: run again with --full.",
    "device-unknown": "List what there is: python -m selftest --list",
    "no-devices": "Nothing was tested: give another value for --device.",
    "gpus-missing": "Fewer graphics processors were found than --expect-gpus: look at the findings"
    " above, at lspci, and at what the container was granted.",
    "gpus-extra": "More graphics processors were found than --expect-gpus: this process sees"
    " devices that it was not granted.",
    "opencl-no-binding": "Install pyopencl, or run the self-test from its image.",
    "opencl-binding": "pyopencl is installed and can't be loaded: install it again for this"
    " Python.",
    "opencl-no-platform": "Install an OpenCL driver: pocl-opencl-icd for processors, the vendor's"
    " for others. In a container the .icd file must be inside it:"
    " echo libnvidia-opencl.so.1 > /etc/OpenCL/vendors/nvidia.icd",
    "opencl-icd-unloadable": "An .icd file names a driver that can't be loaded: install what is"
    " missing in the quoted line, or remove the .icd file.",
    "opencl-no-device": "The driver is there, a device is not: load its kernel module, or give the"
    " container access to it.",
    "opencl-platforms": "The driver fails when it is asked what it has: update it.",
    "opencl-devices": "The driver fails when it is asked what it has: update it.",
    "opencl-open": "The device is there and can't be used: look whether another process holds it,"
    " and at dmesg.",
    "opencl-build": "The driver's compiler does not know this device or is damaged; the log is"
    " quoted. Update the driver; for processors take PoCL 3.1 or later.",
    "opencl-launch": "The driver took the kernel and could not run it: update it.",
    "opencl-transfer": "Data could not be moved to or from the device: look at dmesg.",
    "cuda-no-driver": "Install NVIDIA's driver with its CUDA library. In a container ask for the"
    " capability compute: NVIDIA_DRIVER_CAPABILITIES=compute,utility. Without an NVIDIA GPU nothing"
    " is to be done.",
    "cuda-driver-unloadable": "libcuda.so.1 is there and can't be loaded: install what the quoted"
    " line names, or the driver again for this architecture.",
    "cuda-driver-incomplete": "This libcuda.so.1 lacks what every driver has: install the driver"
    " again.",
    "cuda-stub": "The libcuda.so.1 that is found first is a toolkit's stub: take its folder out of"
    " LD_LIBRARY_PATH and out of the image.",
    "cuda-no-device": "The driver is there, a device is not: look at nvidia-smi, at"
    " CUDA_VISIBLE_DEVICES, and at what the container was granted.",
    "cuda-init": "Load unified memory: modprobe nvidia_uvm && nvidia-modprobe -u; in a container"
    " /dev/nvidia-uvm must be there. Look at dmesg; reboot after an update of the driver.",
    "cuda-not-ready": "Start nvidia-fabricmanager of exactly the driver's version: systemctl status"
    " nvidia-fabricmanager. While a machine starts, wait a minute.",
    "cuda-mismatch": "libcuda.so.1 and the kernel module are of two versions: reboot after the"
    " driver was updated; in an image remove its own libcuda and its CUDA compat folder.",
    "cuda-compat": "The image's CUDA compat folder does not go with this card: remove it from"
    " LD_LIBRARY_PATH, or install a newer driver on the host.",
    "cuda-no-binding": "The driver was tested without pycuda. To prove pycuda too: make cuda, and"
    " install the wheel or give it to bundle selftest-image --pycuda.",
    "cuda-binding": "pycuda is installed and can't be used: install it again for this Python. The"
    " driver itself was tested without it.",
    "cuda-symbols": "This pycuda wants a newer or older driver: install the wheel that make cuda"
    " builds, or another driver. The driver itself was tested without pycuda.",
    "cuda-open": "The device is there and can't be used: look whether another process holds it"
    " (nvidia-smi; nvidia-smi -c 0), and at dmesg.",
    "cuda-no-image": "The kernels are for compute capability 3.5 and later: an older device can't"
    " be tested.",
    "cuda-ptx-version": "The driver is older than CUDA 8: install a newer one.",
    "cuda-no-jit": "The driver's compiler, libnvidia-ptxjitcompiler.so.1, is missing: install the"
    " driver whole; in a container ask for the capability compute.",
    "cuda-build": "The driver's compiler refused the kernels; its log is quoted: update the"
    " driver.",
    "cuda-kernels": "The shipped kernels are damaged: install the self-test again.",
    "cuda-launch": "The driver took the kernel and could not run it: look for Xid in dmesg; update"
    " the driver.",
    "cuda-transfer": "Data could not be moved to or from the device: look for Xid in dmesg.",
    "cuda-ecc": "Memory of the device failed and could not be corrected: drain the host, reset the"
    " GPU, run again; if it returns, replace the GPU.",
    "nvml-missing": "NVML counts nothing without its library. In a container ask for the capability"
    " utility: NVIDIA_DRIVER_CAPABILITIES=compute,utility.",
    "nvml-failed": "NVIDIA's driver does not answer: look at nvidia-smi and at dmesg; reboot after"
    " the driver was updated.",
    "slow": "Look for a power limit, heat, a narrow PCIe link, or other users of the device.",
    "noisy": "Timings are shown, not judged. Run again when the machine is quiet.",
    "noisy-device": "Timings are shown, not judged. Run again when the device is quiet.",
    "gpu-busy": "Timings are shown, not judged. Stop what need not run (nvidia-smi shows who it is)"
    " and run again.",
    "drift": "The machine was faster when its baseline was saved: look for heat, power limits,"
    " new neighbours, a changed driver.",
    "baseline-missing": "Save one on a quiet machine: python -m selftest --save-baseline FILE",
    "baseline-unreadable": "It is no baseline of this version: save a new one.",
    "baseline-unsigned": "The key was given and the file bears no signature: save it again with"
    " --baseline-key.",
    "baseline-damaged": "The file was changed since it was saved, or the key is another one: don't"
    " believe it; save a new one.",
    "baseline-unwritable": "Name a file in a folder that exists and that you may write to.",
    "baseline-key-unusable": "A key is a file of random bytes that only its owner can read:"
    " (umask 077; head -c 32 /dev/urandom > FILE).",
    "baseline-key-missing": "The file was signed with a key: give it with --baseline-key.",
    "baseline-other-host": "Each machine has a baseline of its own: save one here.",
    "baseline-noisy": "A baseline of a busy machine is worth nothing: run again when it is quiet.",
    "picture-failed": "The picture is for people only; the results above stand.",
}


def remedy(code: str) -> str:
    """Return what to do about a finding."""
    return REMEDIES.get(code, "")
