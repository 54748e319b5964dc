"""The keys that this host trusts to seal bundles, and how many of them it asks for.

Owns `allowed_signers` (OpenSSH format, so `ssh-keygen -Y verify` reads it too) and `threshold` in
one directory. Never takes a key from a bundle, and takes one at all only with its fingerprint
typed by a person, or by the call that says what it is: `add_on_first_use`.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from installer.state.hostdir import HostDirectory
from manifests.errors import BundleRefused, NotInstallableHere, UsageError
from manifests.seals.allowedsigners import (
    MAX_BYTES,
    AllowedSigner,
    distinct_keys,
    is_principal,
    parse_signers,
)
from manifests.seals.sshkey import PublicKey
from manifests.seals.sshsig import MAX_SIGNATURES

DEFAULT_DIRECTORY: Final = Path("/etc/moonlift")
SIGNERS_FILE: Final = "allowed_signers"
THRESHOLD_FILE: Final = "threshold"

_ROOM: Final = "trust"
_ADD_HINT: Final = "installer trust add KEY.pub --fingerprint SHA256:... adds a signer's key"
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}", re.ASCII)
_THRESHOLD = re.compile(rb"([1-9][0-9]?)\n?")
_MAX_THRESHOLD_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """What a bundle's signatures are counted against.

    Attributes:
        signers: the host's own list; not empty.
        threshold: how many distinct keys must have signed.
    """

    signers: tuple[AllowedSigner, ...]
    threshold: int


class TrustStore:
    """The trust directory of this host; each call reads it anew."""

    def __init__(self, directory: Path = DEFAULT_DIRECTORY) -> None:
        self.directory = directory
        self._home = HostDirectory(directory, _ROOM)

    def load(self) -> TrustedKeys:
        """Return the trusted keys.

        Raises:
            NotInstallableHere: `trust-empty`, `trust-unsafe`, `trust-malformed`, `trust-io`,
                `signers-malformed`.
        """
        signers = self.signers()
        if not signers:
            raise NotInstallableHere(
                "trust-empty",
                f"this host trusts no key yet: {self.directory / SIGNERS_FILE} has none",
                hint=_ADD_HINT,
                path=str(self.directory),
            )
        return TrustedKeys(signers, self.threshold())

    def signers(self) -> tuple[AllowedSigner, ...]:
        """Return every listed signer; none if there is no store yet.

        Raises:
            NotInstallableHere: `trust-unsafe`, `trust-io`, `signers-malformed`.
        """
        return parse_signers(self._home.read(SIGNERS_FILE, limit=MAX_BYTES) or b"")

    def threshold(self) -> int:
        """Return how many distinct keys must have signed; 1 unless it was set.

        Raises:
            NotInstallableHere: `trust-unsafe`, `trust-malformed`, `trust-io`.
        """
        data = self._home.read(THRESHOLD_FILE, limit=_MAX_THRESHOLD_BYTES)
        if data is None:
            return 1
        match = _THRESHOLD.fullmatch(data)
        if match is None or int(match[1]) > MAX_SIGNATURES:
            raise NotInstallableHere(
                "trust-malformed",
                f"{self.directory / THRESHOLD_FILE}: expected a number from 1 to"
                f" {MAX_SIGNATURES}, found {data!r}",
                hint="installer trust threshold N sets it",
            )
        return int(match[1])

    def add(
        self, public_key: PublicKey, principal: str, *, expected_fingerprint: str
    ) -> AllowedSigner:
        """Trust a key whose fingerprint a person brought by another way than the key.

        Raises:
            UsageError: `trust-fingerprint-malformed`, `trust-principal`, `trust-key-known`.
            BundleRefused: `trust-fingerprint`: the key is another one.
            NotInstallableHere: as `load`, or `trust-busy`.
        """
        _check_fingerprint(public_key, expected_fingerprint)
        return self.add_on_first_use(public_key, principal)

    def add_on_first_use(self, public_key: PublicKey, principal: str) -> AllowedSigner:
        """Trust a key that nobody compared: call it only after a person asked for just that.

        Raises:
            UsageError: `trust-principal`, `trust-key-known`.
            NotInstallableHere: as `load`, or `trust-busy`.
        """
        if not is_principal(principal):
            raise UsageError(
                "trust-principal",
                f"expected a name such as release@example.org, found {principal!r}",
            )
        signer = AllowedSigner((principal,), public_key)
        with self._home.locked():
            self._refuse_known(public_key)
            text = self._home.read(SIGNERS_FILE, limit=MAX_BYTES) or b""
            ended = text if text.endswith(b"\n") or not text else text + b"\n"
            self._write_signers(ended + signer.line.encode() + b"\n")
        return signer

    def remove(self, name: str) -> tuple[AllowedSigner, ...]:
        """Stop trusting the key with this fingerprint or name; return the lines removed.

        Every line that holds the key goes, whatever name stands in it. The threshold stays: with
        fewer keys than it asks for, every bundle is refused.

        Raises:
            UsageError: `trust-unknown`; `trust-ambiguous` for a name with several keys.
            NotInstallableHere: as `load`, or `trust-busy`.
        """
        with self._home.locked():
            signers = self.signers()
            point = _only_key(signers, name)
            removed = tuple(one for one in signers if one.public_key.point == point)
            gone = {one.line_number for one in removed}
            data = self._home.read(SIGNERS_FILE, limit=MAX_BYTES) or b""
            lines = enumerate(data.split(b"\n"), start=1)
            self._write_signers(b"\n".join(line for at, line in lines if at not in gone))
        return removed

    def set_threshold(self, count: int) -> None:
        """Ask for `count` distinct keys on every bundle from now on.

        Raises:
            UsageError: `trust-threshold`: less than 1, or more than there are keys.
            NotInstallableHere: as `load`, or `trust-busy`.
        """
        with self._home.locked():
            keys = distinct_keys(self.signers())
            if not 1 <= count <= min(keys, MAX_SIGNATURES):
                raise UsageError(
                    "trust-threshold",
                    f"expected a threshold from 1 to the number of keys, {keys}; found {count}",
                    hint=_ADD_HINT,
                )
            self._home.write(THRESHOLD_FILE, f"{count}\n".encode())

    def _refuse_known(self, public_key: PublicKey) -> None:
        for signer in self.signers():
            if signer.public_key.point == public_key.point:
                raise UsageError(
                    "trust-key-known",
                    f"{public_key.fingerprint} is trusted already, as {signer.principal}",
                    fingerprint=public_key.fingerprint,
                )

    def _write_signers(self, data: bytes) -> None:
        parse_signers(data)
        self._home.write(SIGNERS_FILE, data)


def _check_fingerprint(public_key: PublicKey, expected: str) -> None:
    if not _FINGERPRINT.fullmatch(expected):
        raise UsageError(
            "trust-fingerprint-malformed",
            f"expected the whole fingerprint, SHA256: and 43 characters; found {expected[:80]!r}",
            hint="ssh-keygen -l -f KEY.pub shows it",
        )
    if not hmac.compare_digest(expected, public_key.fingerprint):
        raise BundleRefused(
            "trust-fingerprint",
            f"this is not the key you were told of: expected {expected},"
            f" found {public_key.fingerprint}",
            hint="do not trust it; ask its owner for the key and the fingerprint again",
            expected=expected,
            found=public_key.fingerprint,
        )


def _only_key(signers: tuple[AllowedSigner, ...], name: str) -> bytes:
    """Return the bare key that `name` means."""
    keys = {
        one.public_key.point: one.public_key.fingerprint
        for one in signers
        if name in (one.public_key.fingerprint, *one.principals)
    }
    if not keys:
        raise UsageError(
            "trust-unknown",
            f"no trusted key is called {name!r}",
            hint="installer trust list shows names and fingerprints",
        )
    if len(keys) > 1:
        raise UsageError(
            "trust-ambiguous",
            f"{name!r} has {len(keys)} keys: {', '.join(keys.values())}",
            hint="say which by its fingerprint",
        )
    return next(iter(keys))
