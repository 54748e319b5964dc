"""Signing: every key type by every way to it, checked by our verifier and by ssh-keygen."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

import bundler.verbs.keygen
import bundler.writing.privatekey
from bundler.sign import AgentSigner, FileSigner, Signer, open_signer, sign_sums
from bundler.verbs.keygen import generate_key
from bundler.writing.privatekey import MAX_KEY_FILE
from manifests.bundle.sums import Sums
from manifests.digest import Digest
from manifests.errors import BundleRefused, ExitCode, UsageError
from manifests.seals.sshkey import KeyType, PublicKey, pack_string
from manifests.seals.sshsig import MAX_SIGNATURES, Signature, verify
from tests.support.ssh import (
    SOFTWARE_TYPES,
    Oracle,
    SoftToken,
    keygen_sign,
    make_key,
    public_key,
    running_agent,
    token_agent,
)

SUMS = Sums({"release.json": Digest.of(b"{}"), "files/x": Digest.of(b"x")}).render()
PASSPHRASE = "correct horse"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("keys")
    return {kind: make_key(directory, kind) for kind in SOFTWARE_TYPES}


@pytest.fixture(scope="module")
def locked_keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("locked")
    return {kind: make_key(directory, kind, passphrase=PASSPHRASE) for kind in SOFTWARE_TYPES}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with running_agent(tmp_path_factory.mktemp("agent")) as socket:
        yield socket


def lone_public(private: Path, directory: Path) -> Path:
    """Copy the `.pub` alone, so that only an agent can have the other half."""
    public = directory / "lone.pub"
    public.write_bytes(private.with_name(f"{private.name}.pub").read_bytes())
    return public


def assert_sound(armoured: bytes, key: PublicKey, directory: Path) -> None:
    signature = Signature.parse(armoured)
    verify(signature, SUMS)
    assert signature.public_key == key
    assert Oracle(directory).accepts(armoured, SUMS, key)
    assert not Oracle(directory).accepts(armoured, SUMS + b"x", key)


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(UsageError) as caught:
        action()
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value.code


# --- every way to every key -------------------------------------------------------------------


@pytest.mark.parametrize("kind", SOFTWARE_TYPES)
def test_key_file(kind: str, keys: dict[str, Path], tmp_path: Path) -> None:
    signer = open_signer(keys[kind])
    assert isinstance(signer, FileSigner)
    (armoured,) = sign_sums(SUMS, [signer])
    assert_sound(armoured, public_key(keys[kind]), tmp_path)


@pytest.mark.parametrize("kind", SOFTWARE_TYPES)
def test_key_file_through_ssh_keygen(kind: str, keys: dict[str, Path], tmp_path: Path) -> None:
    signer = open_signer(keys[kind].with_name(f"{kind}.pub"))
    assert isinstance(signer, AgentSigner)
    (armoured,) = sign_sums(SUMS, [signer])
    assert_sound(armoured, public_key(keys[kind]), tmp_path)


@pytest.mark.parametrize("kind", SOFTWARE_TYPES)
def test_ssh_agent(
    kind: str,
    keys: dict[str, Path],
    agent: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    subprocess.run(["ssh-add", "-q", str(keys[kind])], check=True, capture_output=True)
    (armoured,) = sign_sums(SUMS, [open_signer(lone_public(keys[kind], tmp_path))])
    assert_sound(armoured, public_key(keys[kind]), tmp_path)


def test_security_key_in_an_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = SoftToken.new()
    public = tmp_path / "token.pub"
    public.write_text(f"{token.public_key.line} token\n")
    with token_agent(tmp_path, token) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        (armoured,) = sign_sums(SUMS, [open_signer(public)])
    assert_sound(armoured, token.public_key, tmp_path)


def test_all_ways_write_the_same_bytes(
    keys: dict[str, Path], agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ed25519 is deterministic, so nothing but the armour could differ."""
    key = keys["ed25519"]
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    subprocess.run(["ssh-add", "-q", str(key)], check=True, capture_output=True)
    ways: list[Signer] = [open_signer(key), open_signer(lone_public(key, tmp_path))]
    for signer in ways:
        assert signer.sign(SUMS) == keygen_sign(key, SUMS)


@pytest.mark.parametrize("kind", SOFTWARE_TYPES)
def test_locked_key_file(kind: str, locked_keys: dict[str, Path], tmp_path: Path) -> None:
    asked: list[str] = []

    def passphrase() -> bytes:
        asked.append("once")
        return PASSPHRASE.encode()

    (armoured,) = sign_sums(SUMS, [open_signer(locked_keys[kind], passphrase)])
    assert asked == ["once"]
    assert_sound(armoured, public_key(locked_keys[kind]), tmp_path)


def test_passphrase_is_not_asked_for_an_open_key(keys: dict[str, Path]) -> None:
    def never() -> bytes:
        raise AssertionError("asked for a passphrase")

    open_signer(keys["ed25519"], never)


@pytest.mark.parametrize("passphrase", [None, lambda: b"wrong", lambda: b""])
def test_locked_key_stays_locked(
    passphrase: Callable[[], bytes] | None, locked_keys: dict[str, Path]
) -> None:
    action = lambda: open_signer(locked_keys["ed25519"], passphrase)  # noqa: E731
    assert code_of(action) == "signing-key-passphrase"


# --- made by us -------------------------------------------------------------------------------


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE.encode()])
def test_generated_key_works_here_and_in_openssh(passphrase: bytes | None, tmp_path: Path) -> None:
    pair = generate_key(tmp_path / "key", comment="release key", passphrase=passphrase)
    assert pair.public == tmp_path / "key.pub"
    assert pair.public.read_text() == f"{pair.key.line} release key\n"
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    assert stat.S_IMODE(pair.public.stat().st_mode) == 0o644
    (armoured,) = sign_sums(SUMS, [open_signer(pair.private, lambda: passphrase or b"")])
    assert_sound(armoured, pair.key, tmp_path)
    secret = (passphrase or b"").decode()
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-P", secret, "-f", str(pair.private)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert PublicKey.from_line(shown.stdout) == pair.key


def test_generated_keys_differ(tmp_path: Path) -> None:
    made = {generate_key(tmp_path / name, comment="", passphrase=None).key for name in ("a", "b")}
    assert len(made) == 2


def test_mode_of_generated_key_does_not_depend_on_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        pair = generate_key(tmp_path / "key", comment="", passphrase=None)
    finally:
        os.umask(before)
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    assert stat.S_IMODE(pair.public.stat().st_mode) == 0o644


@pytest.mark.parametrize("taken", ["key", "key.pub"])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_nothing_is_overwritten(taken: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / taken
    if kind == "file":
        path.write_text("mine")
    else:
        path.symlink_to(tmp_path / "nowhere")
    action = lambda: generate_key(tmp_path / "key", comment="", passphrase=None)  # noqa: E731
    assert code_of(action) == "signing-key-exists"
    assert [one.name for one in tmp_path.iterdir()] == [taken]


@pytest.mark.parametrize("failing", ["fsync", "fchmod"])
@pytest.mark.parametrize("at", [1, 2])
def test_failed_write_leaves_no_half_pair(
    failing: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    real = getattr(os, failing)

    def fail(*arguments: int) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise OSError(28, "No space left on device")
        real(*arguments)

    monkeypatch.setattr(f"bundler.verbs.keygen.os.{failing}", fail)
    action = lambda: generate_key(tmp_path / "key", comment="", passphrase=None)  # noqa: E731
    assert code_of(action) == "signing-key-write"
    assert list(tmp_path.iterdir()) == []


def test_missing_directory(tmp_path: Path) -> None:
    action = lambda: generate_key(tmp_path / "no" / "key", comment="", passphrase=None)  # noqa: E731
    assert code_of(action) == "signing-key-write"


@pytest.mark.parametrize("comment", ["two\nlines", "\x1b[2J", "x" * 201])
def test_comment_is_one_short_line(comment: str, tmp_path: Path) -> None:
    action = lambda: generate_key(tmp_path / "key", comment=comment, passphrase=None)  # noqa: E731
    assert code_of(action) == "signing-key-comment"


@pytest.mark.parametrize("passphrase", [b"", b"1234"])
def test_short_passphrase_is_refused(passphrase: bytes, tmp_path: Path) -> None:
    action = lambda: generate_key(tmp_path / "k", comment="", passphrase=passphrase)  # noqa: E731
    assert code_of(action) == "signing-key-passphrase"
    assert list(tmp_path.iterdir()) == []


def test_missing_cipher_is_named(
    locked_keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise UnsupportedAlgorithm("Need bcrypt module")

    monkeypatch.setattr(bundler.writing.privatekey, "load_ssh_private_key", missing)
    monkeypatch.setattr(bundler.verbs.keygen, "BestAvailableEncryption", missing)
    for action in (
        lambda: open_signer(locked_keys["ed25519"], lambda: b"x"),
        lambda: generate_key(tmp_path / "key", comment="", passphrase=b"secret"),
    ):
        assert code_of(action) == "signing-key-cipher"


# --- refused keys -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_key_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    key = make_key(tmp_path, "ed25519")
    key.chmod(mode)
    with pytest.raises(UsageError, match=f"{mode:04o}") as caught:
        open_signer(key)
    assert caught.value.code == "signing-key-permissions"
    assert caught.value.hint == f"chmod 600 {key}"


def test_rsa_key_is_refused_by_name(tmp_path: Path) -> None:
    key = make_key(tmp_path, "rsa")
    for path in (key, key.with_name("rsa.pub")):
        with pytest.raises(UsageError, match="ssh-rsa") as caught:
            open_signer(path)
        assert caught.value.code == "signing-key-type"


def test_p384_key_is_refused_by_name(tmp_path: Path) -> None:
    key = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ecdsa", "-b", "384", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True)
    with pytest.raises(UsageError, match="nistp384"):
        open_signer(key)


def test_old_pem_key_is_refused_with_the_way_out(tmp_path: Path) -> None:
    key = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ecdsa", "-m", "PEM", "-N", "", "-f", str(key)]
    subprocess.run(command, check=True)
    with pytest.raises(UsageError, match="OpenSSH private key") as caught:
        open_signer(key)
    assert caught.value.code == "signing-key-malformed"
    assert "ssh-keygen -p" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 100, b"A" * (MAX_KEY_FILE + 1)])
@pytest.mark.parametrize("name", ["key", "key.pub"])
def test_no_key(content: bytes, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    path.chmod(0o600)
    assert code_of(lambda: open_signer(path)) == "signing-key-malformed"


def container(*, magic: bytes = b"openssh-key-v1\0", count: int = 1, blob: bytes) -> bytes:
    """Return a private key file as far as its public half."""
    inside = (
        magic
        + pack_string(b"none") * 2
        + pack_string(b"")
        + count.to_bytes(4, "big")
        + pack_string(blob)
        + pack_string(b"secret")
    )
    body = base64.encodebytes(inside).decode()
    begin, end = (f"-----{word} OPENSSH PRIVATE KEY-----\n" for word in ("BEGIN", "END"))
    return f"{begin}{body}{end}".encode()


@pytest.mark.parametrize(
    ("magic", "count"), [(b"openssh-key-v2\0", 1), (b"openssh-key-v1\0", 2), (b"", 1)]
)
def test_other_containers_are_refused(magic: bytes, count: int, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_bytes(container(magic=magic, count=count, blob=SoftToken.new().key_blob))
    assert code_of(lambda: open_signer(path)) == "signing-key-malformed"


def test_private_half_of_another_type_is_refused(keys: dict[str, Path], tmp_path: Path) -> None:
    rsa = make_key(tmp_path, "rsa")
    file = bundler.writing.privatekey.PrivateKeyFile(
        rsa, public_key(keys["ed25519"]), encrypted=False, pem=rsa.read_bytes()
    )
    assert code_of(lambda: file.unlock(None)) == "signing-key-malformed"


@pytest.mark.parametrize("name", ["key", "key.pub"])
def test_missing_key(name: str, tmp_path: Path) -> None:
    assert code_of(lambda: open_signer(tmp_path / name)) == "signing-key-missing"


def test_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert code_of(lambda: open_signer(tmp_path / "pipe")) == "signing-key-malformed"
    assert code_of(lambda: open_signer(tmp_path)) == "signing-key-missing"


def test_every_shortened_key_file_is_refused(keys: dict[str, Path], tmp_path: Path) -> None:
    good = keys["ed25519"].read_bytes()
    path = tmp_path / "key"
    path.touch(mode=0o600)
    for at in range(0, len(good) - 1, 7):
        path.write_bytes(good[:at])
        assert code_of(lambda: open_signer(path)).startswith("signing-key-")


def test_changed_private_half_never_signs_wrongly(keys: dict[str, Path], tmp_path: Path) -> None:
    lines = keys["ed25519"].read_bytes().split(b"\n")
    path = tmp_path / "key"
    path.touch(mode=0o600)
    for at in range(0, len(lines[3]), 5):
        changed = bytes([*lines[3][:at], lines[3][at] ^ 1, *lines[3][at + 1 :]])
        path.write_bytes(b"\n".join([*lines[:3], changed, *lines[4:]]))
        try:
            (armoured,) = sign_sums(SUMS, [open_signer(path)])
        except UsageError:
            continue
        verify(Signature.parse(armoured), SUMS)


# --- refused signing --------------------------------------------------------------------------


def test_key_that_no_agent_has(keys: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ssh-keygen ended with") as caught:
        sign_sums(SUMS, [open_signer(lone_public(keys["ed25519"], tmp_path))])
    assert caught.value.code == "signing-failed"
    assert "ssh-add -l" in caught.value.hint


def test_missing_ssh_keygen(keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    signer = open_signer(keys["ed25519"].with_name("ed25519.pub"))
    monkeypatch.setenv("PATH", "/nowhere")
    assert code_of(lambda: signer.sign(SUMS)) == "signing-tool-missing"


def test_hanging_ssh_keygen(
    keys: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "ssh-keygen"
    tool.write_text("#!/bin/sh\nexec sleep 60\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("bundler.sign.TOUCH_SECONDS", 0.2)
    signer = open_signer(keys["ed25519"].with_name("ed25519.pub"))
    assert code_of(lambda: sign_sums(SUMS, [signer])) == "signing-failed"


def test_handle_of_a_security_key_goes_through_ssh_keygen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handle is not a secret that we could use; its type stands in clear."""

    token = SoftToken.new()
    path = tmp_path / "handle"
    path.touch(mode=0o600)
    path.write_bytes(container(blob=token.key_blob))
    signer = open_signer(path)
    assert signer == AgentSigner(token.public_key, path)
    assert signer.public_key.key_type is KeyType.SK_ED25519
    monkeypatch.setenv("PATH", "/nowhere")
    assert code_of(lambda: signer.sign(SUMS)) == "signing-tool-missing"


class Liar:
    """Says that it signs with one key, and returns something else."""

    def __init__(self, key: PublicKey, answer: bytes) -> None:
        self.public_key = key
        self._answer = answer

    def sign(self, message: bytes) -> bytes:
        del message
        return self._answer


def test_bad_signature_never_gets_out(keys: dict[str, Path]) -> None:
    key = public_key(keys["ed25519"])
    for answer in (
        b"",
        keygen_sign(keys["ed25519"], SUMS + b"x"),
        keygen_sign(keys["ed25519"], SUMS, "git"),
        keygen_sign(keys["ecdsa"], SUMS),
    ):
        assert code_of(lambda made=answer: sign_sums(SUMS, [Liar(key, made)])) == (  # type: ignore[misc]
            "signing-failed"
        )


def test_signers_are_one_to_many_and_distinct(keys: dict[str, Path]) -> None:
    signer = open_signer(keys["ed25519"])
    assert code_of(lambda: sign_sums(SUMS, [])) == "signing-key-none"
    assert code_of(lambda: sign_sums(SUMS, [signer] * (MAX_SIGNATURES + 1))) == "signing-key-none"
    same = open_signer(keys["ed25519"].with_name("ed25519.pub"))
    assert code_of(lambda: sign_sums(SUMS, [signer, same])) == "signing-key-twice"
    both = sign_sums(SUMS, [signer, open_signer(keys["ecdsa"])])
    assert [Signature.parse(one).public_key.key_type for one in both] == [
        KeyType.ED25519,
        KeyType.ECDSA_P256,
    ]


def test_only_a_sound_list_is_signed(keys: dict[str, Path]) -> None:
    for sums in (b"", b"anything else\n", SUMS[:-1]):
        with pytest.raises(BundleRefused) as caught:
            sign_sums(sums, [open_signer(keys["ed25519"])])
        assert caught.value.code == "sums-malformed"


def test_secrets_do_not_show(keys: dict[str, Path]) -> None:
    signer = open_signer(keys["ed25519"])
    assert "private" not in repr(signer)
    file = bundler.writing.privatekey.PrivateKeyFile.read(keys["ed25519"])
    assert "BEGIN" not in repr(file)
