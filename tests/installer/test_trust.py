"""The trust store: only a compared key gets in, only root may change it, a crash loses nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from installer.state.hostdir import HostDirectory
from installer.trust import TrustStore
from manifests.errors import (
    BundleRefused,
    ExitCode,
    MoonliftError,
    NotInstallableHere,
    UsageError,
)
from manifests.seals.signers import MalformedSigners, count_valid
from manifests.seals.sshkey import PublicKey
from manifests.seals.sshsig import NAMESPACE
from tests.support.faults import KILLED, Faults, count_calls, die_at, fail_with
from tests.support.ssh import IDENTITY, SoftToken, keygen_sign, make_key, public_key

MESSAGE = b"0" * 64 + b"  release.json\n"
NOBODY = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("keys")
    kinds = {"alice": "ed25519", "bob": "ecdsa", "carol": "ed25519"}
    return {name: make_key(directory, kind, name) for name, kind in kinds.items()}


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    return TrustStore(tmp_path / "etc")


def key_of(keys: dict[str, Path], name: str) -> PublicKey:
    return public_key(keys[name])


def add(store: TrustStore, key: PublicKey, principal: str = IDENTITY) -> None:
    store.add(key, principal, expected_fingerprint=key.fingerprint)


def code_of(kind: type[MoonliftError], action: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        action()
    return caught.value.code


# --- adding -----------------------------------------------------------------------------------


def test_empty_store_says_how_to_begin(store: TrustStore) -> None:
    assert store.signers() == ()
    assert store.threshold() == 1
    with pytest.raises(NotInstallableHere) as caught:
        store.load()
    assert caught.value.code == "trust-empty"
    assert caught.value.exit_code is ExitCode.NOT_INSTALLABLE
    assert "installer trust add" in caught.value.hint


def test_store_with_only_comments_is_empty(store: TrustStore) -> None:
    store.directory.mkdir()
    (store.directory / "allowed_signers").write_text("# none yet\n")
    assert code_of(NotInstallableHere, store.load) == "trust-empty"


def test_added_key_is_trusted_here_and_by_ssh_keygen(
    store: TrustStore, keys: dict[str, Path], tmp_path: Path
) -> None:
    for name in ("alice", "bob"):
        add(store, key_of(keys, name), f"{name}@example.org")
    trusted = store.load()
    assert [signer.principal for signer in trusted.signers] == [
        "alice@example.org",
        "bob@example.org",
    ]
    for name in ("alice", "bob"):
        signature = keygen_sign(keys[name], MESSAGE)
        now = datetime(2026, 11, 22, tzinfo=UTC)
        count_valid([signature], MESSAGE, trusted.signers, threshold=1, now=now)
        (tmp_path / "sig").write_bytes(signature)
        files = ["-f", str(store.directory / "allowed_signers"), "-s", str(tmp_path / "sig")]
        subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-I", f"{name}@example.org", "-n", NAMESPACE, *files],
            input=MESSAGE,
            check=True,
            capture_output=True,
        )


def test_added_key_is_for_bundles_only(store: TrustStore, keys: dict[str, Path]) -> None:
    add(store, key_of(keys, "alice"))
    assert store.signers()[0].namespaces == (NAMESPACE,)


def test_security_key_can_be_trusted(store: TrustStore) -> None:
    token = SoftToken.new()
    add(store, token.public_key)
    assert store.signers()[0].public_key == token.public_key


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes_do_not_depend_on_umask(umask: int, store: TrustStore, keys: dict[str, Path]) -> None:
    before = os.umask(umask)
    try:
        add(store, key_of(keys, "alice"))
        store.set_threshold(1)
    finally:
        os.umask(before)
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o755
    modes = {stat.S_IMODE(path.stat().st_mode) for path in store.directory.iterdir()}
    assert modes == {0o644}


def test_other_fingerprint_is_refused(store: TrustStore, keys: dict[str, Path]) -> None:
    alice, bob = key_of(keys, "alice"), key_of(keys, "bob")
    with pytest.raises(BundleRefused, match="not the key you were told of") as caught:
        store.add(alice, IDENTITY, expected_fingerprint=bob.fingerprint)
    assert caught.value.code == "trust-fingerprint"
    assert dict(caught.value.context) == {
        "expected": bob.fingerprint,
        "found": alice.fingerprint,
    }
    assert not store.directory.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "",
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text + "=",
        lambda text: text[7:],
        lambda text: text[:20],
        lambda text: text.replace("SHA256", "sha256"),
        lambda text: f" {text}",
        lambda text: f"{text}\n",
        lambda _: "MD5:" + "00:" * 15 + "00",
        lambda text: text[:-1] + "é",
    ],
)
def test_only_a_whole_fingerprint_will_do(
    change: Callable[[str], str], store: TrustStore, keys: dict[str, Path]
) -> None:
    key = key_of(keys, "alice")
    typed = change(key.fingerprint)
    action = lambda: store.add(key, IDENTITY, expected_fingerprint=typed)  # noqa: E731
    assert code_of(UsageError, action) == "trust-fingerprint-malformed"


def test_every_changed_letter_of_a_fingerprint_is_refused(
    store: TrustStore, keys: dict[str, Path]
) -> None:
    key = key_of(keys, "alice")
    good = key.fingerprint
    for at in range(len("SHA256:"), len(good)):
        typed = good[:at] + ("B" if good[at] == "A" else "A") + good[at + 1 :]
        action = lambda typed=typed: store.add(key, "a", expected_fingerprint=typed)  # noqa: E731
        assert code_of(BundleRefused, action) == "trust-fingerprint"


def test_first_use_is_a_call_of_its_own(store: TrustStore, keys: dict[str, Path]) -> None:
    store.add_on_first_use(key_of(keys, "alice"), IDENTITY)
    assert store.load().signers[0].principal == IDENTITY


def test_key_is_not_added_twice(store: TrustStore, keys: dict[str, Path]) -> None:
    add(store, key_of(keys, "alice"))
    again = lambda: add(store, key_of(keys, "alice"), "other")  # noqa: E731
    assert code_of(UsageError, again) == "trust-key-known"


@pytest.mark.parametrize("name", ["", "*", "a b", "a,b", "!a", "# a", 'a" ssh-ed25519', "a\nb"])
def test_name_is_one_plain_name(name: str, store: TrustStore, keys: dict[str, Path]) -> None:
    action = lambda: add(store, key_of(keys, "alice"), name)  # noqa: E731
    assert code_of(UsageError, action) == "trust-principal"


def test_what_people_wrote_in_the_file_stays(store: TrustStore, keys: dict[str, Path]) -> None:
    store.directory.mkdir()
    by_hand = f"# ours\n\nalice,al {key_of(keys, 'alice').line} first key"
    (store.directory / "allowed_signers").write_text(by_hand)
    add(store, key_of(keys, "bob"), "bob")
    bob_line = f'bob namespaces="{NAMESPACE}" {key_of(keys, "bob").line}\n'
    assert (store.directory / "allowed_signers").read_text() == f"{by_hand}\n{bob_line}"
    store.remove("bob")
    assert (store.directory / "allowed_signers").read_text() == f"{by_hand}\n"


# --- removing and threshold -------------------------------------------------------------------


@pytest.mark.parametrize("by", ["name", "fingerprint"])
def test_remove(by: str, store: TrustStore, keys: dict[str, Path]) -> None:
    for name in ("alice", "bob"):
        add(store, key_of(keys, name), name)
    wanted = "alice" if by == "name" else key_of(keys, "alice").fingerprint
    assert [one.principal for one in store.remove(wanted)] == ["alice"]
    assert [one.principal for one in store.signers()] == ["bob"]


def test_remove_takes_every_line_of_the_key(store: TrustStore, keys: dict[str, Path]) -> None:
    add(store, key_of(keys, "alice"), "alice")
    with (store.directory / "allowed_signers").open("a") as file:
        file.write(f"release,night {key_of(keys, 'alice').line}\n# end\n")
    assert len(store.remove("night")) == 2
    assert (store.directory / "allowed_signers").read_text() == "# end\n"
    assert code_of(NotInstallableHere, store.load) == "trust-empty"


def test_remove_needs_one_key(store: TrustStore, keys: dict[str, Path]) -> None:
    for name in ("alice", "bob"):
        add(store, key_of(keys, name), "release")
    assert code_of(UsageError, lambda: store.remove("release")) == "trust-ambiguous"
    assert code_of(UsageError, lambda: store.remove("nobody")) == "trust-unknown"
    assert len(store.signers()) == 2


def test_threshold(store: TrustStore, keys: dict[str, Path]) -> None:
    for name in ("alice", "bob"):
        add(store, key_of(keys, name), name)
    store.set_threshold(2)
    assert store.load().threshold == 2
    assert (store.directory / "threshold").read_text() == "2\n"
    for count in (-1, 0, 3):
        action = lambda count=count: store.set_threshold(count)  # noqa: E731
        assert code_of(UsageError, action) == "trust-threshold"
    assert store.threshold() == 2


def test_threshold_counts_keys_not_lines(store: TrustStore, keys: dict[str, Path]) -> None:
    add(store, key_of(keys, "alice"), "alice")
    with (store.directory / "allowed_signers").open("a") as file:
        file.write(f"bob {key_of(keys, 'alice').line}\n")
    assert code_of(UsageError, lambda: store.set_threshold(2)) == "trust-threshold"


def test_removing_a_key_does_not_lower_the_threshold(
    store: TrustStore, keys: dict[str, Path]
) -> None:
    for name in ("alice", "bob"):
        add(store, key_of(keys, name), name)
    store.set_threshold(2)
    store.remove("bob")
    trusted = store.load()
    assert trusted.threshold == 2
    with pytest.raises(BundleRefused) as caught:
        count_valid(
            [keygen_sign(keys["alice"], MESSAGE)],
            MESSAGE,
            trusted.signers,
            threshold=trusted.threshold,
            now=datetime(2026, 11, 22, tzinfo=UTC),
        )
    assert caught.value.code == "signature-threshold"


@pytest.mark.parametrize(
    "content",
    [b"", b"0\n", b"-1\n", b"65", b"100", b"2 \n", b"02", b"two", b"2\n\n", b"\xef\xbc\x92"],
)
def test_malformed_threshold_is_refused(
    content: bytes, store: TrustStore, keys: dict[str, Path]
) -> None:
    add(store, key_of(keys, "alice"))
    (store.directory / "threshold").write_bytes(content)
    assert code_of(NotInstallableHere, store.load) == "trust-malformed"


def test_malformed_list_is_refused_with_its_line(store: TrustStore, keys: dict[str, Path]) -> None:
    add(store, key_of(keys, "alice"))
    with (store.directory / "allowed_signers").open("a") as file:
        file.write("nonsense\n")
    for action in (store.load, lambda: add(store, key_of(keys, "bob"))):
        with pytest.raises(MalformedSigners, match="line 2"):
            action()


# --- permissions ------------------------------------------------------------------------------


@pytest.fixture
def filled(store: TrustStore, keys: dict[str, Path]) -> TrustStore:
    add(store, key_of(keys, "alice"))
    store.set_threshold(1)
    return store


def assert_unsafe(store: TrustStore, why: str, *, for_add: PublicKey | None = None) -> None:
    with pytest.raises(NotInstallableHere, match=why) as caught:
        store.load()
    assert caught.value.code == "trust-unsafe"
    assert caught.value.hint
    if for_add is not None:
        assert code_of(NotInstallableHere, lambda: add(store, for_add)) == "trust-unsafe"


@pytest.mark.parametrize("name", ["", "allowed_signers", "threshold"])
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o020, 0o002])
def test_what_others_may_write_is_refused(name: str, mode: int, filled: TrustStore) -> None:
    (filled.directory / name).chmod(mode)
    assert_unsafe(filled, f"{mode:04o}: others may change it")


@AS_ROOT
@pytest.mark.parametrize("name", ["", "allowed_signers", "threshold"])
def test_what_belongs_to_another_is_refused(name: str, filled: TrustStore) -> None:
    os.chown(filled.directory / name, NOBODY, NOBODY)
    assert_unsafe(filled, f"belongs to user {NOBODY}")


def test_link_to_a_directory_is_refused(
    filled: TrustStore, tmp_path: Path, keys: dict[str, Path]
) -> None:
    (tmp_path / "link").symlink_to(filled.directory)
    store = TrustStore(tmp_path / "link")
    assert_unsafe(store, "symbolic link", for_add=key_of(keys, "bob"))


def test_file_for_a_directory_is_refused(tmp_path: Path, keys: dict[str, Path]) -> None:
    (tmp_path / "file").touch()
    assert_unsafe(TrustStore(tmp_path / "file"), "not a directory", for_add=key_of(keys, "bob"))


@pytest.mark.parametrize("name", ["allowed_signers", "threshold"])
def test_link_to_a_file_is_refused(name: str, filled: TrustStore) -> None:
    path = filled.directory / name
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")
    assert_unsafe(filled, "symbolic link")


@pytest.mark.parametrize("name", ["allowed_signers", "threshold"])
def test_pipe_and_directory_are_refused(name: str, filled: TrustStore) -> None:
    path = filled.directory / name
    path.unlink()
    os.mkfifo(path, 0o644)
    assert_unsafe(filled, "not a regular file")
    path.unlink()
    path.mkdir()
    assert_unsafe(filled, "not a regular file")


def test_directory_above_that_others_may_change_is_refused(
    filled: TrustStore, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    assert_unsafe(filled, "which others may change")
    tmp_path.chmod(0o1777)
    filled.load()


@AS_ROOT
def test_directory_above_that_belongs_to_another_is_refused(
    filled: TrustStore, tmp_path: Path
) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    assert_unsafe(filled, "which others may change")


def test_too_large_file_is_refused(filled: TrustStore) -> None:
    (filled.directory / "threshold").write_bytes(b"1" * 100)
    assert code_of(NotInstallableHere, filled.load) == "trust-io"


def test_planted_temporary_file_is_replaced_not_followed(
    filled: TrustStore, tmp_path: Path, keys: dict[str, Path]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (filled.directory / ".allowed_signers.new").symlink_to(victim)
    add(filled, key_of(keys, "bob"), "bob")
    assert victim.read_text() == "mine"
    assert len(filled.signers()) == 2


def test_store_is_locked_while_it_changes(filled: TrustStore, keys: dict[str, Path]) -> None:
    with HostDirectory(filled.directory, "trust").locked():
        filled.load()
        action = lambda: add(filled, key_of(keys, "bob"))  # noqa: E731
        assert code_of(NotInstallableHere, action) == "trust-busy"
    add(filled, key_of(keys, "bob"))


def test_lock_is_an_ordinary_flock(filled: TrustStore) -> None:
    descriptor = os.open(filled.directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        action = lambda: filled.set_threshold(1)  # noqa: E731
        assert code_of(NotInstallableHere, action) == "trust-busy"
    finally:
        os.close(descriptor)


# --- faults -----------------------------------------------------------------------------------


def changes(store: TrustStore, keys: dict[str, Path]) -> Iterator[Callable[[], object]]:
    yield lambda: add(store, key_of(keys, "carol"), "carol")
    yield lambda: store.remove("bob")
    yield lambda: store.set_threshold(2)


def fresh_copy(original: Path, store: TrustStore) -> None:
    shutil.rmtree(store.directory, ignore_errors=True)
    shutil.copytree(original, store.directory)


def meaning(store: TrustStore) -> tuple[tuple[str, ...], int]:
    return tuple(signer.line for signer in store.signers()), store.threshold()


@pytest.fixture
def original(tmp_path: Path, keys: dict[str, Path]) -> Path:
    store = TrustStore(tmp_path / "original")
    for name in ("alice", "bob"):
        add(store, key_of(keys, name), name)
    store.set_threshold(1)
    return store.directory


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("kind", ["error", "full", "death"])
def test_any_fault_leaves_the_old_or_the_new_store(
    which: int, kind: str, original: Path, store: TrustStore, keys: dict[str, Path]
) -> None:
    change = list(changes(store, keys))[which]
    old = meaning(TrustStore(original))
    fresh_copy(original, store)
    calls = count_calls(change)
    new = meaning(store)
    assert old != new
    seen = set()
    for at in range(1, calls + 1):
        fresh_copy(original, store)
        if kind == "death":
            assert die_at(at, change) == KILLED
        else:
            strike = fail_with(errno.EIO if kind == "error" else errno.ENOSPC)
            with Faults(at, strike).armed(), suppress(MoonliftError, OSError):
                change()
        seen.add(meaning(store))
        assert meaning(store) in {old, new}
        with suppress(UsageError):
            change()
        assert meaning(store) == new
    assert seen == {old, new}


def test_fault_is_reported_with_the_path(filled: TrustStore, keys: dict[str, Path]) -> None:
    faults = Faults(1, fail_with(errno.ENOSPC))
    with (
        faults.armed(("write",)),
        pytest.raises(NotInstallableHere, match="No space left") as caught,
    ):
        add(filled, key_of(keys, "bob"))
    assert caught.value.code == "trust-io"
    assert str(filled.directory) in str(caught.value)
    assert not list(filled.directory.glob(".*"))


def test_everything_is_on_the_disk_in_the_right_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power may go at any moment, which a killed process does not show."""
    seen: list[str] = []

    def spy(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            target = ""
            if name == "fsync":
                kind = stat.S_ISDIR(os.fstat(arguments[0]).st_mode)
                target = " directory" if kind else " file"
            seen.append(name + target)
            return real(*arguments, **named)

        return call

    for name in ("mkdir", "write", "fsync", "rename"):
        monkeypatch.setattr(os, name, spy(name, getattr(os, name)))
    home = HostDirectory(tmp_path / "etc", "trust")
    home.create()
    assert seen[-2:] == ["mkdir", "fsync directory"]
    seen.clear()
    home.write("name", b"data")
    assert seen == ["write", "fsync file", "rename", "fsync directory"]
    seen.clear()
    home.append("log", b"line")
    assert seen == ["write", "fsync file", "fsync directory"]
    seen.clear()
    home.rename("log", "old")
    assert seen == ["rename", "fsync directory"]


def test_short_writes_are_completed(
    filled: TrustStore, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(
        "installer.running.descriptors.os.write", lambda fd, data: real(fd, bytes(data)[:7])
    )
    add(filled, key_of(keys, "bob"), "bob")
    assert [one.principal for one in filled.signers()] == [IDENTITY, "bob"]


def test_directory_that_can_not_be_made(tmp_path: Path, keys: dict[str, Path]) -> None:
    (tmp_path / "file").touch()
    store = TrustStore(tmp_path / "file" / "etc")
    action = lambda: add(store, key_of(keys, "alice"))  # noqa: E731
    assert code_of(NotInstallableHere, action) == "trust-io"


def test_directory_that_vanishes_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = HostDirectory(tmp_path / "etc", "trust")
    monkeypatch.setattr(HostDirectory, "create", lambda _: None)
    with pytest.raises(NotInstallableHere, match="does not exist"), home.locked():
        pytest.fail("there is nothing to lock")
    assert code_of(NotInstallableHere, lambda: home.write("x", b"")) == "trust-io"
