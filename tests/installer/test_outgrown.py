"""What a plan says of older releases that an upgrade will let go."""

from __future__ import annotations

from installer.planning.outgrown import NOTHING_OUTGROWN, outgrown
from installer.words.app import prune_lines
from manifests.prunerules.policy import PrunePolicy
from manifests.release import LayerRecord, Release
from tests.installer.app.releases import PRODUCT, digest, image_record, release
from tests.installer.test_ledgerapps import app_with

MIB = 2**20
KEEPS_TWO = PrunePolicy(keep_releases=2)


def layer(name: str) -> LayerRecord:
    return LayerRecord(
        digest=digest(f"packed {name}"),
        size=1,
        media_type="application/x",
        diff_id=digest(name),
        uncompressed=MIB,
    )


def release_with(sequence: int, *layers: str, product: str = PRODUCT) -> Release:
    image = image_record("docker.io/acme/viz:1")
    held = image.model_copy(update={"layers": tuple(map(layer, layers))})
    made = release(sequence=sequence, product=product)
    return made.model_copy(update={"images": (held, held), "prune": KEEPS_TWO})


def test_layers_that_others_have_are_not_freed() -> None:
    known = [
        release_with(1, "base", "one", "both", "foreign"),
        release_with(2, "base", "two", "both"),
        release_with(3, "base", "three"),
        release_with(1, "foreign", product="other"),
    ]
    gone = outgrown(release_with(4, "base", "four"), app_with(1, 2, 3), known)
    assert gone.versions == ("1.2", "1.1")
    assert gone.size == 3 * MIB
    told = " ".join(" ".join(prune_lines(KEEPS_TWO, gone)).split())
    assert told.endswith("lets 1.2, 1.1 go once unused long enough, about 3.00 MiB")


def test_a_release_without_a_policy_lets_nothing_go() -> None:
    plain = release_with(4, "four").model_copy(update={"prune": None})
    assert outgrown(plain, app_with(1, 2, 3), []) is NOTHING_OUTGROWN
    assert outgrown(release_with(1, "one"), None, []) is NOTHING_OUTGROWN
