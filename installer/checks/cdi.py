"""Can the engine give out GPUs by CDI, and are the specifications those of today's driver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from installer.checks.cdispec import FOLDERS, CdiSpec, read_specs
from installer.checks.cudaversion import driver_text, parse_driver
from installer.checks.drivermodule import module_version
from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, noted, or_fine
from installer.checks.sources import Sources

GENERATE: Final = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
OFF: Final = Cause(
    "off",
    Severity.NOTE,
    "the engine has no CDI, or it is turned off",
    'Needed only for --device nvidia.com/gpu=...: Docker 25 or later, with "features": {{"cdi":'
    " true}} in /etc/docker/daemon.json (on by itself from 28 on); systemctl restart docker.",
)
NO_SPEC: Final = Cause(
    "no-spec",
    Severity.WARN,
    "CDI is on, and there is no specification of NVIDIA's GPUs",
    f"{GENERATE}; --gpus and the nvidia runtime don't need it.",
)
NOT_SEEN: Final = Cause(
    "not-seen",
    Severity.WARN,
    "there is a specification, and the engine lists no device of it",
    "systemctl restart docker; if that changes nothing, the specification is damaged: " + GENERATE,
)
MALFORMED: Final = Cause(
    "malformed",
    Severity.WARN,
    "a specification can't be read",
    f"{GENERATE}, or remove the file.",
)
MISSING: Final = Cause(
    "missing-path",
    Severity.FAIL,
    "a specification names files or devices that are not there",
    f"It is older than the driver: {GENERATE}; do so after each update of the driver.",
)
OTHER_DRIVER: Final = Cause(
    "other-driver",
    Severity.FAIL,
    "a specification names libraries of another version than the loaded driver",
    f"It is older than the driver: {GENERATE}; do so after each update of the driver.",
)
KIND: Final = "nvidia.com/gpu"
_DRIVER_FILE: Final = re.compile(r"/lib(?:cuda|nvidia-ml)\.so\.(\d{3}\.\d+(?:\.\d+)?)$")


def _cdi(sources: Sources) -> Iterator[Finding]:
    engine = sources.engine
    folders = engine.cdi_dirs
    if not folders:
        told = "tells of no CDI folders" if folders is None else "has CDI turned off"
        yield OFF.found(f"Docker {engine.version} {told}")
        return
    specs = _nvidia(sources, folders)
    if not specs:
        yield NO_SPEC.found(f"nothing of kind {KIND} in {', '.join(folders)}")
    elif engine.cdi_devices is not None and not any(KIND in one for one in engine.cdi_devices):
        yield NOT_SEEN.found(f"{specs[0].file} is there, Docker lists no {KIND} device")
    else:
        yield fine(f"{specs[0].file}: {', '.join(specs[0].devices)}")


def _stale(sources: Sources) -> Iterator[Finding]:
    folders = sources.engine.cdi_dirs or FOLDERS
    specs = list(read_specs(sources.files, folders))
    if not specs:
        yield noted(f"no specification in {', '.join(folders)}")
        return
    yield from or_fine(_wrong(sources, specs), f"{len(specs)} read, all they name is there")


def _wrong(sources: Sources, specs: list[CdiSpec]) -> Iterator[Finding]:
    driver = module_version(sources.files)
    for spec in specs:
        if spec.trouble:
            yield MALFORMED.found(spec.trouble)
            continue
        gone = [path for path in spec.paths if not sources.files.exists(path)]
        if gone:
            yield MISSING.found(f"{spec.file}: {len(gone)} not there, such as {gone[0]}")
        for path in spec.paths:
            found = _DRIVER_FILE.search(path)
            if found and driver and parse_driver(found[1]) != driver:
                yield OTHER_DRIVER.found(
                    f"{spec.file} names {path}, the driver is {driver_text(driver)}"
                )
                break


def _nvidia(sources: Sources, folders: tuple[str, ...]) -> list[CdiSpec]:
    return [spec for spec in read_specs(sources.files, folders) if spec.kind == KIND]


CHECKS: Final = (
    Check(
        "docker.cdi",
        Topic.GPU_CONTAINER,
        "CDISpecDirs and DiscoveredDevices of the engine; those folders",
        (OFF, NO_SPEC, NOT_SEEN),
        _cdi,
    ),
    Check(
        "cdi.stale",
        Topic.GPU,
        "every path that the CDI specifications name; the driver's version",
        (MALFORMED, MISSING, OTHER_DRIVER),
        _stale,
    ),
)
