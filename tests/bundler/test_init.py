"""The starter app manifest is a good one, whatever the folder is called."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bundler.verbs.init import product_name, template, write_template
from manifests.appmanifest.app import App
from manifests.errors import UsageError

APP_FILE = "app.yaml"


def test_it_parses_and_is_named_after_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "My Viz App"
    folder.mkdir()
    path = folder / APP_FILE
    write_template(path)
    app = App.parse(path.read_bytes(), path.name)
    assert app.name == "my-viz-app"
    assert app.images


def test_what_is_commented_out_is_good_too() -> None:
    lines = template("viz", APP_FILE).split("\n")
    loud = [line.replace("# ", "", 1) if is_key(line) else line for line in lines]
    loud = [line for line in loud if not line.lstrip().startswith("#")]
    app = App.parse("\n".join(loud).encode(), APP_FILE)
    assert len(app.images) == 2
    assert len(app.files) == 2
    assert len(app.sources) == 2
    assert len(app.waived) == 1
    assert app.expires
    assert app.sequence == 1


def is_key(line: str) -> bool:
    """Tell an example that is commented out from prose."""
    text = line.strip().removeprefix("# ")
    if not line.strip().startswith("# ") or text.startswith(("#", "|")):
        return False
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    keys = ("platforms", "sequence", "expires", "from", "layers", "sources", "waived", "files")
    return isinstance(found, list) or (isinstance(found, dict) and next(iter(found)) in keys)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / APP_FILE).write_text("mine")
    with pytest.raises(UsageError, match="exists") as caught:
        write_template(tmp_path / APP_FILE)
    assert caught.value.code == "app-exists"
    assert (tmp_path / APP_FILE).read_text() == "mine"


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / APP_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        write_template(tmp_path / APP_FILE)
    assert not (tmp_path / "elsewhere").exists()


def test_a_relative_path_is_named_after_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_template(Path("other.yaml"))
    assert App.parse(Path("other.yaml").read_bytes(), "f").name == "shop"


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        write_template(tmp_path / "none" / APP_FILE)
    assert caught.value.code == "app-unwritable"


@pytest.mark.property
@given(st.text(max_size=100))
def test_any_folder_makes_a_good_name(text: str) -> None:
    name = product_name(text)
    assert App.parse(template(name, APP_FILE).encode(), APP_FILE).name == name
