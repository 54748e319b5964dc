"""What runs of a release, in lines: services with their ports and mounts, and what a host sets."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.confinement import GpuNeed
from manifests.prunerules.policy import PrunePolicy
from manifests.quantities import seconds_text
from manifests.reference import MalformedReference, Reference
from manifests.runspec import RunSpec, Variable
from manifests.safetext import safe_line
from manifests.service import PublishedPort, Service
from manifests.serviceinputs import Mount


def run_lines(run: RunSpec | None, prune: PrunePolicy | None) -> list[str]:
    """Return what runs and what is pruned after it; nothing where a release only brings images."""
    lines = [*_run(run)] if run is not None else []
    return [safe_line(line) for line in (*lines, *_prune(prune))]


def _run(run: RunSpec) -> Iterator[str]:
    yield f"runs as project {run.project}, from {run.origin}"
    for service in run.services:
        yield from _service(service)
    yield from _named("networks", [one.key for one in run.networks])
    yield from _named("volumes", [one.key for one in run.volumes])
    yield from _variables("the host must set", [one for one in run.variables if one.required])
    yield from _variables("the host may set", [one for one in run.variables if not one.required])
    yield from _named("secrets that the host keeps", [one.name for one in run.secrets])
    files = {file.path: None for one in run.services for file in one.environment_files}
    yield from _named("env files, of the host where not carried", list(files))
    yield f"  all healthy within {seconds_text(run.deadline_seconds)}, self-test {run.selftest}"
    for remark in run.remarks:
        yield f"  remark: {remark}"


def _service(service: Service) -> Iterator[str]:
    count = "" if service.instances == 1 else f", {service.instances} instances"
    gpus = f", GPUs: {_gpus(service.gpus)}" if service.gpus else ""
    yield f"  service {service.name}: {_image(service.image)}{count}{gpus}"
    if service.ports:
        yield f"    ports   {', '.join(map(_port, service.ports))}"
    if service.mounts:
        yield f"    mounts  {', '.join(map(_mount, service.mounts))}"
    if service.dependencies:
        needs = (f"{one.service} {one.condition}" for one in service.dependencies)
        yield f"    after   {', '.join(needs)}"


def _image(name: str) -> str:
    try:
        return Reference.parse(name).familiar
    except MalformedReference:
        return name


def _gpus(need: GpuNeed) -> str:
    return ", ".join(need.devices) or ("all" if need.count is None else str(need.count))


def _port(port: PublishedPort) -> str:
    at = f"{port.address}:" if port.address else ""
    return f"{at}{port.host or 'any'}->{port.container}/{port.protocol}"


def _mount(mount: Mount) -> str:
    source = mount.source or mount.kind
    kind = f" ({mount.kind})" if mount.kind in ("carried", "host") else ""
    return f"{source}{kind} at {mount.target}{', read-only' if mount.read_only else ''}"


def _named(what: str, names: list[str]) -> Iterator[str]:
    if names:
        yield f"  {what}: {', '.join(names)}"


def _variables(what: str, variables: list[Variable]) -> Iterator[str]:
    if variables:
        yield f"  {what}: {', '.join(map(_variable, variables))}"


def _variable(one: Variable) -> str:
    default = "" if one.default is None else f"={one.default}"
    return f"{one.name}{default}{f' ({one.message})' if one.message else ''}"


def _prune(policy: PrunePolicy | None) -> Iterator[str]:
    if policy is None:
        return
    grace = seconds_text(policy.grace_seconds)
    yield f"prunes what was unused for {grace}, keeps {policy.keep_releases} releases"
    if policy.exclude:
        yield f"  never: {', '.join(policy.exclude)}"
