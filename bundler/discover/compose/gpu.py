"""GPU requests of a compose service, in each of the ways that Compose and Swarm know.

Source: Compose specification, "gpus", "runtime", "devices" and the deploy specification's
"reservations"; for `NVIDIA_VISIBLE_DEVICES` the NVIDIA Container Toolkit's "Specialized
configurations with Docker"; Container Device Interface, "device names".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bundler.discover.compose.notes import Notes
from bundler.discover.compose.tree import Value
from bundler.discover.found import GpuRequest

_CDI = re.compile(r"(?:nvidia|amd)\.com/gpu=(?P<name>[^:]+)")
_NODE = re.compile(r"/dev/nvidia(?P<number>\d+)(?::|$)", re.ASCII)
_NONE = frozenset({"", "none", "void"})
_DRIVERS = frozenset({"nvidia", "amd", "cdi"})


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request before it is known whose it is: None for all GPUs, and those named."""

    value: Value
    count: int | None
    devices: tuple[str, ...] = ()


def gpu_requests(
    service: Value, by: str, variables: Mapping[str, str], notes: Notes
) -> Iterator[GpuRequest]:
    """Yield the GPU requests of a service.

    `runtime: nvidia` counts where nothing else asks, as it only makes a request possible.

    Raises:
        Refused: too much, as `Notes.spend` says.
    """
    asked = [one for one in _asked(service, notes) if one.count != 0]
    if not asked:
        asked = list(_of_runtime(service, variables))
    for one in asked:
        yield GpuRequest(one.value.place, by, one.count, one.devices)


def gpu_devices(service: Value, notes: Notes) -> Iterator[Value]:
    """Yield the mappings that ask for GPUs, with their drivers and capabilities.

    Raises:
        Refused: too much, as `Notes.spend` says.
    """
    reservations = service.at("deploy", "resources", "reservations")
    for device in _items(reservations and reservations.at("devices"), notes):
        if _is_gpu(device):
            yield device
    yield from _items(service.at("gpus"), notes)


def cdi_names(service: Value, notes: Notes) -> tuple[str, ...]:
    """Return the full names of devices that CDI shall give, such as `amd.com/gpu=0`.

    Raises:
        Refused: too much, as `Notes.spend` says.
    """
    found: list[str] = []
    for device in gpu_devices(service, notes):
        driver, ids = device.at("driver"), device.at("device_ids")
        if driver is not None and driver.text == "cdi" and ids is not None:
            found += [one.text for one in ids.items]
    for item in _items(service.at("devices"), notes):
        match = _CDI.match((item.at("source") or item).text)
        found += [match[0]] if match is not None else []
    return tuple(dict.fromkeys(found))


def is_gpu_device(device: Value) -> bool:
    """Tell whether an entry of `devices:` gives a GPU, which is asked for apart."""
    text = (device.at("source") or device).text
    return _CDI.match(text) is not None or _NODE.match(text) is not None


def _asked(service: Value, notes: Notes) -> Iterator[_Asked]:
    reservations = service.at("deploy", "resources", "reservations")
    for device in _items(reservations and reservations.at("devices"), notes):
        if _is_gpu(device):
            yield _of_device(device)
    for device in _items(service.at("gpus"), notes):
        yield _of_device(device)
    for resource in _items(reservations and reservations.at("generic_resources"), notes):
        yield from _of_generic(resource)
    yield from _of_devices(service.at("devices"), notes)


def _items(value: Value | None, notes: Notes) -> tuple[Value, ...]:
    if value is None:
        return ()
    notes.spend(value.place, len(value.items))
    return value.items


def _is_gpu(device: Value) -> bool:
    """Tell whether a reserved device is a GPU: by its driver, or by a capability `gpu`."""
    driver, capabilities = device.at("driver"), device.at("capabilities")
    groups = capabilities.items if capabilities is not None else ()
    named = {one.text for group in groups for one in (group, *group.items)}
    return (driver is not None and driver.text in _DRIVERS) or "gpu" in named


def _of_device(device: Value) -> _Asked:
    ids, count = device.at("device_ids"), device.at("count")
    devices = tuple(one.text for one in ids.items) if ids is not None else ()
    if devices:
        every = any(one == "all" or one.endswith("=all") for one in devices)
        return _Asked(device, None if every else len(devices), () if every else devices)
    text = count.text if count is not None else ""
    return _Asked(device, int(text) if text.isascii() and text.isdecimal() else None)


def _of_generic(resource: Value) -> Iterator[_Asked]:
    """Yield a Swarm node's own resource whose kind speaks of GPUs, such as `NVIDIA-GPU`."""
    kind = resource.at("discrete_resource_spec", "kind")
    count = resource.at("discrete_resource_spec", "value")
    if kind is not None and "gpu" in kind.text.lower():
        text = count.text if count is not None else "1"
        yield _Asked(resource, int(text) if text.isascii() and text.isdecimal() else 1)


def _of_devices(devices: Value | None, notes: Notes) -> Iterator[_Asked]:
    """Yield the GPUs that `devices:` gives: `nvidia.com/gpu=0`, `/dev/nvidia0`."""
    found: list[tuple[Value, str]] = []
    for item in _items(devices, notes):
        source = item.at("source") or item
        match = _CDI.match(source.text) or _NODE.match(source.text)
        if match is not None:
            found.append((source, match[1]))
    if found:
        every = any(name == "all" for _, name in found)
        names = () if every else tuple(name for _, name in found)
        yield _Asked(found[0][0], None if every else len(found), names)


def _of_runtime(service: Value, variables: Mapping[str, str]) -> Iterator[_Asked]:
    runtime = service.at("runtime")
    if runtime is None or not runtime.text.startswith("nvidia"):
        return
    visible = service.at("environment", "NVIDIA_VISIBLE_DEVICES")
    if visible is None:
        yield _Asked(runtime, None)
        return
    text = variables.get("NVIDIA_VISIBLE_DEVICES", "") if visible.content is None else visible.text
    if text == "all":
        yield _Asked(runtime, None)
    elif text not in _NONE:
        devices = tuple(filter(None, (one.strip() for one in text.split(","))))
        yield _Asked(runtime, len(devices), devices)
