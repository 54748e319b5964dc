"""Makes a signing key: an OpenSSH private key and its `.pub` beside it.

Owns the two files. Does not sign, does not overwrite, does not send the key anywhere. Keys on
security keys and in hardware are made with `ssh-keygen -t ed25519-sk` instead.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from manifests.errors import UsageError
from manifests.seals.sshkey import PublicKey
from manifests.strictjson import JsonValue

MAX_COMMENT: Final = 200
"""Characters of a key's comment."""
MIN_PASSPHRASE: Final = 5
"""Bytes; fewer is refused, as ssh-keygen does."""

_PRIVATE_MODE = stat.S_IRUSR | stat.S_IWUSR
_PUBLIC_MODE = _PRIVATE_MODE | stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A signing key that was just written.

    Attributes:
        private: the private key, mode 0600.
        public: the public key, `<private>.pub`, mode 0644.
        key: the public key itself, for its fingerprint.
    """

    private: Path
    public: Path
    key: PublicKey


def pair_lines(pair: KeyPair) -> list[str]:
    """Return what a person needs to know of a new key."""
    return [
        f"private key  {pair.private} (keep it off the drive)",
        f"public key   {pair.public}",
        f"fingerprint  {pair.key.fingerprint}",
        "on each host: installer trust add KEY.pub --id NAME --fingerprint SHA256:...",
    ]


def pair_json(pair: KeyPair) -> JsonValue:
    """Return the same for programs."""
    return {
        "private": str(pair.private),
        "public": str(pair.public),
        "fingerprint": pair.key.fingerprint,
    }


def generate_key(path: Path, *, comment: str, passphrase: bytes | None) -> KeyPair:
    """Write a new Ed25519 key to `path` and its public half to `<path>.pub`.

    Args:
        path: where the private key goes; neither file may exist.
        comment: stands behind the public key; one line.
        passphrase: encrypts the private key; None leaves it in the clear.

    Raises:
        UsageError: `signing-key-exists`, `signing-key-write`, `signing-key-comment`,
            `signing-key-passphrase`, `signing-key-cipher`.
    """
    if not comment.isprintable() or len(comment) > MAX_COMMENT:
        raise UsageError(
            "signing-key-comment",
            f"expected a comment of one line, at most {MAX_COMMENT} characters",
        )
    private_key = Ed25519PrivateKey.generate()
    secret = _private_bytes(private_key, passphrase)
    key = PublicKey.from_line(
        private_key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    )
    pair = KeyPair(path, path.with_name(f"{path.name}.pub"), key)
    _write_pair(pair, secret, f"{key.line} {comment}".rstrip() + "\n")
    return pair


def _private_bytes(key: Ed25519PrivateKey, passphrase: bytes | None) -> bytes:
    if passphrase is None:
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    if len(passphrase) < MIN_PASSPHRASE:
        raise UsageError(
            "signing-key-passphrase",
            f"expected a passphrase of {MIN_PASSPHRASE} bytes or more, found {len(passphrase)}",
        )
    try:
        encryption = BestAvailableEncryption(passphrase)
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption)
    except UnsupportedAlgorithm as err:
        raise UsageError(
            "signing-key-cipher",
            f"this Python can't encrypt OpenSSH keys: {err}",
            hint="install the bcrypt package, or make the key with: ssh-keygen -t ed25519",
        ) from err


def _write_pair(pair: KeyPair, secret: bytes, line: str) -> None:
    if os.path.lexists(pair.public):
        raise _exists(pair.public)
    _write_new(pair.private, secret, _PRIVATE_MODE)
    try:
        _write_new(pair.public, line.encode(), _PUBLIC_MODE)
    except BaseException:
        pair.private.unlink()
        raise


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist; leave none behind if that fails."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, mode)
    except FileExistsError as err:
        raise _exists(path) from err
    except OSError as err:
        raise _unwritable(path, err) from err
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError as err:
        with suppress(OSError):
            path.unlink()
        raise _unwritable(path, err) from err


def _exists(path: Path) -> UsageError:
    return UsageError(
        "signing-key-exists",
        f"{path} exists and is never overwritten",
        hint="choose another name, or move the old key away",
        path=str(path),
    )


def _unwritable(path: Path, err: OSError) -> UsageError:
    return UsageError(
        "signing-key-write", f"{path} can't be written: {err.strerror}", path=str(path)
    )
