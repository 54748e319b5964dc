"""Signs SHA256SUMS: one SSHSIG file for each signer.

Owns the two ways to a private key: a key file, unlocked here, and `ssh-keygen -Y sign`, which
reaches whatever an ssh-agent serves (security keys, smart cards, TPM). Does not decide what is
signed, does not write the signature files. Each signature is checked with the host's own verifier
before it is handed out.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from bundler.writing.privatekey import (
    Passphrase,
    PrivateKeyFile,
    SoftwareKey,
    read_key_file,
    wrong_key,
)
from manifests.bundle.sums import Sums
from manifests.errors import BundleRefused, UsageError
from manifests.seals.sshkey import KeyType, MalformedKey, PublicKey
from manifests.seals.sshsig import (
    HASH_ALGORITHM,
    MAX_SIGNATURES,
    NAMESPACE,
    Signature,
    armour,
    raw_ecdsa,
    raw_ed25519,
    signed_data,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["AgentSigner", "FileSigner", "Passphrase", "Signer", "open_signer", "sign_sums"]

TOUCH_SECONDS: Final = 300
"""How long ssh-keygen may wait for a PIN or a touch."""


class Signer(Protocol):
    """Whoever can sign with one private key."""

    @property
    def public_key(self) -> PublicKey:
        """The key that its signatures are by."""

    def sign(self, message: bytes) -> bytes:
        """Return an armoured signature over `message` for our namespace.

        Raises:
            UsageError: `signing-failed` or another `signing-...`.
        """


@dataclass(frozen=True, slots=True)
class FileSigner:
    """Signs with an unlocked key file; the private key stays in this process."""

    public_key: PublicKey
    private_key: SoftwareKey = field(repr=False)

    @classmethod
    def open(cls, file: PrivateKeyFile, passphrase: Passphrase | None) -> FileSigner:
        """Unlock `file`.

        Raises:
            UsageError: as `PrivateKeyFile.unlock`.
        """
        return cls(file.public_key, file.unlock(passphrase))

    def sign(self, message: bytes) -> bytes:
        """Return an armoured signature over `message`."""
        raw = _sign_raw(self.private_key, signed_data(message))
        return armour(Signature(self.public_key, NAMESPACE, HASH_ALGORITHM, raw))


@dataclass(frozen=True, slots=True)
class AgentSigner:
    """Signs through ssh-keygen, so the private key may live in an agent or a security key.

    Attributes:
        public_key: the key that signs.
        path: its `.pub`, or the handle file of a security key.
    """

    public_key: PublicKey
    path: Path

    @classmethod
    def open(cls, path: Path) -> AgentSigner:
        """Read the `.pub` at `path`.

        Raises:
            UsageError: `signing-key-missing`, `signing-key-malformed`, `signing-key-type`.
        """
        try:
            line = read_key_file(path, private=False).decode("utf-8", errors="replace")
            return cls(PublicKey.from_line(line), path)
        except MalformedKey as err:
            raise wrong_key(path, err) from err

    def sign(self, message: bytes) -> bytes:
        """Return an armoured signature over `message`; its prompts go to the terminal.

        Raises:
            UsageError: `signing-tool-missing`, `signing-failed`.
        """
        command = (_ssh_keygen(), "-Y", "sign", "-f", str(self.path.absolute()), "-n", NAMESPACE)
        try:
            done = subprocess.run(  # noqa: S603 - no shell; the tool is found on PATH
                command, input=message, stdout=subprocess.PIPE, check=False, timeout=TOUCH_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as err:
            raise _failed(self.public_key, f"ssh-keygen did not finish: {err}") from err
        if done.returncode != 0:
            raise _failed(self.public_key, f"ssh-keygen ended with {done.returncode}")
        return done.stdout


def open_signer(path: Path, passphrase: Passphrase | None = None) -> Signer:
    """Choose the way to the key at `path`.

    A `.pub` and the handle of a security key are signed with through ssh-keygen, any other
    private key here.

    Args:
        path: a private key, or the `.pub` of one that an agent serves.
        passphrase: asks for the passphrase of an encrypted key file.

    Raises:
        UsageError: `signing-key-...`.
    """
    if path.suffix == ".pub":
        return AgentSigner.open(path)
    file = PrivateKeyFile.read(path)
    if file.public_key.key_type is KeyType.SK_ED25519:
        return AgentSigner(file.public_key, path)
    return FileSigner.open(file, passphrase)


def sign_sums(sums: bytes, signers: Sequence[Signer]) -> list[bytes]:
    """Return one armoured signature over `sums` for each of `signers`, in their order.

    Args:
        sums: the bytes of SHA256SUMS, as they lie in the bundle.
        signers: one or more, each with another key.

    Raises:
        UsageError: `signing-key-none`, `signing-key-twice`, `signing-failed`.
        BundleRefused: `sums-malformed`.
    """
    Sums.parse(sums)
    _check_signers(signers)
    return [_sign_checked(signer, sums) for signer in signers]


def _check_signers(signers: Sequence[Signer]) -> None:
    if not 0 < len(signers) <= MAX_SIGNATURES:
        raise UsageError(
            "signing-key-none", f"expected 1 to {MAX_SIGNATURES} signing keys, found {len(signers)}"
        )
    points = [signer.public_key.point for signer in signers]
    for at, signer in enumerate(signers):
        if signer.public_key.point in points[:at]:
            raise UsageError(
                "signing-key-twice",
                f"key {signer.public_key.fingerprint} is given twice; it counts once",
                fingerprint=signer.public_key.fingerprint,
            )


def _sign_checked(signer: Signer, sums: bytes) -> bytes:
    armoured = signer.sign(sums)
    try:
        signature = Signature.parse(armoured)
        verify(signature, sums)
    except BundleRefused as err:
        raise _failed(signer.public_key, f"the new signature is no good: {err}") from err
    if signature.public_key != signer.public_key:
        found = signature.public_key.fingerprint
        raise _failed(signer.public_key, f"the new signature is by another key, {found}")
    return armoured


def _sign_raw(key: SoftwareKey, data: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return raw_ed25519(key.sign(data))
    return raw_ecdsa(*decode_dss_signature(key.sign(data, ECDSA(SHA256()))))


def _ssh_keygen() -> str:
    tool = shutil.which("ssh-keygen")
    if tool is None:
        raise UsageError(
            "signing-tool-missing",
            "ssh-keygen is not on PATH; it signs with keys in an agent or a security key",
            hint="install openssh-client, or sign with a key file",
        )
    return tool


def _failed(key: PublicKey, reason: str) -> UsageError:
    return UsageError(
        "signing-failed",
        f"signing with {key.fingerprint}: {reason}",
        hint="is the key loaded? ssh-add -l",
        fingerprint=key.fingerprint,
    )
