"""The host's settings of an app: forms, what is missing, what is unsafe."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer.app.deployment import deployment
from installer.app.envfile import EnvText, parse_compose, parse_literal
from manifests.errors import NotInstallableHere
from manifests.release import Release
from tests.installer.app.releases import placed, release, service


def environ(made: Release, home: Path) -> dict[str, str]:
    body = deployment(made, placed(made, home)).containers[0].body
    env = body["Env"]
    assert isinstance(env, list)
    return dict(str(one).split("=", 1) for one in env)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("A=1\nB= two words \n\n# no\n  C='x'\nD\n", (("A", "1"), ("B", " two words "))),
        ("\ufeffA=$x=y\r\n", (("A", "$$x=y"),)),
    ],
)
def test_the_engines_form_takes_values_to_the_letter(
    text: str, pairs: tuple[tuple[str, str], ...]
) -> None:
    assert parse_literal(EnvText.read(text.encode(), "env"))[: len(pairs)] == pairs


def test_composes_form_knows_quotes_variables_and_comments() -> None:
    text = "export A = 1 # one\nB='$x # y'\nC=\"a\\n$B\n\"\nD\nE=\nF: g"
    assert parse_compose(EnvText.read(text.encode(), "web.env")) == (
        ("A", "1"),
        ("B", "$$x # y"),
        ("C", "a\n$B\n"),
        ("D", None),
        ("E", ""),
        ("F", "g"),
    )


@pytest.mark.parametrize(
    ("text", "line"), [("A=1\nB C=hidden", 2), ("=hidden", 1), ("A=\0hidden", 1), ("\n\xff", 1)]
)
def test_a_line_that_is_none_is_told_by_its_number_not_by_its_value(text: str, line: int) -> None:
    with pytest.raises(NotInstallableHere) as caught:
        parse_literal(EnvText.read(text.encode("latin-1"), "/etc/env"))
    assert caught.value.code == "settings-malformed"
    assert caught.value.context["line"] in (line, line + 1)
    assert "hidden" not in str(caught.value)


@pytest.mark.property
@given(st.text(max_size=300))
def test_any_file_is_read_or_refused(text: str) -> None:
    for parse in (parse_literal, parse_compose):
        with suppress(NotInstallableHere):
            for name, _ in parse(EnvText.read(text.encode(errors="replace"), "env")):
                assert name


def test_env_files_environment_and_host_win_in_this_order(tmp_path: Path) -> None:
    files = ({"path": "a.env"}, {"path": "raw.env", "raw": True}, {"path": "no", "required": False})
    values = ({"name": "TWO", "value": "${HOST:-x}!"}, {"name": "HOST"}, {"name": "UNSET"})
    made = release(service("web", environment_files=files, environment=values))
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.env").write_text('ONE=1\nTWO=2\nTHREE="$ONE $HOST"\n')
    (tmp_path / "raw.env").write_text("FOUR='$ONE'\n")
    (tmp_path / "env").write_text("HOST=moon\n")
    assert environ(made, tmp_path) == {
        "ONE": "1",
        "TWO": "moon!",
        "THREE": "1 moon",
        "FOUR": "'$ONE'",
        "HOST": "moon",
    }


def test_all_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    made = release(
        service(
            "web",
            environment=({"name": "A", "value": "${NEEDED:?say it}"},),
            environment_files=({"path": "conf/web.env"},),
            secrets=({"name": "token", "target": "token"},),
            ports=({"container": 80, "host": "${PORT}"},),
            mounts=({"target": "/x", "kind": "host", "source": "${FOLDER}/x"},),
        ),
        secrets=({"name": "token", "hint": "compose.yaml:9"},),
        variables=({"name": "PORT", "required": True}, {"name": "FOLDER", "required": True}),
    )
    with pytest.raises(NotInstallableHere) as caught:
        deployment(made, placed(made, tmp_path))
    assert caught.value.code == "settings-missing"
    told = str(caught.value)
    for what in ("NEEDED", "say it", "PORT", "FOLDER", "conf/web.env", "secrets/token"):
        assert what in told
    assert len(caught.value.parts) == 5
    assert str(tmp_path / "env") in caught.value.hint


def test_what_others_may_change_is_refused(tmp_path: Path) -> None:
    made = release(service("web"))
    (tmp_path / "env").write_text("A=1\n")
    (tmp_path / "env").chmod(0o666)
    with pytest.raises(NotInstallableHere) as caught:
        placed(made, tmp_path)
    assert caught.value.code == "settings-unsafe"


def test_a_secret_that_everyone_may_read_is_remarked(tmp_path: Path) -> None:
    made = release(
        service("web", secrets=({"name": "token", "target": "token"},)),
        secrets=({"name": "token"},),
    )
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "token").write_text("x")
    (folder / "token").chmod(0o644)
    assert "can be read by every user" in placed(made, tmp_path).settings.remarks[0]
    folder.chmod(0o700)
    assert placed(made, tmp_path).settings.remarks == ()
