"""What a bundle asks of a host, read from its signed documents; no layer is opened.

Source: the variables CUDA_VERSION and NVIDIA_REQUIRE_CUDA that images on NVIDIA's bases carry;
alternatives of the second are separated by spaces, conditions of one by commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from installer.checks.cudaversion import CudaVersion
from installer.checks.gpuasks import GpuAsk, gpu_asks
from installer.checks.sources import Wanted
from installer.engines.base import Delivery, Store
from installer.planning.space import needed_bytes
from installer.verify import VerifiedBundle
from installer.words.results import short_name
from manifests.digest import Digest
from manifests.oci import CONFIG_LIMIT
from manifests.release import LayerRecord, Release
from manifests.strictjson import loads

_REQUIRED: Final = re.compile(r"\bcuda>=(\d{1,4}\.\d{1,4})")
_BRANCH: Final = re.compile(r"\bdriver>=(\d{3})\b")


@dataclass(frozen=True, slots=True)
class CudaNeed:
    """What one image asks for.

    Attributes:
        version: of CUDA.
        image: its name.
        branches: of older drivers, with which it runs on data-centre cards all the same.
    """

    version: CudaVersion
    image: str
    branches: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class BundleNeeds:
    """What a bundle asks for.

    Attributes:
        cuda: the highest that an image needs; None when none tells.
        room: bytes that loading takes at most, where nothing of it is there yet.
        issued: when it was made.
        gpus: what its services ask for.
    """

    cuda: CudaNeed | None
    room: int
    issued: datetime
    gpus: tuple[GpuAsk, ...] = ()


def needs_of(verified: VerifiedBundle) -> BundleNeeds:
    """Return what a bundle asks for.

    Raises:
        BundleRefused: a config breaks the grammar of JSON.
    """
    release, sealed = verified.release, verified.sealed
    needs = [
        need
        for image in release.images
        if (need := cuda_need(image.name, variables(sealed.config(image))))
    ]
    highest = max(needs, key=lambda need: need.version, default=None)
    return BundleNeeds(highest, _room(release), release.issued, gpu_asks(release))


def with_needs(known: Wanted, needs: BundleNeeds) -> Wanted:
    """Return what is wanted with what a bundle asks for; what was known goes first."""
    times = [one for one in (known.issued, needs.issued) if one is not None]
    made = replace(known, bundle_room=needs.room, issued=max(times))
    if known.gpu is not False and needs.gpus:
        made = replace(made, gpu=True, gpu_asks=needs.gpus)
    if known.cuda is not None or needs.cuda is None:
        return made
    need = needs.cuda
    return replace(
        made, cuda=need.version, cuda_of=short_name(need.image), older_branches=need.branches
    )


def variables(config: bytes) -> Mapping[str, str]:
    """Return the environment that an image's config sets; what is no variable is left out.

    Raises:
        MalformedJson: it is not JSON.
    """
    document = loads(config, limit=CONFIG_LIMIT, subject="image config")
    inner = document.get("config") if isinstance(document, dict) else None
    listed = inner.get("Env") if isinstance(inner, dict) else None
    texts = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    return {name: value for name, _, value in (one.partition("=") for one in texts)}


def cuda_need(image: str, environment: Mapping[str, str]) -> CudaNeed | None:
    """Return what an image with these variables asks for, None when they don't tell."""
    required = environment.get("NVIDIA_REQUIRE_CUDA", "")
    found = _REQUIRED.search(required)
    told = environment.get("CUDA_VERSION") or (found[1] if found else "")
    version = CudaVersion.parse(told)
    if version is None:
        return None
    return CudaNeed(version, image, frozenset(map(int, _BRANCH.findall(required))))


def _room(release: Release) -> int:
    return needed_bytes(Store.GRAPH_DRIVER, list(_deliveries(release)))


def _deliveries(release: Release) -> Iterator[Delivery]:
    """Yield what an empty engine would be sent: each layer once."""
    seen: set[Digest] = set()
    for image in release.images:
        fresh: dict[Digest, LayerRecord] = {
            layer.diff_id: layer for layer in image.layers if layer.diff_id not in seen
        }
        seen.update(fresh)
        yield Delivery(image, tuple(fresh.values()), "")
