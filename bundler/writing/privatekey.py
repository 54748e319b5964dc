"""OpenSSH private key files: who they belong to, and how they are unlocked.

Owns the reading of a key file and the refusal of one that others can read. Does not sign; does
not ask for a passphrase itself: the caller brings a function that does.

Format: OpenSSH's PROTOCOL.key. The public half stands in clear before the encrypted part, so the
type of a key is known without its passphrase.
"""

from __future__ import annotations

import binascii
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from manifests.errors import UsageError
from manifests.seals.sshkey import MalformedKey, MalformedWire, PublicKey, WireReader

if TYPE_CHECKING:
    from pathlib import Path

MAX_KEY_FILE: Final = 64 * 1024
"""Bytes of one key file."""

Passphrase: TypeAlias = Callable[[], bytes]
"""Asks for the passphrase; called only for an encrypted key."""
SoftwareKey: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey

_MAGIC = b"openssh-key-v1\0"
_BEGIN = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_END = b"-----END OPENSSH PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class PrivateKeyFile:
    """A private key as it lies on disk, still locked if it has a passphrase.

    Attributes:
        path: where it was read.
        public_key: whose it is.
        encrypted: whether it has a passphrase.
        pem: the bytes of the file; secret.
    """

    path: Path
    public_key: PublicKey
    encrypted: bool
    pem: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> PrivateKeyFile:
        """Read the key at `path`.

        Raises:
            UsageError: `signing-key-missing`, `signing-key-permissions`, `signing-key-malformed`,
                `signing-key-type`.
        """
        pem = read_key_file(path, private=True)
        try:
            cipher, blob = _header(pem)
            public_key = PublicKey.from_blob(blob)
        except (MalformedWire, binascii.Error) as err:
            raise _malformed(path, f"expected an OpenSSH private key: {err}") from err
        except MalformedKey as err:
            raise wrong_key(path, err) from err
        return cls(path, public_key, cipher != b"none", pem)

    def unlock(self, passphrase: Passphrase | None) -> SoftwareKey:
        """Return the private key itself.

        Raises:
            UsageError: `signing-key-passphrase`, `signing-key-cipher`, `signing-key-malformed`.
        """
        if self.encrypted and passphrase is None:
            raise _locked(self.path, "has a passphrase, and none was given")
        secret = passphrase() if self.encrypted and passphrase is not None else None
        try:
            key = load_ssh_private_key(self.pem, secret)
        except UnsupportedAlgorithm as err:
            raise UsageError(
                "signing-key-cipher",
                f"{self.path}: this Python can't decrypt it: {err}",
                hint="install the bcrypt package, or give the .pub and load the key: ssh-add",
                path=str(self.path),
            ) from err
        except (ValueError, TypeError) as err:
            if self.encrypted:
                raise _locked(self.path, "can't be unlocked: wrong passphrase, or damaged") from err
            raise _malformed(self.path, f"damaged: {err}") from err
        if not isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey):
            raise _malformed(self.path, f"a {self.public_key.key_type} key that is not one")
        return key


def read_key_file(path: Path, *, private: bool) -> bytes:
    """Return the bytes of a key file; a private one that others can read is refused.

    Raises:
        UsageError: `signing-key-missing`, `signing-key-permissions`, `signing-key-malformed`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            _check_status(path, os.fstat(descriptor), private=private)
            data = file.read(MAX_KEY_FILE + 1)
    except OSError as err:
        raise UsageError(
            "signing-key-missing",
            f"{path} can't be read: {err.strerror}",
            hint="make a key with: bundle keygen",
            path=str(path),
        ) from err
    if len(data) > MAX_KEY_FILE:
        raise _malformed(path, f"larger than {MAX_KEY_FILE} bytes")
    return data


def wrong_key(path: Path, err: MalformedKey) -> UsageError:
    """Build the error for a key file whose key we do not take."""
    code = "signing-key-type" if err.code == "key-type" else "signing-key-malformed"
    return UsageError(code, f"{path}: {err}", path=str(path))


def _check_status(path: Path, status: os.stat_result, *, private: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _malformed(path, "not a regular file")
    mode = stat.S_IMODE(status.st_mode)
    if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            "signing-key-permissions",
            f"{path} has mode {mode:04o}: others can read this private key, expected 0600",
            hint=f"chmod 600 {path}",
            path=str(path),
        )


def _header(pem: bytes) -> tuple[bytes, bytes]:
    """Return the name of the cipher and the public key's blob."""
    lines = pem.strip().split(b"\n")
    if lines[0].strip() != _BEGIN or lines[-1].strip() != _END:
        raise MalformedWire("no BEGIN OPENSSH PRIVATE KEY line")
    reader = WireReader(binascii.a2b_base64(b"".join(lines[1:-1])))
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise MalformedWire("does not start with openssh-key-v1")
    cipher = reader.string()
    reader.string()
    reader.string()
    if reader.uint32() != 1:
        raise MalformedWire("expected one key in the file")
    return cipher, reader.string()


def _malformed(path: Path, reason: str) -> UsageError:
    return UsageError(
        "signing-key-malformed",
        f"{path}: {reason}",
        hint=f"ssh-keygen -p -f {path} rewrites a key in OpenSSH's own format",
        path=str(path),
    )


def _locked(path: Path, reason: str) -> UsageError:
    return UsageError(
        "signing-key-passphrase",
        f"{path} {reason}",
        hint=f"or load it with ssh-add and give {path}.pub instead",
        path=str(path),
    )
