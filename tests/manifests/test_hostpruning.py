"""Every rule of docker-gc on a host of 200 images and 100 containers, its defects mended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from manifests.prunerules.excludes import Excludes
from manifests.prunerules.host import HostTerms, plan_host
from manifests.prunerules.inventory import ContainerState, Inventory, Role
from manifests.prunerules.patterns import Line
from manifests.prunerules.planner import Kind, PrunePlan
from manifests.prunerules.policy import PrunePolicy
from tests.support.dockergc import Settings, reaped
from tests.support.hosts import (
    DAY,
    MIB,
    NOW,
    PINNED,
    ago,
    container,
    crowd,
    image,
    layer,
    release,
    volume,
    with_crowd,
)

OLD = image("acme/old:1")
COMPOSE = {"com.docker.compose.project": "shop"}


def planned(host: Inventory, policy: PrunePolicy | None = None, **terms: Any) -> PrunePlan:
    return plan_host(host, HostTerms(policy=policy or PrunePolicy(), now=NOW, **terms))


def gone(plan: PrunePlan) -> set[str]:
    return {item.candidate.names[0] for item in plan.going}


def why(plan: PrunePlan, name: str) -> str:
    """Return the code of the reason for which something stays."""
    return next(item.reason.code for item in plan.staying if name in item.candidate.names)


@dataclass(frozen=True)
class Row:
    """One rule: what docker-gc does to the things named, and what is done here.

    Attributes:
        rule: in words.
        host: besides the crowd.
        theirs: what docker-gc removes of it.
        ours: what goes here.
        settings: docker-gc's.
        policy: the same here.
        terms: the same here, where the policy has no word for it.
    """

    rule: str
    host: Inventory
    theirs: set[str]
    ours: set[str]
    settings: Settings = field(default_factory=Settings)
    policy: PrunePolicy = field(default_factory=PrunePolicy)
    terms: Mapping[str, Any] = field(default_factory=dict)


WEB = image("acme/web:1")
TWO_NAMES = image("acme/new:9", names=("acme/new:9", "acme/other:1"), built=50 * DAY)
ROWS = (
    Row(
        "an image that nothing uses goes after the grace period",
        Inventory((OLD, image("acme/young:1", arrived=0.5))),
        {"acme/old:1"},
        {"acme/old:1"},
    ),
    Row(
        "the grace period is a setting",
        Inventory((OLD, image("acme/older:1", arrived=60 * DAY))),
        {"acme/older:1"},
        {"acme/older:1"},
        Settings(grace_period_seconds=45 * 86400),
        PrunePolicy(grace_seconds=45 * 86400),
    ),
    Row(
        "a container that ended goes after the grace period, and then its image",
        Inventory((WEB,), (container("job", WEB), container("late", None, ended=0.5))),
        {"job", "acme/web:1"},
        {"job", "acme/web:1"},
    ),
    Row(
        "a container within the grace period keeps its image",
        Inventory((WEB,), (container("job", WEB, ended=0.5),)),
        set(),
        set(),
    ),
    Row(
        "what runs, is paused or restarts keeps its image",
        Inventory(
            (OLD, WEB),
            (
                container("a", OLD, ContainerState.PAUSED, ended=None),
                container("b", WEB, ContainerState.RESTARTING),
            ),
        ),
        set(),
        set(),
    ),
    Row(
        "an image without a name goes like any other",
        Inventory((image("lost", names=()),)),
        {image("lost", names=()).identity.short},
        {image("lost", names=()).identity.short},
    ),
    Row(
        "the newest N images of a repository stay",
        Inventory(tuple(image(f"acme/many:{n}", arrived=n * DAY) for n in range(1, 5))),
        {"acme/many:3", "acme/many:4"},
        {"acme/many:3", "acme/many:4"},
        Settings(minimum_images_to_save=2),
        PrunePolicy(keep_images=2),
    ),
    Row(
        "EXCLUDE_FROM_GC: an expression for repository:tag, or an ID",
        Inventory((OLD, WEB, image("acme/db:7"))),
        {"acme/db:7"},
        {"acme/db:7"},
        Settings(exclude_from_gc=("acme/o.*:1", WEB.identity.short)),
        terms={
            "excludes": Excludes(
                images=(Line.of_image("acme/o.*:1"), Line.of_image(WEB.identity.short))
            )
        },
    ),
    Row(
        "EXCLUDE_CONTAINERS_FROM_GC: an expression for the whole row",
        Inventory(
            (),
            (
                container("tmp-1", command="backup --all"),
                container("tmp-2"),
                container("data-3"),
            ),
        ),
        {"tmp-2"},
        {"tmp-2"},
        Settings(exclude_containers_from_gc=("backup|nothing", "data-[0-9]+")),
        terms={
            "excludes": Excludes(
                containers=(Line.of_container("backup|nothing"), Line.of_container("data-[0-9]+"))
            )
        },
    ),
    Row(
        "volumes stay unless they are asked for",
        Inventory(volumes=(volume("scratch"),)),
        set(),
        set(),
    ),
    Row(
        "REMOVE_VOLUMES: those of the driver that no container has, but for excludes",
        Inventory(
            (),
            (
                container("keeper", None, ended=0.5, volumes=["held"]),
                container("gone", volumes=["x"]),
            ),
            (volume("held"), volume("x"), volume("nfs", driver="nfs"), volume("precious-1")),
        ),
        {"gone", "x"},
        {"gone", "x"},
        Settings(remove_volumes=True, exclude_volumes=("^precious",)),
        PrunePolicy(volumes=True),
        {"excludes": Excludes(volumes=(Line.of_volume("^precious"),))},
    ),
    Row(
        "VOLUME_DELETE_ONLY_DRIVER empty: of any driver",
        Inventory(volumes=(volume("nfs", driver="nfs"),)),
        {"nfs"},
        {"nfs"},
        Settings(remove_volumes=True, volume_delete_only_driver=""),
        PrunePolicy(volumes=True),
        {"volume_driver": ""},
    ),
    Row(
        "defect a, mended: age counts from arrival, not from the build",
        Inventory((image("acme/fresh:1", arrived=0.1, built=90 * DAY),)),
        {"acme/fresh:1"},
        set(),
    ),
    Row(
        "defect a, mended: and from the last use",
        Inventory((image("acme/used:1", used=0.2),)),
        {"acme/used:1"},
        set(),
    ),
    Row(
        "defect d, mended: a container that was made and not yet started stays",
        Inventory((WEB,), (container("soon", WEB, ContainerState.CREATED, ended=None, made=99),)),
        {"soon", "acme/web:1"},
        set(),
    ),
    Row(
        "defect e, mended: an image that one repository keeps stays",
        Inventory((TWO_NAMES, image("acme/other:2", built=9 * DAY))),
        {"acme/new:9"},
        set(),
        Settings(minimum_images_to_save=1),
        PrunePolicy(keep_images=1),
    ),
    Row(
        "defect h, mended: a label keeps what has it",
        Inventory((image("acme/pinned:1", labels=PINNED),), (container("kept", labels=PINNED),)),
        {"acme/pinned:1", "kept"},
        set(),
    ),
    Row(
        "defect h, mended: excludes by glob, digest, label and expression",
        Inventory(
            (
                OLD,
                WEB,
                image("acme/c:1", labels={"team": "db"}),
                image("acme/d:12"),
                image("acme/goes:1"),
            )
        ),
        {"acme/old:1", "acme/web:1", "acme/c:1", "acme/d:12", "acme/goes:1"},
        {"acme/goes:1"},
        policy=PrunePolicy(
            exclude=("acme/o*", str(WEB.identity), "label=team=db", "/^acme/d:[0-9]{2}$/")
        ),
    ),
    Row(
        "here alone: an ended container of a Compose project that runs stays",
        Inventory(
            (),
            (
                container("shop-db-1", None, ContainerState.RUNNING, ended=None, labels=COMPOSE),
                container("shop-init-1", labels=COMPOSE),
                container("shop-run", labels={**COMPOSE, "com.docker.compose.oneoff": "True"}),
            ),
        ),
        {"shop-init-1", "shop-run"},
        {"shop-run"},
    ),
    Row(
        "here alone: a volume of a Compose project stays",
        Inventory(volumes=(volume("shop_data", labels=COMPOSE),)),
        {"shop_data"},
        set(),
        Settings(remove_volumes=True),
        PrunePolicy(volumes=True),
    ),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
def test_every_rule_beside_docker_gc(row: Row) -> None:
    host = with_crowd(row.host)
    assert (len(host.images), len(host.containers)) == (200, 100)
    of_the_crowd = {one.shown[0] for one in crowd().images}
    assert reaped(host, NOW, row.settings) - of_the_crowd == row.theirs
    assert gone(planned(host, row.policy, **row.terms)) == row.ours


def test_nothing_of_a_host_goes_where_everything_is_of_use() -> None:
    assert gone(planned(crowd())) == set()


RELEASES = [
    image(f"acme/app:{n}", layers=[layer("base", 50), layer(f"v{n}", 10)]) for n in range(5)
]


def app_host(**roles: Role) -> Inventory:
    """Return a host with releases 1 to 4 of one product."""
    return Inventory(
        tuple(RELEASES[1:]),
        releases=tuple(
            release("viz", n, RELEASES[n], role=roles.get(f"r{n}", Role.KEPT)) for n in range(1, 5)
        ),
    )


def test_the_newest_releases_stay_and_older_ones_go_with_their_images() -> None:
    plan = planned(app_host(r4=Role.ACTIVE, r3=Role.PREVIOUS))
    assert gone(plan) == {"acme/app:1", "acme/app:2", "viz 1.1", "viz 1.2"}
    assert plan.frees == 2 * 10 * MIB
    assert why(plan, "acme/app:3") == "release"


def test_the_active_and_the_previous_release_stay_however_old_they_are() -> None:
    plan = planned(app_host(r1=Role.ACTIVE, r2=Role.PREVIOUS))
    assert gone(plan) == set()
    plan = planned(app_host(r1=Role.ACTIVE, r4=Role.PREVIOUS))
    assert gone(plan) == {"acme/app:2", "viz 1.2"}


def test_the_products_own_policy_counts_unless_the_command_line_says_otherwise() -> None:
    host = app_host()
    newest = release("viz", 4, RELEASES[4], policy=PrunePolicy(keep_releases=4))
    host = Inventory(host.images, releases=(*host.releases[:-1], newest))
    assert gone(planned(host)) == set()
    assert gone(planned(host, keep_releases=3)) == {"acme/app:1", "viz 1.1"}


def test_an_exclude_of_a_products_policy_keeps_things_on_the_whole_host() -> None:
    newest = release("viz", 4, RELEASES[4], policy=PrunePolicy(exclude=("acme/old",)))
    assert gone(planned(Inventory((OLD, RELEASES[4]), releases=(newest,)))) == set()


def test_a_release_stays_while_one_of_its_images_does() -> None:
    host = app_host(r4=Role.ACTIVE, r3=Role.PREVIOUS)
    running = container("debug", RELEASES[1], ContainerState.RUNNING, ended=None)
    plan = planned(Inventory(host.images, (running,), releases=host.releases))
    assert gone(plan) == {"acme/app:2", "viz 1.2"}
    assert why(plan, "viz 1.1") == "image-stays"


def test_an_image_that_a_kept_release_shares_stays() -> None:
    shared = RELEASES[1]
    host = Inventory(
        (shared, RELEASES[4]),
        releases=(
            release("viz", 1, shared),
            release("viz", 2, shared),
            release("viz", 3, RELEASES[4], role=Role.ACTIVE),
        ),
    )
    plan = planned(host)
    assert gone(plan) == {"viz 1.1"}
    assert why(plan, "acme/app:1") == "release"


def test_only_one_product_where_only_one_is_asked_for() -> None:
    host = app_host(r4=Role.ACTIVE)
    others = (OLD, image("acme/x:1"))
    host = Inventory((*host.images, *others), (container("job"),), releases=host.releases)
    plan = planned(host, PrunePolicy(volumes=True), product="viz")
    assert gone(plan) == {"acme/app:1", "acme/app:2", "viz 1.1", "viz 1.2"}
    assert {why(plan, name) for name in ("acme/old:1", "job")} == {"scope"}
    assert gone(planned(host, product="other")) == set()


def test_ended_containers_of_an_installed_app_stay() -> None:
    labels = {"moonlift.product": "viz"}
    ended = container("viz-migrate-1", RELEASES[4], labels=labels)
    host = app_host(r4=Role.ACTIVE)
    plan = planned(Inventory(host.images, (ended,), releases=host.releases))
    assert why(plan, "viz-migrate-1") == "app"
    assert "viz-migrate-1" in gone(planned(Inventory((), (ended,))))


def test_dead_containers_stay_if_told_so() -> None:
    host = Inventory((), (container("d", None, ContainerState.DEAD), container("e")))
    assert gone(planned(host)) == {"d", "e"}
    assert gone(planned(host, keep_dead=True)) == {"e"}


def test_kinds_can_be_left_out() -> None:
    host = Inventory((image("lost", names=()), OLD), (container("job"),))
    assert gone(planned(host, PrunePolicy(dangling=False, containers=False))) == {"acme/old:1"}


def test_names_of_ours_that_no_known_release_explains_keep_an_image() -> None:
    name = "moonlift.local/viz:0123456789ab"
    kept = image("acme/app:1", names=())
    kept = type(kept)(
        kept.identity,
        (),
        kept.layers,
        kept.created,
        kept.arrived,
        ours=(name,),
        unexplained=(name,),
    )
    plan = planned(Inventory((kept,)))
    assert why(plan, name) == "keeping-name"


def test_what_a_broken_off_install_left_goes_after_the_grace_and_says_so() -> None:
    name = "moonlift.local/viz:0123456789ab"
    left = replace(image("left", names=()), ours=(name,), left_by="viz")
    plan = planned(Inventory((left,)))
    (going,) = plan.going
    assert (going.candidate.names, going.reason.code) == ((name,), "leftover")
    assert "left by an install of viz that was broken off" in going.reason.text
    fresh = replace(left, arrived=ago(0.5))
    assert why(planned(Inventory((fresh,))), name) == "grace"
    for product, code in (("viz", None), ("other", "scope")):
        found = plan_host(Inventory((left,)), HostTerms(PrunePolicy(), NOW, product=product))
        assert (why(found, name) if code else len(found.going)) == (code or 1)
    used = Inventory((left,), (container("run", left, ContainerState.RUNNING, ended=None),))
    assert why(planned(used), name) == "in-use"


def test_shared_layers_are_counted_once_and_only_when_the_last_holder_goes() -> None:
    base = layer("shared", 100)
    two = [image(f"acme/pair:{n}", layers=[base, layer(f"p{n}", 1)]) for n in (1, 2)]
    plan = planned(Inventory(tuple(two)))
    assert [item.frees for item in plan.going] == [1 * MIB, 101 * MIB]
    third = image("acme/third:1", layers=[base], labels=PINNED)
    assert planned(Inventory((*two, third))).frees == 2 * MIB


def test_the_oldest_go_until_there_is_room() -> None:
    images = tuple(
        image(f"acme/big:{n}", arrived=n * DAY, layers=[layer(f"big{n}", 10)]) for n in range(1, 6)
    )
    job = container("job", images[4], ended=6 * DAY, made=7 * DAY)
    plan = planned(Inventory(images, (job,)), room=15 * MIB)
    assert gone(plan) == {"job", "acme/big:5", "acme/big:4"}
    assert [item.candidate.kind for item in plan.going][:2] == [Kind.CONTAINER, Kind.IMAGE]
    assert why(plan, "acme/big:1") == "room"
    assert plan.short == 0
    plan = planned(Inventory(images), room=1000 * MIB)
    assert len(plan.going) == 5
    assert plan.short == 950 * MIB
    assert not planned(Inventory(images), room=0).going


def test_a_container_from_the_future_stays() -> None:
    assert gone(planned(Inventory((), (container("odd", ended=-5),)))) == set()


def test_an_image_that_others_were_built_on_here_goes_after_them_or_stays() -> None:
    base = image("acme/base:1", arrived=90 * DAY)
    child = replace(image("acme/child:1"), ancestors=frozenset({base.identity}))
    plan = planned(Inventory((base, child)))
    assert [item.candidate.names[0] for item in plan.going] == ["acme/child:1", "acme/base:1"]
    pinned = replace(child, labels=PINNED)
    assert why(planned(Inventory((base, pinned))), "acme/base:1") == "parent"
    young = replace(child, arrived=NOW)
    assert why(planned(Inventory((base, young))), "acme/base:1") == "grace"
