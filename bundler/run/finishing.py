"""What runs, fitted to the images of the lock -> the `RunSpec` that goes into lock and release.

Owns what becomes of services whose images are waived, and of the policy for the self-test.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from bundler.locking.selftestmark import bundled_name
from bundler.run.reading import ReadRun
from manifests.appmanifest.run import AppRun
from manifests.errors import AppManifestError
from manifests.reference import Reference
from manifests.runspec import RunSpec, Selftest
from manifests.service import SERVICE_MODE, Service


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the bundle will hold.

    Attributes:
        images: what it calls each image.
        selftest: whether one of them proves a host.
    """

    images: Collection[str]
    selftest: bool


def finished(run: AppRun, read: ReadRun, holdings: Holdings) -> RunSpec:
    """Return what goes into the lock.

    Args:
        run: as the app manifest has it.
        read: what its files say.
        holdings: of the bundle.

    Raises:
        AppManifestError: `run-invalid`: it does not hold together.
    """
    named = [one.model_copy(update={"image": _name(one)}) for one in read.draft.services]
    kept = [one for one in named if one.image in holdings.images]
    left = [one for one in named if one.image not in holdings.images]
    remarks = (*read.draft.remarks, *_left_out(left))
    try:
        return RunSpec(
            project=read.project,
            origin=read.origin,
            services=tuple(_without(one, {gone.name for gone in left}) for one in kept),
            networks=read.draft.networks,
            volumes=read.draft.volumes,
            variables=read.draft.variables,
            secrets=read.draft.secrets,
            deadline_seconds=run.deadline,
            settle_seconds=run.settle,
            selftest=run.selftest or _default(read, holdings),
            remarks=remarks,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(one) for one in first["loc"])
        raise AppManifestError(
            "run-invalid", f"what runs does not hold together: {where}: {first['msg']}"
        ) from error


def _name(service: Service) -> str:
    return bundled_name(Reference.parse(service.image))


def _default(read: ReadRun, holdings: Holdings) -> Selftest:
    return "required" if holdings.selftest or read.draft.asks_gpus else "off"


def _left_out(services: list[Service]) -> Iterator[str]:
    for one in services:
        yield f"service {one.name} does not run: its image {one.image} is waived"[:1024]


def _without(service: Service, gone: Collection[str]) -> Service:
    """Return a service that does not wait for those that don't run."""
    needs = tuple(one for one in service.dependencies if one.service not in gone)
    mode = service.network_mode
    if mode.startswith(SERVICE_MODE) and mode.removeprefix(SERVICE_MODE) in gone:
        raise AppManifestError(
            "run-invalid",
            f"service {service.name} shares the network of one whose image is waived",
            hint="carry that image, or waive both",
        )
    return service.model_copy(update={"dependencies": needs})
