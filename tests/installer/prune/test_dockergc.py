"""docker-gc's environment variables and exclude files."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest

from installer.prune import dockergc
from installer.prune.dockergc import GcSettings, patterns_of
from manifests.errors import UsageError
from tests.support.hosts import container, image, volume


@pytest.fixture(autouse=True)
def _no_files_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_IMAGES", "_CONTAINERS", "_VOLUMES"):
        variable, usual = getattr(dockergc, name)
        monkeypatch.setattr(dockergc, name, (variable, str(tmp_path / Path(usual).name)))


def test_nothing_set_says_nothing() -> None:
    assert GcSettings.of({}) == GcSettings()


def test_each_variable_is_read() -> None:
    found = GcSettings.of(
        {
            "GRACE_PERIOD_SECONDS": "60",
            "MINIMUM_IMAGES_TO_SAVE": "3",
            "REMOVE_VOLUMES": "1",
            "REMOVE_ASSOCIATED_VOLUME": "0",
            "VOLUME_DELETE_ONLY_DRIVER": "",
            "EXCLUDE_DEAD": "1",
            "DRY_RUN": "1",
        }
    )
    assert (found.grace_seconds, found.keep_images) == (60, 3)
    assert (found.volumes, found.anonymous_volumes) == (True, False)
    assert (found.volume_driver, found.keep_dead, found.dry_run) == ("", True, True)


@pytest.mark.parametrize(
    "name",
    [
        "FORCE_CONTAINER_REMOVAL",
        "FORCE_IMAGE_REMOVAL",
        "LOG_TO_SYSLOG",
        "SYSLOG_FACILITY",
        "SYSLOG_LEVEL",
        "SYSLOG_TAG",
        "STATE_DIR",
        "PID_DIR",
        "DOCKER",
    ],
)
def test_what_has_no_effect_is_told(name: str) -> None:
    [remark] = GcSettings.of({name: "1"}).remarks
    assert remark.startswith(f"{name} has no effect here: ")
    assert GcSettings.of({name: "0"}).remarks == ()


def test_files_at_their_usual_places_count(tmp_path: Path) -> None:
    (tmp_path / "docker-gc-exclude").write_text("acme/web:.*\n\n  \n# acme/db:1\n")
    (tmp_path / "docker-gc-exclude-containers").write_text("^.* backup$\n")
    (tmp_path / "docker-gc-exclude-volumes").write_text("data$\n")
    excludes = GcSettings.of({}).excludes
    assert excludes.of_image(image("acme/web:7")) == "acme/web:.*"
    assert excludes.of_image(image("acme/db:1")) is None
    assert excludes.of_container(container("backup")) == "^.* backup$"
    assert excludes.of_volume(volume("my-data")) == "data$"
    assert excludes.of_container(container("data")) is None


def test_files_named_by_a_variable_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        GcSettings.of({"EXCLUDE_FROM_GC": str(tmp_path / "none")})
    assert refused.value.code == "exclude-unreadable"


@pytest.mark.parametrize("text", ["one", "-1", "1.5", "1" * 10])
def test_a_variable_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        GcSettings.of({"GRACE_PERIOD_SECONDS": text})
    assert refused.value.code == "gc-variable"


def test_a_file_that_is_no_list_of_patterns_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "patterns"
    for data, code in (
        (b"\xff", "exclude-unreadable"),
        (b"/(a+)+/", "exclude-malformed"),
        (b"x" * 100, "exclude-unreadable"),
    ):
        file.write_bytes(data)
        with patch.object(dockergc, "FILE_LIMIT", 50), pytest.raises(UsageError) as refused:
            patterns_of(file)
        assert refused.value.code == code
    file.write_text("acme/*\nlabel=keep\n")
    assert [one.text for one in patterns_of(file)] == ["acme/*", "label=keep"]
