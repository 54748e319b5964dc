"""What counts as one image, which options it gets, and what is told of the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found, Mention, Place, Problem, Remark
from bundler.discover.merge import Merged, Overrides, merge
from manifests.appmanifest.app import App
from manifests.layerpolicy import LayerPolicy
from manifests.platform import Platform
from manifests.release import MAX_IMAGES

AMD64, ARM64, S390X = (Platform("linux", name) for name in ("amd64", "arm64", "s390x"))
ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")
HERE = Path(__file__).parent
OVERRIDES = Overrides(AMD64)


def app(more: str = "sources: [compose.yaml]\n") -> App:
    head = 'schema: 1\nname: viz\nversion: "1"\n'
    return App.parse(f"{head}{more}".encode(), "app.yaml")


def says(*written: str, **facts: object) -> Found:
    """Return what a compose.yaml tells that names an image in each line."""
    mentions = tuple(
        replace(Mention(name, Place("compose.yaml", line, 12), f"service s{line}"), **facts)  # type: ignore[arg-type]
        for line, name in enumerate(written, start=1)
    )
    return Found(mentions=mentions)


def merged(
    found: Found, more: str = "sources: [compose.yaml]\n", overrides: Overrides = OVERRIDES
) -> Merged:
    return merge(app(more), "app.yaml", found, DiskFolder(HERE), overrides)


def names(result: Merged) -> list[str]:
    return [str(image.reference) for image in result.images]


def test_names_are_filled_in_as_docker_does_and_merged_with_every_place() -> None:
    result = merged(says("nginx", "docker.io/library/nginx:latest", "index.docker.io/nginx"))
    (image,) = result.images
    assert str(image.reference) == "docker.io/library/nginx:latest"
    assert image.written == "nginx"
    assert [str(one.place) for one in image.mentions] == [f"compose.yaml:{n}" for n in (1, 2, 3)]
    assert not result.problems


def test_listed_images_come_first_and_the_others_by_name() -> None:
    result = merged(says("z:1", "b:1", "y:2"), "images: [y:2, x:1]\nsources: [compose.yaml]\n")
    assert names(result) == [f"docker.io/library/{name}" for name in ("y:2", "x:1", "b:1", "z:1")]
    assert [str(one.place) for one in result.images[0].mentions] == ["app.yaml:4", "compose.yaml:3"]


def test_a_listed_image_sets_the_options_of_one_that_a_source_names() -> None:
    result = merged(
        says("app:1", platform=S390X),
        "images: [{image: app:1, layers: original, from: registry, platforms: [linux/arm64]}]\n",
    )
    (image,) = result.images
    assert (image.policy, image.origin) == (LayerPolicy.ORIGINAL, "registry")
    assert image.platforms == (ARM64, S390X)


def test_the_command_line_overrides_what_the_app_says() -> None:
    overrides = Overrides(AMD64, LayerPolicy.ZSTD, (S390X,), "docker")
    text = "images: [{image: app:1, layers: original, from: registry, platforms: [linux/arm64]}]\n"
    for result in (merged(Found(), text, overrides), merged(says("app:1"), overrides=overrides)):
        (image,) = result.images
        assert (image.policy, image.origin) == (LayerPolicy.ZSTD, "docker")
        assert image.platforms == (S390X,)


def test_platforms_asked_for_by_name_are_added_to_the_apps_own() -> None:
    found = Found(mentions=says("a:1").mentions + says("a:1", platform=ARM64).mentions)
    assert merged(found).images[0].platforms == (AMD64, ARM64)
    assert merged(says("a:1", platform=ARM64)).images[0].platforms == (ARM64,)
    own = merged(found, "platforms: [linux/s390x]\nsources: [compose.yaml]\n")
    assert own.images[0].platforms == (S390X, ARM64)


def test_what_the_app_builds_is_taken_from_the_local_engine_only() -> None:
    found = Found(mentions=says("a/web:1", built=True).mentions + says("a/web:1").mentions)
    assert merged(found).images[0].origin == "docker"
    pushed = merged(found, "images: [{image: a/web:1, from: registry}]\n")
    assert pushed.images[0].origin == "registry"


def test_a_digest_beside_a_tag_stands_for_itself() -> None:
    (image,) = merged(says(f"app:1@{ONE}", f"app:1@{ONE}")).images
    assert str(image.reference) == f"docker.io/library/app:1@{ONE}"
    assert not image.agreeing
    assert image.settled_policy is LayerPolicy.ORIGINAL


def test_a_tag_alone_and_with_a_digest_are_one_image_that_must_agree() -> None:
    (image,) = merged(says("app:1", f"app:1@{ONE}")).images
    assert str(image.reference) == "docker.io/library/app:1"
    assert [str(one.place) for one in image.agreeing] == ["compose.yaml:2"]
    assert image.settled_policy is LayerPolicy.ORIGINAL


def test_a_digest_that_the_app_manifest_lists_goes_for_every_place() -> None:
    result = merged(says("app:1"), f"images: ['app:1@{ONE}']\nsources: [compose.yaml]\n")
    (image,) = result.images
    assert str(image.reference) == f"docker.io/library/app:1@{ONE}"
    assert not image.agreeing


def test_a_name_with_two_digests_is_told_with_both_places() -> None:
    result = merged(says(f"app:1@{ONE}", "other:1", f"app:1@{TWO}"))
    (problem,) = result.problems
    assert problem.code == "digest-disagrees"
    assert str(problem.place) == "compose.yaml:3"
    assert f"{ONE} at compose.yaml:1" in problem.message
    assert TWO in problem.message
    assert names(result) == ["docker.io/library/other:1"]


def test_two_digests_without_a_tag_are_two_images() -> None:
    result = merged(says(f"app@{ONE}", f"app@{TWO}", "app:1"))
    assert len(result.images) == 3
    assert not result.problems


def test_every_malformed_name_is_told_with_its_place() -> None:
    result = merged(says("UPPER:1", "good:1", "a b", "x@sha256:12"))
    assert [str(one.place) for one in result.problems] == [f"compose.yaml:{n}" for n in (1, 3, 4)]
    for problem in result.problems:
        assert problem.code == "reference-malformed"
        assert problem.message.startswith("service s")
        assert "is not an image" in problem.message


WAIVED = "images: [a:1]\nwaived:\n  - {image: 'b:1', reason: on every host}\n"


@pytest.mark.parametrize("written", ["b:1", "docker.io/library/b:1", f"b:1@{ONE}"])
def test_a_waived_image_is_left_out_with_its_places(written: str) -> None:
    result = merged(says("a:1", written), WAIVED)
    assert names(result) == ["docker.io/library/a:1"]
    (waived,) = result.waived
    assert waived.waiver.reason == "on every host"
    assert [str(one.place) for one in waived.mentions] == ["compose.yaml:2"]
    assert not result.remarks


def test_a_waiver_that_nothing_needs_is_remarked() -> None:
    result = merged(says("a:1", "b:2", "quay.io/b:1", f"b@{ONE}"), WAIVED)
    assert not result.waived
    assert len(result.images) == 4
    (remark,) = result.remarks
    assert remark.place == Place("app.yaml", 6, 5)
    assert "b:1 is not needed" in remark.message


def test_a_text_that_is_no_reference_can_be_waived_as_it_is_written() -> None:
    result = merged(says("a:1", "UPPER:1"), WAIVED.replace("'b:1'", "'UPPER:1'"))
    assert not result.problems
    assert len(result.waived) == 1


@pytest.mark.parametrize(
    ("line", "covered"),
    [
        ("    image: ${REGISTRY}/b:${TAG}", True),
        ('    image: "${REGISTRY}/b:${TAG}"  # ours', True),
        ("FROM ${REGISTRY}/b:${TAG} AS x", True),
        ("    image: x${REGISTRY}/b:${TAG}", False),
        ("    image: ${REGISTRY}/b:${TAG}-slim", False),
        ("    image: ${REGISTRY}/c:${TAG}", False),
    ],
)
def test_an_unresolved_name_can_be_waived_as_its_file_has_it(
    tmp_path: Path, line: str, covered: bool
) -> None:
    (tmp_path / "compose.yaml").write_text(f"services:\n{line}\n")
    problem = Problem(Place("compose.yaml", 2, 12), "compose-variable-unset", "no TAG")
    other = Problem(Place("compose.yaml", 1), "compose-malformed", "something else")
    waiving = app(WAIVED.replace("'b:1'", "'${REGISTRY}/b:${TAG}'"))
    found = Found(problems=(problem, other))
    result = merge(waiving, "app.yaml", found, DiskFolder(tmp_path), OVERRIDES)
    assert result.problems == ((other,) if covered else (other, problem))
    assert len(result.waived) == covered


def test_a_waiver_of_a_digest_is_of_that_digest_only() -> None:
    waiver = WAIVED.replace("'b:1'", f"'b:1@{ONE}'")
    assert len(merged(says("b:1"), waiver).images) == 2
    assert len(merged(says(f"b:1@{TWO}"), waiver).images) == 2
    assert len(merged(says(f"docker.io/library/b:1@{ONE}"), waiver).images) == 1


def test_waived_names_are_found_in_files_of_millions_of_lines(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("\n" * 5_000_000 + "image: ${X}/b  " + "x" * 1_000_000)
    problems = tuple(
        Problem(Place("compose.yaml", line, 8), "compose-variable-unset", "no X")
        for line in (4_999_990, 5_000_001, 5_000_001, 5_000_009, 1)
    )
    waiving = app(WAIVED.replace("'b:1'", "'${X}/b'"))
    result = merge(waiving, "app.yaml", Found(problems=problems), DiskFolder(tmp_path), OVERRIDES)
    assert [one.place.line for one in result.problems] == [1, 4_999_990, 5_000_009]


def test_remarks_and_problems_of_sources_are_kept() -> None:
    remark = Remark(Place("k.yaml", 3), "looks like an image")
    problem = Problem(Place("gone.yaml", 1), "compose-unreadable", "not there")
    result = merged(replace(says("a:1"), remarks=(remark,), problems=(problem,)))
    assert (result.remarks, result.problems) == ((remark,), (problem,))


def test_problems_are_told_in_the_order_of_files_and_lines() -> None:
    late, early = (Problem(Place("compose.yaml", line), "x", "y") for line in (9, 1))
    result = merged(replace(says("good:1", "b ad", "a:1"), problems=(late, early)))
    assert [one.place.line for one in result.problems] == [1, 2, 9]


def test_more_images_than_a_bundle_can_hold_are_refused() -> None:
    result = merged(says(*(f"app:{number}" for number in range(MAX_IMAGES + 1))))
    assert [one.code for one in result.problems] == ["images-too-many"]
    assert not result.images


def test_an_app_of_no_images_is_refused() -> None:
    waived = WAIVED.replace("images: [a:1]", "sources: [compose.yaml]")
    for result in (merged(Found()), merged(says("b:1"), waived)):
        assert [one.code for one in result.problems] == ["images-none"]
