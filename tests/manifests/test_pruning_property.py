"""For any host: nothing that is reachable from what counts goes, and bytes are counted once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.prunerules.host import HostTerms, plan_host
from manifests.prunerules.inventory import (
    Container,
    ContainerState,
    HostRelease,
    Image,
    Inventory,
    Layer,
    Role,
    Volume,
)
from manifests.prunerules.planner import Kind, PrunePlan
from manifests.prunerules.policy import PrunePolicy
from tests.support.hosts import NOW, identity

pytestmark = pytest.mark.property

IMAGES = [identity(f"image {n}") for n in range(6)]
VOLUMES = [f"volume{n}" for n in range(4)]
PRODUCTS = ("viz", "db")
EXCLUDES = ("acme/keep", "label=team=db", "/^docker.io/x:[0-9]$/")
LABELS = st.dictionaries(
    st.sampled_from(["moonlift.keep", "team", "moonlift.product", "com.docker.compose.project"]),
    st.sampled_from(["true", "false", "db", "viz", "shop"]),
    max_size=1,
)
times = st.sampled_from([-3600, 60, *([90 * 3600] * 6), 95 * 3600]).map(
    lambda seconds: NOW - timedelta(seconds=seconds)
)
layers = st.lists(
    st.integers(0, 9).map(lambda n: Layer(f"layer {n}", 2**n)), max_size=4, unique=True
).map(tuple)
names = st.lists(
    st.sampled_from(["acme/keep:1", "acme/web:1", "acme/web:2", "x:7", "y:1"]),
    max_size=2,
    unique=True,
).map(lambda found: tuple(f"docker.io/{name}" for name in found))


@st.composite
def images(draw: st.DrawFn) -> tuple[Image, ...]:
    return tuple(
        Image(
            identity=one,
            names=draw(names),
            layers=draw(layers),
            created=draw(times),
            arrived=draw(times),
            used=draw(st.none() | times),
            labels=draw(LABELS),
        )
        for one in IMAGES
    )


@st.composite
def containers(draw: st.DrawFn) -> tuple[Container, ...]:
    return tuple(
        Container(
            identity=identity(f"container {number}").hex,
            name=f"container-{number}",
            image=draw(st.sampled_from([None, *IMAGES])),
            state=draw(st.sampled_from(ContainerState)),
            created=draw(times),
            finished=draw(st.none() | times),
            labels=draw(LABELS),
            volumes=draw(st.frozensets(st.sampled_from(VOLUMES), max_size=2)),
            size=draw(st.integers(0, 5)),
        )
        for number in range(4)
    )


@st.composite
def releases(draw: st.DrawFn) -> tuple[HostRelease, ...]:
    return tuple(
        HostRelease(
            product=product,
            sequence=sequence,
            version=f"1.{sequence}",
            arrived=draw(times),
            images=draw(st.frozensets(st.sampled_from(IMAGES), max_size=2)),
            role=draw(st.sampled_from(Role)),
            policy=draw(st.none() | policies),
        )
        for product in PRODUCTS
        for sequence in range(1, draw(st.integers(1, 5)))
    )


@st.composite
def volumes(draw: st.DrawFn) -> tuple[Volume, ...]:
    chosen = draw(st.lists(st.sampled_from(VOLUMES), unique=True))
    return tuple(Volume(one, "local", draw(st.none() | times), draw(LABELS)) for one in chosen)


policies = st.builds(
    PrunePolicy,
    grace_seconds=st.sampled_from([0, 3600, 86400]),
    keep_releases=st.integers(2, 4),
    keep_images=st.integers(0, 2),
    exclude=st.lists(st.sampled_from(EXCLUDES), max_size=2, unique=True).map(tuple),
    dangling=st.booleans(),
    containers=st.booleans(),
    volumes=st.booleans(),
)
hosts = st.builds(Inventory, images(), containers(), volumes(), releases())
terms = st.builds(
    HostTerms,
    policy=policies,
    now=st.just(NOW),
    product=st.sampled_from(["", "", "viz"]),
    keep_releases=st.none() | st.integers(2, 4),
    room=st.none() | st.integers(0, 600),
)


def gone(plan: PrunePlan, kind: Kind) -> set[str]:
    return {item.candidate.identity for item in plan.going if item.candidate.kind is kind}


def is_excluded(image: Image, patterns: set[str]) -> bool:
    bare = {name.partition(":")[0] for name in image.names}
    return (
        ("acme/keep" in patterns and "docker.io/acme/keep" in bare)
        or ("label=team=db" in patterns and image.labels.get("team") == "db")
        or ("/^docker.io/x:[0-9]$/" in patterns and "docker.io/x:7" in image.names)
    )


@settings(max_examples=100)
@given(hosts, terms)
def test_nothing_that_is_reachable_goes(host: Inventory, asked: HostTerms) -> None:
    plan = plan_host(host, asked)
    alive = [one for one in host.containers if one.state not in ("exited", "dead")]
    kept = [one for one in host.releases if one.role is not Role.KEPT]
    patterns = set(asked.policy.exclude)
    reachable = {str(one.image) for one in alive} | {str(x) for one in kept for x in one.images}
    reachable |= {str(one.identity) for one in host.images if is_excluded(one, patterns)}
    assert not gone(plan, Kind.IMAGE) & reachable
    assert not gone(plan, Kind.CONTAINER) & {one.identity for one in alive}
    assert not gone(plan, Kind.VOLUME) & {name for one in alive for name in one.volumes}
    assert not gone(plan, Kind.RELEASE) & {f"{one.product} {one.sequence}" for one in kept}
    check_whole(host, plan)
    check_bytes(plan)
    everything = HostTerms(asked.policy, NOW, asked.product, keep_releases=asked.keep_releases)
    assert {item.key for item in plan.going} <= {
        item.key for item in plan_host(host, everything).going
    }


def check_whole(host: Inventory, plan: PrunePlan) -> None:
    """A container that stays has its image and its volumes; everything is told of once."""
    staying = [one for one in host.containers if one.identity not in gone(plan, Kind.CONTAINER)]
    assert not gone(plan, Kind.IMAGE) & {str(one.image) for one in staying}
    assert not gone(plan, Kind.VOLUME) & {name for one in staying for name in one.volumes}
    assert not {item.key for item in plan.going} & {item.key for item in plan.staying}
    count = sum(map(len, (host.images, host.containers, host.volumes, host.releases)))
    assert len(plan.items) == count


def check_bytes(plan: PrunePlan) -> None:
    """Bytes are those of what nothing holds any more, once."""
    sizes = {x.key: x.size for item in plan.items for x in item.candidate.holds}
    held = {x.key for item in plan.staying for x in item.candidate.holds}
    freed = {x.key for item in plan.going for x in item.candidate.holds} - held
    assert plan.frees == sum(sizes[key] for key in freed)
