"""Options as typed, turned into what a build takes."""

from __future__ import annotations

import getpass
import io
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.cache import default_cache
from bundler.commandline import keys
from bundler.commandline.asking import new_passphrase
from bundler.commandline.building import build_options
from bundler.commandline.keys import judge_of
from bundler.commandline.typed import BuildArguments
from manifests.errors import MoonliftError, UsageError
from manifests.layerpolicy import LayerPolicy
from manifests.quantities import parse_size
from tests.support.ssh import IDENTITY, allowed_line, keygen_sign, make_key, public_key

NONE = BuildArguments(
    manifest=Path("app.yaml"),
    output=None,
    keys=(),
    source="auto",
    layers=None,
    level=6,
    platforms=(),
    part_size=None,
    cache=None,
    ca_files=(),
    plain_http=(),
    realms=(),
    passphrase_file=None,
)


@pytest.fixture
def given_key(signing_key: Path) -> BuildArguments:
    return replace(NONE, keys=(signing_key,))


def refusal(given: BuildArguments) -> UsageError:
    with pytest.raises(UsageError) as caught:
        build_options(given)
    return caught.value


def test_what_is_typed_reaches_the_build(given_key: BuildArguments, tmp_path: Path) -> None:
    options = build_options(
        replace(
            given_key,
            manifest=tmp_path / "app.yaml",
            output=tmp_path / "x.tar",
            part_size="4MiB",
            layers=LayerPolicy.ORIGINAL,
            level=9,
            platforms=("linux/arm64", "linux/ARMHF"),
            cache=tmp_path / "cache",
            plain_http=("reg.test:5000",),
            realms=("auth.test",),
        )
    )
    assert options.output is not None
    assert (options.output.path, options.output.part_size) == (tmp_path / "x.tar", 4 * 2**20)
    assert (options.policy, options.settings.level) == (LayerPolicy.ORIGINAL, 9)
    assert [str(platform) for platform in options.platforms] == ["linux/arm64", "linux/arm"]
    assert options.cache.root == tmp_path / "cache"
    assert options.sources.base == tmp_path
    assert options.sources.plain_http == {"reg.test:5000"}
    assert options.sources.realms == {"auth.test"}
    assert len(options.signers) == 1


def test_a_place_is_named_without_detours(given_key: BuildArguments, tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real" / "deep")
    options = build_options(replace(given_key, output=tmp_path / "link" / ".." / "x"))
    assert options.output is not None
    assert options.output.path == tmp_path.resolve() / "real" / "x"


def test_without_a_place_there_is_none(given_key: BuildArguments) -> None:
    assert build_options(given_key).output is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"keys": ()}, "signing-key-none"),
        ({"keys": (Path("/nowhere"),)}, "signing-key-missing"),
        ({"part_size": "2GiB"}, "part-size"),
        ({"part_size": "2GiB", "output": Path("folder")}, "part-size"),
        ({"part_size": "0", "output": Path("x.tar")}, "part-size"),
        ({"part_size": "", "output": Path("x.tar")}, "size-malformed"),
        ({"part_size": "1KB", "output": Path("x.tar")}, "part-size"),
        ({"part_size": "-1", "output": Path("x.tar")}, "size-malformed"),
        ({"platforms": ("amd64",)}, "platform-malformed"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    given_key: BuildArguments, change: dict[str, object], code: str
) -> None:
    error = refusal(replace(given_key, **change))  # type: ignore[arg-type]
    assert (error.code, error.exit_code) == (code, 2)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("123", 123),
        ("123B", 123),
        ("4K", 4096),
        ("4k", 4096),
        ("4KiB", 4096),
        ("4Ki", 4096),
        ("4KB", 4000),
        ("650MB", 650 * 10**6),
        (" 2 GiB ", 2 * 2**30),
        ("1tb", 10**12),
        ("1T", 2**40),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.property
@given(st.text(max_size=12))
def test_any_other_text_is_no_size(text: str) -> None:
    try:
        size = parse_size(text)
    except UsageError:
        return
    assert size >= 0
    assert text.strip()[0].isdecimal()


@pytest.mark.property
@given(st.integers(0, 2**50), st.sampled_from("KMGT"))
def test_a_size_is_what_its_unit_says(count: int, unit: str) -> None:
    power = " KMGT".index(unit)
    assert parse_size(f"{count}{unit}") == parse_size(f"{count}{unit}iB") == count * 1024**power
    assert parse_size(f"{count}{unit}B") == count * 1000**power


def test_the_cache_is_where_caches_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert default_cache() == Path.home() / ".cache/moonlift"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "moonlift"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert default_cache() == Path.home() / ".cache/moonlift"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_passphrase_comes_from_a_file_or_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(tmp_path, "ed25519", passphrase="correct horse")
    (tmp_path / "secret").write_text("correct horse\n")
    assert build_options(replace(NONE, keys=(key,), passphrase_file=tmp_path / "secret")).signers
    monkeypatch.setattr(sys, "stdin", Terminal())
    with patch.object(getpass, "getpass", return_value="correct horse") as asked:
        assert build_options(replace(NONE, keys=(key,))).signers
    assert str(key) in asked.call_args.args[0]


def test_where_nobody_can_be_asked_the_next_step_is_told(tmp_path: Path) -> None:
    key = make_key(tmp_path, "ed25519", passphrase="correct horse")
    error = refusal(replace(NONE, keys=(key,)))
    assert error.code == "signing-key-passphrase"
    assert "--passphrase-file" in error.hint
    with pytest.raises(UsageError) as caught:
        new_passphrase()
    assert "--no-passphrase" in caught.value.hint


def test_a_passphrase_file_that_is_too_large_or_missing_is_refused(tmp_path: Path) -> None:
    key = make_key(tmp_path, "ed25519", passphrase="correct horse")
    (tmp_path / "large").write_bytes(b"x" * 20_000)
    for name in ("large", "missing"):
        error = refusal(replace(NONE, keys=(key,), passphrase_file=tmp_path / name))
        assert error.code == "file-unreadable"


@pytest.mark.parametrize(
    ("typed", "result"), [(("a", "a"), b"a"), (("", ""), None), (("a", "b"), UsageError)]
)
def test_a_new_passphrase_is_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch, typed: tuple[str, str], result: bytes | type[Exception] | None
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    with patch.object(getpass, "getpass", side_effect=typed):
        if isinstance(result, type):
            with pytest.raises(result, match="differ"):
                new_passphrase()
        else:
            assert new_passphrase() == result


def test_who_must_have_signed_is_said_by_keys_or_lists(
    signing_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = signing_key.with_name(f"{signing_key.name}.pub")
    signers = tmp_path / "allowed_signers"
    signers.write_text(allowed_line(public_key(signing_key)) + "\n")
    signature = keygen_sign(signing_key, b"sums")
    for judge, principal in (
        (judge_of(None, (public,), 1), public.name),
        (judge_of(None, (signing_key,), 1), signing_key.name),
        (judge_of(signers, (), 1), IDENTITY),
    ):
        assert judge(b"sums", [signature]).accepted[0].principal == principal
    with pytest.raises(MoonliftError):
        judge_of(signers, (public,), 2)(b"sums", [signature])
    monkeypatch.setattr(keys, "HOST_SIGNERS", signers)
    assert judge_of(None, (), 1)(b"sums", [signature]).accepted
    monkeypatch.setattr(keys, "HOST_SIGNERS", tmp_path / "missing")
    with pytest.raises(UsageError) as caught:
        judge_of(None, (), 1)
    assert caught.value.code == "trust-none"


@pytest.mark.parametrize("content", ["", "no key\n", "ssh-rsa AAAA x\n", "\x00"])
def test_a_file_that_is_no_public_key_is_a_mistake_of_the_command(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "k.pub").write_text(content)
    with pytest.raises(MoonliftError) as caught:
        judge_of(None, (tmp_path / "k.pub",), 1)
    assert caught.value.exit_code == 2
    (tmp_path / "allowed").write_text(content)
    with pytest.raises(MoonliftError) as caught:
        judge_of(tmp_path / "allowed", (), 1)
    assert caught.value.exit_code in (2, 11)
