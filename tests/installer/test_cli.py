"""The command line: what it shows first, what it asks, how it ends; on and off a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from installer.cli import app
from installer.ledger import RESET_CONFIRMATION
from manifests.errors import ExitCode
from tests.installer.conftest import APP, IMAGES, NAMES, NOW, Host
from tests.installer.fake_engine import FakeEngine
from tests.support.bundles import Facts, SigningKey, make_bundle, new_key
from tests.support.commandline import CliRunner
from tests.support.forked import Streams, Where, run_installer, start_installer
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import flip

YEAR = timedelta(days=365)
HEAD = ["fingerprint", "signer", "product", "version", "sequence", "age"]


def environ(host: Host) -> dict[str, str]:
    return {
        "MOONLIFT_TRUST_DIR": str(host.trust.directory),
        "MOONLIFT_STATE_DIR": str(host.root / "state"),
    }


def call(host: Host, *words: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, words)), env=environ(host))


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def lines_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def on_terminal(
    host: Host, words: Sequence[str | Path], answers: Mapping[str, str], **more: str
) -> tuple[int, str]:
    """Run the command on a terminal of 80 columns; answer what it asks."""
    main, other = pty.openpty()
    env = {**os.environ, **environ(host), "TERM": "xterm", "COLUMNS": "80", **more}
    process = start_installer(list(map(str, words)), Where(env), Streams(other, other, other))
    os.close(other)
    seen, left = "", dict(answers)
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece.decode(errors="replace")
        for question in [one for one in left if one in seen]:
            os.write(main, f"{left.pop(question)}\n".encode())
    os.close(main)
    return process.wait(30), seen


def test_says_who_signed_before_anything_else(host: Host) -> None:
    result = call(host, "verify", host.bundle().path)
    assert result.exit_code == ExitCode.DONE
    words = [line.split()[0] for line in result.stdout.splitlines()]
    assert words == [*HEAD, "verified"]
    assert host.key.public.fingerprint in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("size", [1000, 20_000_000], ids=["small", "read early"])
def test_verify_reads_every_byte_unless_it_shall_be_quick(host: Host, size: int) -> None:
    bundle = host.bundle({"docker.io/acme/app:1": ImageSpec((LayerSpec.random(1, size),))})
    whole = document(call(host, "verify", bundle.path, "--json"))
    assert whole["bytes"] == bundle.release.images[0].layers[0].size
    flip(bundle.path / bundle.release.images[0].layers[0].name)
    damaged = call(host, "verify", bundle.path)
    assert damaged.exit_code == ExitCode.BUNDLE_REFUSED
    assert "code: bundle-damaged" in damaged.stderr
    assert "next: mend it: installer repair" in damaged.stderr
    assert call(host, "verify", bundle.path, "--quick").exit_code == ExitCode.DONE


@pytest.mark.parametrize("form", ["folder", "tar", "parts"])
def test_verify_takes_every_form(host: Host, form: str) -> None:
    bundle = host.bundle(facts=Facts(files={"a/b.txt": b"x"}))
    path = {
        "folder": lambda: bundle.path,
        "tar": lambda: bundle.write_tar(host.root / "b.tar"),
        "parts": lambda: bundle.write_parts(host.root / "b.tar", 4000),
    }[form]()
    found = document(call(host, "verify", path, "--json"))
    assert (found["verified"], found["checked"], found["product"]) == (True, "everything", "viz")
    assert found["signers"] == [
        {"principal": "release@acme", "fingerprint": host.key.public.fingerprint}
    ]


def test_threshold_can_be_raised_but_not_lowered(host: Host) -> None:
    bundle = host.bundle()
    assert call(host, "verify", bundle.path, "--threshold", "2").exit_code == 10
    second = new_key(host.root / "second")
    host.trust.add_on_first_use(second.public, "second@acme")
    host.trust.set_threshold(2)
    assert call(host, "verify", bundle.path, "--threshold", "1").exit_code == 10


@pytest.mark.parametrize("verb", ["verify", "install"])
def test_errors_have_a_code_a_message_and_a_hint_in_json_too(host: Host, verb: str) -> None:
    bundle = make_bundle(host.root / "unsigned", IMAGES)
    extra = ["--yes"] if verb == "install" else []
    result = call(host, verb, bundle.path, "--json", *extra)
    assert result.exit_code == ExitCode.BUNDLE_REFUSED
    error = document(result)["error"]
    assert (error["code"], error["exit"]) == ("signature-none", 10)
    assert error["message"]
    assert error["hint"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nonsense"], ExitCode.USAGE),
        (["install"], ExitCode.USAGE),
        (["verify", "/nowhere"], ExitCode.NOT_INSTALLABLE),
        (["install", "/nowhere"], ExitCode.USAGE),
        (["install", "/nowhere", "--yes"], ExitCode.NOT_INSTALLABLE),
        (["--version"], ExitCode.DONE),
        (["--help"], ExitCode.DONE),
    ],
)
def test_exit_codes(host: Host, words: list[str], code: ExitCode) -> None:
    assert call(host, *words).exit_code == code


def test_help_fits_eighty_columns(host: Host) -> None:
    commands = [[], ["verify"], ["install"], ["trust"], ["ledger"], ["trust", "add"]]
    for words in commands:
        for line in call(host, *words, "--help").stdout.splitlines():
            assert len(line) <= 80, line


def test_installs_and_says_so(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle()
    result = call(host, "install", bundle.path, "--yes", "--engine", fake.url)
    assert result.exit_code == ExitCode.DONE
    assert [line.split()[0] for line in result.stdout.splitlines()][: len(HEAD)] == HEAD
    assert "installed viz 1.0.0: 2 images loaded" in result.stdout
    assert f"{NAMES[0]}: new ->" in result.stdout
    again = call(host, "install", bundle.path, "--yes", "--engine", fake.url)
    assert again.exit_code == ExitCode.DONE
    assert "nothing to do" in again.stdout


def test_what_it_says_fits_eighty_columns(host: Host, containerd: FakeEngine) -> None:
    name = f"docker.io/acme/app@{APP.build().manifest.digest}"
    bundle = host.bundle({name: APP}, Facts(sequence=20261122193947, expires=NOW + YEAR))
    words = ("install", bundle.path, "--yes", "--accept-expired", "--engine", containerd.url)
    result = call(host, *words)
    assert result.exit_code == ExitCode.DONE
    assert f"app@{APP.build().manifest.digest[:19]}\u2026: new ->" in result.stdout
    for line in (result.stdout + result.stderr).splitlines():
        assert len(line) <= 80, line


def test_what_the_makers_left_out_is_shown_with_their_reason(host: Host, graph: FakeEngine) -> None:
    reason = "licensed to each host by its vendor, who brings it on a drive of his own"
    bundle = host.bundle(facts=Facts(waived={"vendor/secret:3": reason}))
    install = ("install", bundle.path, "--engine", graph.url)
    for words in (("verify", bundle.path), (*install, "--dry-run"), (*install, "--yes")):
        said = call(host, *words).stdout
        assert "waived       named by the app, and not in this bundle:" in said
        assert f"vendor/secret:3: {reason}" in " ".join(said.split())
        assert max(map(len, said.splitlines())) <= 80
    told = document(call(host, "verify", bundle.path, "--json"))
    assert told["waived"] == [{"image": "vendor/secret:3", "reason": reason}]


def test_install_from_standard_input(host: Host, fake: FakeEngine) -> None:
    words = ("install", "-", "--yes", "--engine", fake.url)
    where = Where({**os.environ, **environ(host)})
    done = run_installer(words, where, stdin=host.bundle().tar())
    assert done.returncode == 0, done.stderr
    assert set(fake.names) == set(NAMES)


def test_dry_run_changes_nothing(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle()
    result = call(host, "install", bundle.path, "--dry-run", "--json", "--engine", fake.url)
    found = document(result)
    assert [one["there"] for one in found["images"]] == [False, False]
    assert [one["name"] for one in found["names"]] == list(NAMES)
    assert fake.load_calls == 0
    assert not (host.root / "state").exists()


def test_json_of_an_install_is_one_record(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle()
    words = ("install", bundle.path, "--yes", "--json", "--engine", fake.url)
    found = document(call(host, *words))
    assert (found["outcome"], found["images_loaded"]) == ("done", 2)
    assert "error" not in found
    fake.images.clear()
    fake.faults.error_line = "boom"
    result = call(host, *words)
    assert result.exit_code == ExitCode.ENGINE_FAILED
    assert document(result)["error"]["code"] == "engine-load"


def test_jsonl_of_an_install_is_every_event(host: Host, fake: FakeEngine) -> None:
    words = ("install", host.bundle().path, "--yes", "--jsonl", "--engine", fake.url)
    kinds = [line["event"] for line in lines_of(call(host, *words))]
    assert kinds[:4] == ["begin", "bundle", "plan", "stage-started"]
    assert kinds[-1] == "run-finished"
    assert kinds.count("image-loaded") == 2


def test_without_yes_and_terminal_nothing_happens(host: Host, fake: FakeEngine) -> None:
    result = call(host, "install", host.bundle().path, "--engine", fake.url)
    assert result.exit_code == ExitCode.USAGE
    assert "--yes" in result.stderr
    assert fake.calls == []


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 130), ("", 130)])
def test_asks_on_a_terminal(host: Host, graph: FakeEngine, answer: str, code: int) -> None:
    words: list[str | Path] = ["install", host.bundle().path, "--engine", graph.url]
    ended, seen = on_terminal(host, words, {"install? [y/N]": answer})
    assert ended == code
    assert (graph.load_calls > 0) == (answer == "y")
    assert seen.index("fingerprint") < seen.index("engine") < seen.index("install?")


def test_shows_a_bar_on_a_terminal_and_colours_only_there(host: Host, graph: FakeEngine) -> None:
    images = {NAMES[0]: ImageSpec((LayerSpec.random(1, 9_000_000).stored_as("none"),))}
    path = host.bundle(images).path
    ended, seen = on_terminal(host, ["install", path, "--yes", "--engine", graph.url], {})
    assert ended == 0
    assert "MiB" in seen
    flip(path / "release.json")
    assert "\x1b[1;31m" in on_terminal(host, ["verify", path], {})[1]
    assert "\x1b[1;31m" not in on_terminal(host, ["verify", path], {}, NO_COLOR="1")[1]
    assert "\x1b" not in call(host, "verify", path).output


def test_foreign_text_never_reaches_the_terminal_raw(host: Host, graph: FakeEngine) -> None:
    graph.faults.error_line = "\x1b]52;c;ZXZpbA==\x07 [bold]evil[/bold] \u202eback"
    words: list[str | Path] = ["install", host.bundle().path, "--yes", "--engine", graph.url]
    seen = on_terminal(host, words, {})[1]
    assert "[bold]evil[/bold]" in seen
    assert "\x1b]52" not in seen
    assert "\u202e" not in seen


def test_trust_is_added_by_fingerprint_only(host: Host) -> None:
    key = new_key(host.root / "other")
    add = ("trust", "add", key.public_path, "--id", "other@acme")
    assert call(host, *add).exit_code == ExitCode.USAGE
    wrong = host.key.public.fingerprint
    assert call(host, *add, "--fingerprint", wrong).exit_code == ExitCode.BUNDLE_REFUSED
    assert call(host, *add, "--fingerprint", wrong[:20]).exit_code == ExitCode.USAGE
    assert len(host.trust.signers()) == 1
    assert call(host, *add, "--fingerprint", key.public.fingerprint).exit_code == ExitCode.DONE
    assert len(host.trust.signers()) == 2


@pytest.mark.parametrize("right", [True, False])
def test_trust_asks_for_the_whole_fingerprint_on_a_terminal(host: Host, right: bool) -> None:
    key = new_key(host.root / "other")
    typed = key.public.fingerprint if right else key.public.fingerprint[:-1]
    words: list[str | Path] = ["trust", "add", key.public_path, "--id", "other@acme"]
    ended, _ = on_terminal(host, words, {"type the fingerprint": typed})
    assert ended == (0 if right else ExitCode.USAGE)
    assert len(host.trust.signers()) == (2 if right else 1)


def test_trust_on_first_use_is_a_word_of_its_own(host: Host) -> None:
    key = new_key(host.root / "other")
    result = call(host, "trust", "add", key.public_path, "--trust-on-first-use")
    assert result.exit_code == ExitCode.DONE
    assert "without comparing" in result.stderr
    assert host.trust.signers()[1].principal == "tests"


def test_trust_list_remove_and_threshold(host: Host) -> None:
    key = new_key(host.root / "other")
    host.trust.add_on_first_use(key.public, "other@acme")
    assert call(host, "trust", "threshold", "3").exit_code == ExitCode.USAGE
    assert call(host, "trust", "threshold", "2").exit_code == ExitCode.DONE
    found = document(call(host, "trust", "list", "--json"))
    assert (found["threshold"], len(found["signers"])) == (2, 2)
    assert "2 keys, 2 must sign" in call(host, "trust", "list").stdout
    assert call(host, "trust", "remove", "other@acme").exit_code == ExitCode.DONE
    assert call(host, "trust", "remove", "other@acme").exit_code == ExitCode.USAGE


def test_a_missing_or_strange_key_is_a_usage_error(host: Host) -> None:
    (host.root / "strange.pub").write_text("ssh-dss AAAA me\n")
    for name in ("none.pub", "strange.pub"):
        add = ("trust", "add", host.root / name, "--id", "x@y", "--trust-on-first-use")
        assert call(host, *add).exit_code == ExitCode.USAGE


def test_ledger_is_shown_and_reset(host: Host, fake: FakeEngine) -> None:
    assert "nothing" in call(host, "ledger", "show").stdout
    old, new = host.bundle(), host.bundle(facts=Facts(sequence=2, version="2"))
    install = ("install", "--yes", "--engine", fake.url)
    call(host, *install, new.path)
    assert "viz 2, release 2: installed" in call(host, "ledger", "show").stdout
    (one,) = document(call(host, "ledger", "show", "--json"))["accepted"]
    assert (one["sequence"], one["installed"]) == (2, True)
    assert call(host, *install, old.path).exit_code == ExitCode.BUNDLE_REFUSED
    assert call(host, *install, old.path, "--allow-downgrade").exit_code == ExitCode.DONE
    assert call(host, "ledger", "reset").exit_code == ExitCode.USAGE
    assert call(host, "ledger", "reset", "--confirm", "please").exit_code == ExitCode.USAGE
    assert call(host, "ledger", "reset", "--confirm", RESET_CONFIRMATION).exit_code == 0
    assert "nothing" in call(host, "ledger", "show").stdout


def test_a_bug_keeps_its_traceback(host: Host) -> None:
    script = (
        "import installer.cli as c, installer.verbs.verify as v\n"
        "def broken(*a, **k): raise ZeroDivisionError\n"
        "v.open_medium = broken\n"
        "c.main()\n"
    )
    whole = {**os.environ, **environ(host)}
    argv = [sys.executable, "-c", script, "verify", str(host.bundle().path)]
    done = subprocess.run(argv, check=False, capture_output=True, env=whole)
    assert done.returncode == ExitCode.BUG
    assert b"Traceback" in done.stderr


def test_a_refused_bundle_is_written_down(host: Host, fake: FakeEngine) -> None:
    bundle = make_bundle(host.root / "unsigned", IMAGES)
    call(host, "install", bundle.path, "--yes", "--engine", fake.url)
    (entry,) = host.ledger.history()
    assert (entry.what, entry.facts["code"]) == ("refused", "signature-none")
    assert host.ledger.state().accepted == ()
    assert fake.calls == []


def test_expected_failures_have_no_traceback(host: Host, signing_key: SigningKey) -> None:
    bundle = make_bundle(host.root / "foreign", IMAGES, signing_key)
    argv = [sys.executable, "-m", "installer", "verify", str(bundle.path)]
    whole = {**os.environ, **environ(host)}
    done = subprocess.run(argv, check=False, capture_output=True, env=whole)
    assert done.returncode == ExitCode.BUNDLE_REFUSED
    assert b"Traceback" not in done.stderr


@pytest.fixture
def signing_key(tmp_path: Path) -> SigningKey:
    return new_key(tmp_path / "foreign-key")


@pytest.mark.parametrize(
    ("words", "strangers"),
    [
        (["--help"], ("docker", "rich", "textual", "pydantic", "cryptography")),
        (["verify", "BUNDLE"], ("docker", "requests", "rich", "textual")),
        (["install", "BUNDLE", "--yes", "--engine", "layout:OUT"], ("docker", "rich", "textual")),
        (["install", "BUNDLE", "--yes", "--engine", "SOCKET"], ("rich", "textual")),
    ],
)
def test_imports_only_what_it_needs(
    host: Host, graph: FakeEngine, words: list[str], strangers: tuple[str, ...]
) -> None:
    places = {"BUNDLE": str(host.bundle().path), "SOCKET": graph.url}
    script = (
        "import sys, atexit, os\n"
        "import installer.cli as c\n"
        "real = os._exit\n"
        "def leave(code):\n"
        f"    found = [m for m in {strangers!r} if m in sys.modules]\n"
        "    real(99 if found else code)\n"
        "os._exit = leave\n"
        "c.main()\n"
    )
    given = [places.get(word, word).replace("OUT", str(host.root / "out")) for word in words]
    argv = [sys.executable, "-c", script, *given]
    whole = {**os.environ, **environ(host)}
    done = subprocess.run(argv, check=False, capture_output=True, env=whole)
    assert done.returncode == 0, done.stderr


def test_a_second_install_sends_the_engine_nothing(host: Host, graph: FakeEngine) -> None:
    bundle = host.bundle({NAMES[0]: APP})
    words = ("install", str(bundle.path), "--yes", "--json", "--engine", graph.url)
    where = Where({**os.environ, **environ(host)})
    outcomes = []
    for _ in range(3):
        done = run_installer(words, where)
        assert done.returncode == 0, done.stderr
        outcomes.append(json.loads(done.stdout)["outcome"])
    assert outcomes == ["done", "nothing-to-do", "nothing-to-do"]
    assert graph.load_calls == 1


def test_a_bundle_in_the_place_of_a_verb_is_answered_with_the_verb(host: Host) -> None:
    path = host.root / "viz-1.4.0"
    path.mkdir()
    done = call(host, path)
    assert done.exit_code == ExitCode.USAGE
    assert f"installer install {path}" in " ".join(done.stderr.split())
    assert "No such command" in call(host, "instal").stderr
