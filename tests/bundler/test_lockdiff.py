"""What is said of two locks that differ."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bundler.words.lockdiff import lock_changes
from manifests.digest import Digest
from manifests.layerpolicy import LayerPolicy
from manifests.lock import Lock, LockedFile, LockedGpu, LockedImage, LockedManifest, LockedWaiver
from manifests.platform import Platform
from manifests.prunerules.policy import PrunePolicy
from manifests.runspec import RunSpec
from manifests.service import Service
from manifests.workload import Workload

ONE, TWO = Digest("1" * 64), Digest("2" * 64)
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def image(name: str = "nginx:1", **changes: Any) -> LockedImage:
    manifest = LockedManifest(platform=AMD64, digest=ONE, size=7, media_type="a/b", layers_size=99)
    facts = {
        "reference": f"docker.io/library/{name}",
        "written": name,
        "origin": "registry",
        "digest": ONE,
        "media_type": "a/b",
        "policy": LayerPolicy.ZSTD,
        "platforms": (AMD64,),
        "manifests": (manifest,),
        "places": ("compose.yaml:3: service web",),
    }
    return LockedImage(**{**facts, **changes})


def file(digest: Digest = ONE, *, executable: bool = False) -> LockedFile:
    return LockedFile(name="files/a", source="conf/a", digest=digest, size=1, executable=executable)


def lock(*images: LockedImage, **changes: Any) -> Lock:
    facts = {"product": "viz", "version": "1", "sequence": 1, "issued": NOW}
    return Lock(**{**facts, "images": images or (image(),), **changes})


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (lock(version="2"), ["version: 1 -> 2"]),
        (lock(expires=NOW), ["expires: new, 2026-11-22T00:00:00Z"]),
        (lock(product="other"), ["name: viz -> other"]),
        (lock(image(digest=TWO)), [f"nginx:1: sha256:{'1' * 12} -> sha256:{'2' * 12}"]),
        (lock(image(policy=LayerPolicy.ORIGINAL)), ["nginx:1: layers zstd -> original"]),
        (lock(image(origin="docker")), ["nginx:1: from registry -> docker"]),
        (lock(image(written="nginx")), ["nginx:1: written nginx:1 -> nginx"]),
        (
            lock(image(platforms=(ARM64, AMD64))),
            ["nginx:1: platforms linux/amd64 -> linux/amd64, linux/arm64"],
        ),
        (
            lock(image("redis:7")),
            [f"redis:7: new, sha256:{'1' * 12}", f"nginx:1: gone, was sha256:{'1' * 12}"],
        ),
        (lock(files=(file(),)), [f"files/a: new, sha256:{'1' * 12} of conf/a"]),
        (
            lock(waived=(LockedWaiver(image="a", reason="b", places=("x:1: y",)),)),
            ["waived a: new, b"],
        ),
        (lock(gpus=(LockedGpu(by="service web", place="a:1"),)), ["gpus: 0 found -> 1 found"]),
        (
            lock(workloads=(Workload(id="/a", image="b", place="c:1"),)),
            ["workloads: 0 found -> 1 found"],
        ),
        (
            lock(run=RunSpec(project="p", services=(Service(name="a", image="i:1"),))),
            [
                "run: project new, p",
                "run: deadline_seconds new, 300",
                "run: settle_seconds new, 3",
                "run: selftest new, off",
                "service a: new, i:1",
            ],
        ),
        (
            lock(prune=PrunePolicy()),
            [
                "prune: grace_seconds new, 3600",
                "prune: keep_releases new, 2",
                "prune: keep_images new, 0",
                "prune: dangling new, true",
                "prune: containers new, true",
                "prune: volumes new, false",
            ],
        ),
        (lock(sequence=9, issued=datetime(2027, 1, 1, tzinfo=UTC)), []),
        (lock(image(places=("compose.yaml:99: service web",))), []),
    ],
)
def test_each_difference_is_one_line(new: Lock, said: list[str]) -> None:
    old = lock()
    assert [str(change) for change in lock_changes(old, new)] == said
    assert old.same_content(new) == (not said)


def test_a_file_that_became_executable_is_told() -> None:
    old, new = lock(files=(file(),)), lock(files=(file(executable=True),))
    (change,) = lock_changes(old, new)
    assert str(change).endswith("of conf/a, executable")


def test_another_order_is_told() -> None:
    old, new = lock(image(), image("redis:7")), lock(image("redis:7"), image())
    assert [str(one) for one in lock_changes(old, new)] == [
        "images: their old order -> another order"
    ]


def test_without_an_old_lock_nothing_changed() -> None:
    assert lock_changes(None, lock()) == ()
